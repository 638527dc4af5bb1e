from dataclasses import replace

import numpy as np
import pytest

from eval.router_report import (
    Bin,
    Said,
    Share,
    reliability,
    report,
    report_of,
    summary_lines,
)
from eval.router_training import Labelled
from retrieval.errors import InputError
from retrieval.router import Router

NOTHING = np.zeros((0, 0), np.float32)
ROUTER = Router(
    encoder={},
    labels=("a", "b"),
    weights=np.eye(2, dtype=np.float32),
    bias=np.zeros(2, np.float32),
    owners=np.array([0, 1], np.int32),
    temperature=1.0,
    threshold=0.5,
    familiarity="score",
    near=NOTHING,
    near_means=NOTHING,
    far=NOTHING,
    far_mean=NOTHING,
    trained={"method": "hand"},
)


def examples(*rows: tuple[str, float, float]) -> Labelled:
    domains = tuple(label for label, *_ in rows)
    return Labelled(np.array([row for _, *row in rows], np.float32), domains, domains)


MIXED = examples(
    ("a", 1.0, 0.0),  # right
    ("a", 0.9, 0.0),  # right
    ("a", 0.0, 1.0),  # called b
    ("a", 0.4, 0.0),  # right, but not accepted
    ("b", 0.0, 1.0),  # right
    ("oos", 0.1, 0.0),  # rejected
    ("oos", 0.0, 0.8),  # called b
)


def test_shares_and_confusion_are_those_counted_by_hand() -> None:
    found = report("hand", ROUTER, MIXED, "oos")
    assert found.as_json()["examples"] == 7
    assert found.accuracy == Share(4, 5)
    assert found.accepted == Share(4, 5)
    assert found.right == Share(3, 5)
    assert found.confusion == ((2, 1, 1), (0, 1, 0), (0, 1, 1))
    a, b = found.domains
    assert a == ("a", Share(2, 2), Share(2, 4))
    assert b == ("b", Share(1, 3), Share(1, 1))
    assert found.none == ("oos", Share(1, 2), Share(1, 2))


def test_a_share_has_the_interval_of_wilson() -> None:
    # 4 of 5: centre (p + z²/2n) / (1 + z²/n) = (0.8 + 0.38415) / 1.76829 = 0.66966, and half of it
    # z sqrt(p(1-p)/n + z²/4n²) / (1 + z²/n) = 1.95996 * sqrt(0.032 + 0.038415) / 1.76829 = 0.29412.
    found = Share(4, 5).as_json()
    assert found == {
        "value": 0.8,
        "low": pytest.approx(0.37554, abs=2e-5),
        "high": pytest.approx(0.96378, abs=2e-5),
        "of": 5,
    }
    assert str(Share(4, 5)) == "0.8000 [0.376, 0.964]"
    assert Share(0, 0).as_json() == {"value": None, "low": None, "high": None, "of": 0}
    assert str(Share(0, 0)) == "-"


def test_calibration_is_over_bins_of_how_sure() -> None:
    # Sure .9 and right half the time, sure .5 and always right: (2 * .4 + 1 * .5) / 3.
    found = reliability(np.array([0.9, 0.9, 0.5]), np.array([True, False, True]))
    assert found == (Bin(7 / 15, 1, 0.5, 1.0), Bin(13 / 15, 2, pytest.approx(0.9), 0.5))
    assert reliability(np.array([1.0]), np.array([True])) == (Bin(14 / 15, 1, 1.0, 1.0),)
    assert reliability(np.array([]), np.array([], dtype=bool)) == ()
    # Of the five that have a domain: softmax of (1, 0) is .731, and 1 of the 2 so sure is right.
    sure = [np.exp(x) / (np.exp(x) + 1) for x in (1.0, 0.9, 1.0, 0.4, 1.0)]
    error = report("hand", ROUTER, MIXED, "oos").calibration_error
    first = abs(sure[0] + sure[1] + sure[2] + sure[4] - 3) / 5
    assert error == pytest.approx(first + abs(sure[3] - 1) / 5, abs=1e-6)


def test_without_out_of_scope_examples_their_recall_is_not_claimed() -> None:
    found = report("hand", ROUTER, examples(("a", 1.0, 0.0), ("b", 0.0, 1.0)), "none")
    assert found.none == ("none", Share(0, 0), Share(0, 0))
    assert "-" in next(line for line in found.lines() if line.startswith("none"))


def test_out_of_scope_examples_alone_have_no_accuracy() -> None:
    found = report("hand", ROUTER, examples(("none", 0.1, 0.0)), "none")
    assert (found.accuracy, found.accepted, found.none.recall) == ((0, 0), (0, 0), (1, 1))
    assert found.calibration_error == 0.0


def test_a_question_whose_domains_a_router_does_not_name_is_not_right_by_being_of_the_first() -> (
    None
):
    probabilities = np.array([[0.0, 0.0], [0.9, 0.1], [0.0, 0.0]])
    accepted = np.array([False, True, False])
    found = report_of(("r", ""), Said(("a", "b"), np.array([0, 0, 1]), probabilities, accepted))
    assert found.accuracy == Share(1, 3)
    assert found.bins == (Bin(13 / 15, 1, pytest.approx(0.9), 1.0),)
    assert found.confusion == ((1, 0, 1), (0, 0, 1), (0, 0, 0))


def test_a_label_that_the_router_does_not_know_is_named() -> None:
    with pytest.raises(InputError, match=r"knows a, b; not oos.*--none"):
        report("hand", ROUTER, MIXED, "none")


def test_the_lines_hold_the_numbers() -> None:
    found = report("hand", ROUTER, MIXED, "oos")
    (header, row) = summary_lines([found])
    assert header.split()[:3] == ["router", "method", "accuracy"]
    assert row.split()[:4] == ["hand", "hand", "0.8000", "[0.376,"]
    text = "\n".join(found.lines())
    assert "1 a" in text
    assert "0.3333" in text
    assert "sure from" in text


def test_routers_are_compared_question_by_question() -> None:
    one = report("one", ROUTER, MIXED, "oos")
    strict = report("strict", replace(ROUTER, threshold=0.85), MIXED, "oos")
    *_, header, row = summary_lines([one, strict])
    assert header.startswith("beside one")
    # No domain is called otherwise; both out-of-scope questions are refused instead of one of two.
    assert row.split()[:3] == ["strict", "+0.0000", "[+0.0000,"]
    assert "+0.5000" in row
