import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.answers import Answer
from eval.corpus import Judged
from eval.judgments import Judgment
from eval.questions import Query
from eval.scoring import score

DOCUMENTS = tuple("abcdefg")


def scored(judgments: list[Judgment], documents: list[str]) -> dict[str, float]:
    kept = Judged((Query("q", "?"),), (), {"q": tuple(judgments)}, ())
    return score(kept, {"q": Answer(documents=tuple(documents))}, (1, 3)).scores.rows()["q"]


def test_an_alternative_that_is_not_needed_any_more_is_not_missed() -> None:
    needed = [
        Judgment("q", "a", group="one"),
        Judgment("q", "b", group="two"),
        Judgment("q", "e", group="two"),
    ]
    found = scored(needed, ["a", "x", "b"])
    assert (found["R@1"], found["R@3"], found["full_recall@3"]) == (0.5, 1.0, 1.0)
    # Gains 1, 0, 1 at 1, log2(3), 2, against 1, 1: (1 + 1/2) / (1 + 1/log2(3)).
    assert found["nDCG@3"] == pytest.approx(1.5 / (1 + 1 / np.log2(3)))
    assert found["AP@3"] == pytest.approx((1 + 2 / 3) / 2)
    assert (found["P@3"], found["RR@3"], found["Success@1"]) == (pytest.approx(2 / 3), 1.0, 1.0)
    assert scored(needed, ["b", "a"])["nDCG@3"] == 1.0
    assert scored(needed, ["b", "e"])["R@3"] == 0.5


grades = st.dictionaries(st.sampled_from(DOCUMENTS), st.integers(0, 3), min_size=1)
rankings = st.lists(st.sampled_from(DOCUMENTS), unique=True)


@given(grades, rankings)
def test_where_every_document_is_needed_alternatives_change_no_measure(graded, ranked) -> None:
    """The measures on groups are trec_eval's where a group has one document."""
    plain = [Judgment("q", id, grade) for id, grade in graded.items()]
    # A group of two, of which one is no document of the ranking, and no better than the other.
    first = max(graded, key=lambda id: graded[id])
    pair = [
        Judgment("q", each.document_id, each.grade, group=each.document_id) for each in plain
    ] + [Judgment("q", "nowhere", graded[first], group=first)]
    expected, found = scored(plain, ranked), scored(pair, ranked)
    assert found == pytest.approx(expected, abs=1e-9)
