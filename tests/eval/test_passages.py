"""Passage measures: worked out by hand, bounded, and trec_eval's where nothing is special."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.documents import document_scores
from eval.judgments import Judgment
from eval.passages import Coverage, Place, coverage, credited, passage_scores
from retrieval.types import Span


def asked(
    document: str, start: int, end: int, grade: int = 1, group: str | None = None
) -> Judgment:
    return Judgment("q", document, grade, Span(start, end), group=group)


def hit(document: str, start: int, end: int) -> Place:
    return Place(document, Span(start, end))


def row(judgments: list[Judgment], hits: list[Place], *cutoffs: int) -> dict[str, float]:
    return passage_scores({"q": coverage(judgments, hits)}, cutoffs or (1, 2, 5)).rows()["q"]


def test_a_hit_covers_a_span_from_half_of_its_characters_on() -> None:
    judgments = [asked("a", 100, 120)]
    assert coverage(judgments, [hit("a", 0, 110)]).grades == [1]
    assert coverage(judgments, [hit("a", 0, 109)]).grades == [0]
    assert coverage(judgments, [hit("a", 105, 115)]).grades == [1]
    assert coverage(judgments, [hit("b", 0, 500)]).grades == [0]


def test_a_span_is_earned_once_and_its_repetition_stays_on_the_topic() -> None:
    found = coverage([asked("a", 0, 10), asked("a", 50, 60)], [hit("a", 0, 12), hit("a", 2, 14)])
    assert found.grades == [1, 1]
    assert found.earned == [{"#0": 1}, {}]
    values = row([asked("a", 0, 10), asked("a", 50, 60)], [hit("a", 0, 12), hit("a", 2, 14)])
    assert values["P@2"] == 1.0
    assert values["R@2"] == 0.5
    assert values["nDCG@2"] == pytest.approx(1 / (1 + 1 / math.log2(3)))
    assert values["AP@2"] == 0.5


def test_an_equal_alternative_neither_adds_nor_is_missed() -> None:
    judgments = [asked("a", 0, 10, 2, "one"), asked("b", 0, 10, 2, "one"), asked("c", 0, 10, 2)]
    both = row(judgments, [hit("a", 0, 10), hit("c", 0, 10)])
    assert both["nDCG@5"] == both["R@5"] == both["AP@5"] == both["full_recall@5"] == 1.0
    repeated = row(judgments, [hit("a", 0, 10), hit("b", 0, 10), hit("c", 0, 10)])
    assert repeated["P@5"] == pytest.approx(3 / 5)
    assert repeated["full_recall@2"] == 0.0
    assert repeated["nDCG@5"] == pytest.approx((2 + 2 / math.log2(4)) / (2 + 2 / math.log2(3)))


def test_a_better_alternative_earns_the_difference() -> None:
    judgments = [asked("a", 0, 10, 1, "one"), asked("b", 0, 10, 3, "one")]
    assert row(judgments, [hit("a", 0, 10), hit("b", 0, 10)])["nDCG@5"] == pytest.approx(
        (1 + 2 / math.log2(3)) / 3
    )
    assert row(judgments, [hit("x", 0, 10), hit("b", 0, 10)])["nDCG@5"] == pytest.approx(
        (3 / math.log2(3)) / 3
    )
    assert row(judgments, [hit("b", 0, 10), hit("a", 0, 10)])["nDCG@5"] == 1.0


def test_one_chunk_with_everything_is_as_good_as_three_chunks_in_a_row() -> None:
    judgments = [asked("a", 0, 10, 1), asked("a", 20, 30, 3), asked("a", 40, 50, 2)]
    whole = row(judgments, [hit("a", 0, 50), hit("b", 0, 50)])
    assert whole["R@1"] == whole["full_recall@1"] == whole["nDCG@5"] == whole["AP@5"] == 1.0
    assert whole["nDCG@1"] == 1.0
    assert whole["P@2"] == 0.5
    apart = row(judgments, [hit("a", 20, 30), hit("a", 40, 50), hit("a", 0, 10)])
    assert apart["nDCG@5"] == whole["nDCG@5"]
    assert apart["R@1"] == pytest.approx(1 / 3)


def test_what_a_hit_earns_beyond_one_group_is_credited_below_it() -> None:
    found = Coverage({"a": 1, "b": 2, "c": 3}, [2, 3, 0], [{"a": 1, "b": 2}, {"c": 3}, {}])
    assert credited(found) == [("b", 2), ("c", 3), ("a", 1)]
    late = Coverage({"a": 1, "b": 2}, [0, 2], [{}, {"a": 1, "b": 2}])
    assert credited(late) == [("", 0), ("b", 2), ("a", 1)]


def test_nothing_found_and_nothing_asked_count_zero() -> None:
    assert not any(row([asked("a", 0, 10)], []).values())
    assert not any(row([asked("a", 0, 10, 0)], [hit("a", 0, 10)]).values())


def test_irrelevant_spans_ask_for_nothing() -> None:
    judgments = [asked("a", 0, 10), asked("b", 0, 10, 0)]
    assert row(judgments, [hit("a", 0, 10)])["full_recall@1"] == 1.0
    assert coverage(judgments, [hit("b", 0, 10)]).grades == [0]


places = st.builds(
    lambda document, start, length: (document, start, start + length),
    st.sampled_from("ab"),
    st.integers(0, 40),
    st.integers(1, 30),
)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(places, st.integers(0, 3), st.sampled_from([None, "x", "y"])), max_size=6),
    st.lists(places, max_size=12),
)
def test_measures_lie_between_zero_and_one_and_recall_grows(judged, hits) -> None:
    judgments = [asked(*place, grade, group) for place, grade, group in judged]
    values = row(judgments, [hit(*place) for place in hits], 1, 2, 5, 100)
    assert all(-1e-12 <= value <= 1 + 1e-9 for value in values.values())
    for family in ("R", "full_recall", "Success", "RR", "AP"):
        at = [values[f"{family}@{k}"] for k in (1, 2, 5, 100)]
        assert at == sorted(at)


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(st.integers(0, 9), st.integers(0, 3), max_size=8),
    st.lists(st.integers(0, 9), unique=True, max_size=10),
)
def test_with_one_chunk_a_span_they_are_trec_evals_document_measures(grades, found) -> None:
    judgments = [asked(str(number), 0, 10, grade) for number, grade in grades.items()]
    hits = [hit(str(number), 0, 10) for number in found]
    ours = row(judgments, hits, 1, 2, 5)
    qrels = {"q": {str(number): grade for number, grade in grades.items()}}
    theirs = document_scores(qrels, {"q": list(map(str, found))}, (1, 2, 5)).rows()["q"]
    for measure, value in theirs.items():
        assert ours[measure] == pytest.approx(value, abs=1e-9), measure
    assert np.isfinite(list(ours.values())).all()
