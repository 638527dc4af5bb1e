import numpy as np
import pytest

from eval.router_report import calibration_error, report, summary_lines
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
    assert found.examples == 7
    assert found.accuracy == pytest.approx(4 / 5)
    assert found.accepted == pytest.approx(4 / 5)
    assert found.right == pytest.approx(3 / 5)
    assert found.confusion == ((2, 1, 1), (0, 1, 0), (0, 1, 1))
    a, b = found.domains
    assert (a.examples, a.precision, a.recall) == (4, 1.0, 0.5)
    assert (b.examples, b.precision, b.recall) == (1, pytest.approx(1 / 3), 1.0)
    assert (found.none.examples, found.none.precision, found.none.recall) == (2, 0.5, 0.5)


def test_calibration_is_over_bins_of_how_sure() -> None:
    # Sure .9 and right half the time, sure .5 and always right: (2 * .4 + 1 * .5) / 3.
    found = calibration_error(np.array([0.9, 0.9, 0.5]), np.array([True, False, True]))
    assert found == pytest.approx((2 * 0.4 + 0.5) / 3)
    assert calibration_error(np.array([1.0]), np.array([True])) == 0.0
    assert calibration_error(np.array([]), np.array([], dtype=bool)) == 0.0


def test_without_out_of_scope_examples_their_recall_is_not_claimed() -> None:
    found = report("hand", ROUTER, examples(("a", 1.0, 0.0), ("b", 0.0, 1.0)), "none")
    assert (found.none.examples, found.none.precision, found.none.recall) == (0, None, None)
    assert "-" in found.lines()[-6]


def test_out_of_scope_examples_alone_have_no_accuracy() -> None:
    found = report("hand", ROUTER, examples(("none", 0.1, 0.0)), "none")
    assert (found.accuracy, found.accepted, found.none.recall) == (0.0, 0.0, 1.0)


def test_a_label_that_the_router_does_not_know_is_named() -> None:
    with pytest.raises(InputError, match=r"knows a, b; not oos.*--none"):
        report("hand", ROUTER, MIXED, "none")


def test_the_lines_hold_the_numbers() -> None:
    found = report("hand", ROUTER, MIXED, "oos")
    (header, row) = summary_lines([found])
    assert header.split()[:3] == ["router", "method", "accuracy"]
    assert row.split()[:4] == ["hand", "hand", "0.8000", "0.8000"]
    text = "\n".join(found.lines())
    assert "1 a" in text
    assert "0.3333" in text
