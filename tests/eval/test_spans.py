"""Span measures by character, worked out by hand and against sets of characters."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.judgments import Judgment
from eval.passages import Place
from eval.spans import precision_omega, span_scores, union
from retrieval.types import Span


def asked(start: int, end: int, group: str | None = None, document: str = "a") -> Judgment:
    return Judgment("q", document, 1, Span(start, end), group=group)


def hit(start: int, end: int, document: str = "a") -> Place:
    return Place(document, Span(start, end))


def at(judgments: list[Judgment], hits: list[Place], k: int = 5) -> tuple[float, float, float]:
    row = span_scores({"q": (judgments, hits)}, (k,)).rows()["q"]
    return row[f"span_precision@{k}"], row[f"span_recall@{k}"], row[f"span_iou@{k}"]


def test_the_published_formulas() -> None:
    judgments = [asked(10, 30), asked(100, 110)]
    assert at(judgments, [hit(0, 20), hit(50, 90)]) == pytest.approx((10 / 60, 10 / 30, 10 / 80))


def test_what_overlapping_chunks_repeat_counts_against_them() -> None:
    assert at([asked(10, 20)], [hit(0, 20), hit(10, 30)]) == pytest.approx((10 / 40, 1.0, 10 / 40))


def test_only_the_first_hits_count() -> None:
    assert at([asked(0, 10)], [hit(50, 60), hit(0, 10)], 1) == (0.0, 0.0, 0.0)
    assert at([asked(0, 10)], [hit(50, 60), hit(0, 10)], 2) == pytest.approx((0.5, 1.0, 0.5))


def test_one_alternative_is_enough_and_a_second_is_no_waste() -> None:
    judgments = [asked(0, 10, "one"), asked(100, 140, "one")]
    assert at(judgments, [hit(0, 10)]) == (1.0, 1.0, 1.0)
    assert at(judgments, [hit(0, 10), hit(100, 140)]) == (1.0, 1.0, 1.0)
    assert at(judgments, [hit(100, 130)]) == pytest.approx((1.0, 30 / 40, 30 / 40))
    assert at(judgments, [hit(50, 60)]) == (0.0, 0.0, 0.0)


def test_without_hits_or_without_spans_everything_is_zero() -> None:
    assert at([asked(0, 10)], []) == (0.0, 0.0, 0.0)
    assert at([], [hit(0, 10)]) == (0.0, 0.0, 0.0)
    assert at([asked(0, 10)], [hit(0, 10, "b")]) == (0.0, 0.0, 0.0)


def test_union_joins_what_overlaps_or_touches() -> None:
    assert union([Span(5, 9), Span(0, 5), Span(20, 30), Span(22, 25)]) == [Span(0, 9), Span(20, 30)]


def test_precision_omega_is_that_of_the_chunks_that_hold_what_is_asked_for() -> None:
    chunks = {"a": [Span(0, 20), Span(20, 50), Span(50, 90)]}
    assert precision_omega([asked(10, 20)], chunks) == 10 / 20
    assert precision_omega([asked(10, 30)], chunks) == 20 / 50
    assert precision_omega([asked(10, 20), asked(60, 70)], chunks) == 20 / 60
    assert precision_omega([], chunks) == 0.0


def test_precision_omega_counts_overlapping_chunks_once_and_what_no_chunk_holds() -> None:
    assert precision_omega([asked(10, 20)], {"a": [Span(0, 15), Span(5, 25)]}) == 10 / 25
    assert precision_omega([asked(10, 20)], {"a": [Span(0, 15)]}) == 5 / 20
    assert precision_omega([asked(10, 20)], {}) == 0.0


def test_precision_omega_takes_the_alternative_that_costs_least() -> None:
    chunks = {"a": [Span(0, 100)], "b": [Span(0, 20)]}
    judgments = [asked(0, 50, "one"), asked(0, 16, "one", "b")]
    assert precision_omega(judgments, chunks) == 16 / 20


spans = st.builds(
    lambda document, start, length: (start, start + length, document),
    st.sampled_from("ab"),
    st.integers(0, 30),
    st.integers(1, 12),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(spans, max_size=5), st.lists(spans, max_size=8))
def test_they_are_what_sets_of_characters_give(judged, hits) -> None:
    found = at(
        [asked(start, end, document=document) for start, end, document in judged],
        [hit(*each) for each in hits],
        100,
    )
    relevant = {(d, i) for start, end, d in judged for i in range(start, end)}
    held = {(d, i) for start, end, d in hits for i in range(start, end)}
    retrieved = sum(end - start for start, end, _ in hits)
    both = len(relevant & held)
    missing = len(relevant - held)
    assert found[0] == pytest.approx(both / retrieved if retrieved else 0.0)
    assert found[1] == pytest.approx(both / len(relevant) if relevant else 0.0)
    assert found[2] == pytest.approx(both / (retrieved + missing) if both else 0.0)
