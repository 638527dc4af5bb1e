"""Span measures: precision, recall and IoU by character, the same ruler for every chunker."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from operator import attrgetter

import numpy as np

from eval.judgments import Judgment, positives
from eval.passages import Place, overlap
from eval.scores import CUTOFFS, Scores
from retrieval.types import Span

Spans = list[Span]
"""Spans of one document, ascending, not touching each other."""


def span_scores(
    judged: dict[str, tuple[Sequence[Judgment], Sequence[Place]]],
    cutoffs: Sequence[int] = CUTOFFS,
) -> Scores:
    """Return span precision, recall and IoU at each cutoff for judgments and hits by query.

    relevant: characters of judged spans (grade 1 or more) that the first hits hold, counted once.
    missing: characters of what had to be found and was not: for each group its alternative that
    is covered by the largest share, of equal ones the shortest. retrieved: the lengths of all
    hits, so that what overlapping chunks repeat counts against them.

    precision = relevant / retrieved, recall = relevant / (relevant + missing),
    IoU = relevant / (retrieved + missing). Without hits, or without a span to find, 0.

    Source: Smith and Troynikov 2024, "Evaluating Chunking Strategies for Retrieval", metrics.
    Differs: they have no alternatives; with groups of one span, these are their formulas.
    """
    names = [f"span_{family}@{k}" for family in ("precision", "recall", "iou") for k in cutoffs]
    rows = []
    for judgments, hits in judged.values():
        at = [_measures(judgments, hits[:k]) for k in cutoffs]
        rows.append([values[family] for family in range(3) for values in at])
    return Scores(tuple(judged), tuple(names), np.array(rows).reshape(len(judged), -1))


def _measures(judgments: Sequence[Judgment], hits: Sequence[Place]) -> tuple[float, float, float]:
    wanted: dict[str, list[Span]] = {}
    groups: dict[str, list[tuple[str, Span]]] = {}
    for group, each in positives(judgments):
        if each.span is not None:
            wanted.setdefault(each.document_id, []).append(each.span)
            groups.setdefault(group, []).append((each.document_id, each.span))
    held: dict[str, list[Span]] = {}
    for hit in hits:
        if hit.document_id in wanted:
            held.setdefault(hit.document_id, []).append(hit.span)
    found = {document: union(spans) for document, spans in held.items()}
    relevant = sum(_shared(union(wanted[document]), spans) for document, spans in found.items())
    needed: dict[str, list[Span]] = {}
    for alternatives in groups.values():
        document, span = min(alternatives, key=lambda each: _preference(each, found))
        needed.setdefault(document, []).append(span)
    missing = 0
    for document, spans in needed.items():
        asked = union(spans)
        missing += _length(asked) - _shared(asked, found.get(document, []))
    retrieved = sum(hit.span.end - hit.span.start for hit in hits)
    return (
        relevant / retrieved if retrieved else 0.0,
        relevant / (relevant + missing) if relevant else 0.0,
        relevant / (retrieved + missing) if relevant else 0.0,
    )


def precision_omega(judgments: Sequence[Judgment], chunks: Mapping[str, Sequence[Span]]) -> float:
    """Return the span precision if just the chunks that hold what is asked for were retrieved.

    The best that a chunker allows. `chunks` are all chunks of the judged documents, with ascending
    starts and ends. Of a group's alternatives the one counts whose chunks hold the least besides
    it, of equal ones the first. relevant / (the chunks, counted once, and what no chunk holds).
    Without a span to find, 0.

    Source: Smith and Troynikov 2024, "Evaluating Chunking Strategies for Retrieval", metrics.
    Differs: a chunk that only touches a span holds none of it; they have no alternatives.
    """
    groups: dict[str, list[tuple[float, str, Span]]] = {}
    for group, each in positives(judgments):
        if each.span is not None:
            around = union([each.span, *_holding(each.span, chunks.get(each.document_id, ()))])
            share = (each.span.end - each.span.start) / _length(around)
            groups.setdefault(group, []).append((share, each.document_id, each.span))
    asked: dict[str, list[Span]] = {}
    for alternatives in groups.values():
        _, document, span = max(alternatives, key=lambda each: each[0])
        asked.setdefault(document, []).append(span)
    relevant = retrieved = 0
    for document, spans in asked.items():
        held = [each for span in spans for each in _holding(span, chunks.get(document, ()))]
        relevant += _shared(union(spans), union(held))
        retrieved += _length(union([*spans, *held]))
    return relevant / retrieved if retrieved else 0.0


def _holding(span: Span, chunks: Sequence[Span]) -> Sequence[Span]:
    """Return the chunks that hold characters of a span."""
    first = bisect_right(chunks, span.start, key=attrgetter("end"))
    return chunks[first : bisect_left(chunks, span.end, key=attrgetter("start"))]


def _preference(place: tuple[str, Span], found: dict[str, Spans]) -> tuple[float, int]:
    """The share of a span that is not covered, then its length."""
    document, span = place
    length = span.end - span.start
    return 1 - _shared([span], found.get(document, [])) / length, length


def union(spans: Sequence[Span]) -> Spans:
    """Return the same characters as ascending spans that neither overlap nor touch."""
    joined: Spans = []
    for span in sorted(spans):
        if joined and span.start <= joined[-1].end:
            joined[-1] = Span(joined[-1].start, max(joined[-1].end, span.end))
        else:
            joined.append(span)
    return joined


def _shared(one: Spans, other: Spans) -> int:
    return sum(overlap(a, b) for a in one for b in other)


def _length(spans: Spans) -> int:
    return sum(span.end - span.start for span in spans)
