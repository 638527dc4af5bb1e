"""Passage measures: what chunks are worth that were judged as spans, whatever chunker made them.

A hit covers a judged span if it holds at least half of its characters. A group of judgments is
what has to be found once: its alternatives are as good as their grades.

*Earning.* A hit earns a group the best grade of the group's spans that it covers, as far as it is
above what earlier hits have earned the group: a repeated or equal alternative earns nothing, a
better one the difference.

*Credit.* A hit may earn several groups, so that ranks and groups have to be matched: every rank is
credited with what was earned at or above it and not credited yet for one group, the largest first,
and ranks go on after the last hit while something is left. No more than one group counts at a rank,
so that nDCG lies in [0, 1] for every chunker, and a chunk that holds all three spans is as good as
three chunks at the first three ranks.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from eval.documents import document_scores
from eval.judgments import Judgment, positives
from eval.scores import CUTOFFS, Scores
from retrieval.types import Span

ON_HITS = ("P", "RR", "Success")


class Place(NamedTuple):
    """Where a hit stands: its document and span."""

    document_id: str
    span: Span


class Coverage(NamedTuple):
    """What the hits of one query are worth. `best` holds each group's best grade.

    By hit, in order: `grades` the best grade that it covers, whether earned or not (0: none), and
    `earned` the grade by group that the hit adds.
    """

    best: dict[str, int]
    grades: list[int]
    earned: list[dict[str, int]]


def coverage(judgments: Sequence[Judgment], hits: Sequence[Place]) -> Coverage:
    """Return what each hit covers and earns; judgments of grade 0 and below ask for nothing."""
    by_document: dict[str, list[tuple[str, Span, int]]] = {}
    best: dict[str, int] = {}
    for group, each in positives(judgments):
        if each.span is not None:
            best[group] = max(best.get(group, 0), each.grade)
            by_document.setdefault(each.document_id, []).append((group, each.span, each.grade))
    have = dict.fromkeys(best, 0)
    grades: list[int] = []
    earned: list[dict[str, int]] = []
    for hit in hits:
        if hit.document_id not in by_document:
            grades.append(0)
            earned.append({})
            continue
        covered: dict[str, int] = {}
        for group, span, grade in by_document[hit.document_id]:
            if holds(hit.span, span):
                covered[group] = max(covered.get(group, 0), grade)
        grades.append(max(covered.values(), default=0))
        earned.append({g: grade - have[g] for g, grade in covered.items() if grade > have[g]})
        have |= {group: max(have[group], grade) for group, grade in covered.items()}
    return Coverage(best, grades, earned)


def covers(place: Place, judgment: Judgment) -> bool:
    """Return whether a place is what was judged: in the document, and half of the span or more."""
    if place.document_id != judgment.document_id:
        return False
    return judgment.span is None or holds(place.span, judgment.span)


def holds(span: Span, judged: Span) -> bool:
    """Return whether a span holds at least half of the characters of a judged one."""
    return 2 * overlap(judged, span) >= judged.end - judged.start


def overlap(one: Span, other: Span) -> int:
    """Return how many characters two spans of the same document share."""
    return max(0, min(one.end, other.end) - max(one.start, other.start))


def credited(found: Coverage) -> list[tuple[str, int]]:
    """Return the group that each rank is credited with, and how much; ("", 0) for none.

    Ranks end with the last credit.
    """
    owed: dict[str, int] = {}
    ranks: list[tuple[str, int]] = []
    for earned in found.earned[: _last(found.earned)]:
        for group, grade in earned.items():
            owed[group] = owed.get(group, 0) + grade
        ranks.append(_paid(owed))
    while owed:
        ranks.append(_paid(owed))
    return ranks


def _last(values: Sequence[object]) -> int:
    """Return how many values there are up to the last one that is not empty or zero."""
    return next((rank for rank in range(len(values), 0, -1) if values[rank - 1]), 0)


def _paid(owed: dict[str, int]) -> tuple[str, int]:
    """Take the largest debt away; of equal ones that of the group that was earned first."""
    if not owed:
        return "", 0
    group = max(owed, key=lambda each: owed[each])
    return group, owed.pop(group)


def passage_scores(found: dict[str, Coverage], cutoffs: Sequence[int] = CUTOFFS) -> Scores:
    """Return the measures of each query on its hits, at each cutoff.

    P, RR and Success ask of each hit whether it covers a judged span, earned or not (a repeated
    passage is on the topic). R is the share of groups found, full_recall is 1 where all are found,
    else 0. nDCG is that of the credits against the groups' best grades in descending order. AP
    ranks groups by their first credit. Without a group to find, everything is 0.

    P, RR, Success and AP are trec_eval's, over made-up ids: a hit's is its rank and its
    grade in the judgments is what it covers; a credited rank's is its group. R and nDCG are
    computed here, since there one rank may find several groups, or a part of one.
    """
    hits = {id: list(map(str, range(_last(each.grades)))) for id, each in found.items()}
    covered = {
        id: {str(rank): grade for rank, grade in enumerate(each.grades) if grade}
        for id, each in found.items()
    }
    paid = {id: credited(each) for id, each in found.items()}
    ranked = {id: _first_credits(each) for id, each in paid.items()}
    groups = {id: dict.fromkeys(map("g{}".format, each.best), 1) for id, each in found.items()}
    rows = [_row(each, paid[id], cutoffs) for id, each in found.items()]
    families = [f"{family}@{k}" for family in ("R", "nDCG", "full_recall") for k in cutoffs]
    return (
        document_scores(covered, hits, cutoffs, ON_HITS)
        .beside(document_scores(groups, ranked, cutoffs, ("AP",)))
        .beside(Scores(tuple(found), tuple(families), np.array(rows).reshape(len(found), -1)))
    )


def _first_credits(paid: Sequence[tuple[str, int]]) -> list[str]:
    """Return an id for each rank: its group's where that is credited for the first time."""
    seen: set[str] = set()
    ids = []
    for rank, (group, grade) in enumerate(paid):
        ids.append(f"g{group}" if grade and group not in seen else f"x{rank}")
        seen.add(group)
    return ids


def _row(found: Coverage, paid: Sequence[tuple[str, int]], cutoffs: Sequence[int]) -> list[float]:
    """Return R, nDCG and full recall of one query, each at the cutoffs in order."""
    ideal = sorted(found.best.values(), reverse=True)
    recall, ndcg, full = [], [], []
    for k in cutoffs:
        groups = {group for earned in found.earned[:k] for group in earned}
        recall.append(len(groups) / len(ideal) if ideal else 0.0)
        ndcg.append(_dcg([grade for _, grade in paid[:k]]) / (_dcg(ideal[:k]) or 1.0))
        full.append(float(bool(ideal) and len(groups) == len(ideal)))
    return recall + ndcg + full


def _dcg(gains: Sequence[int]) -> float:
    """Return the sum of gains over log2(rank + 1), the first rank is 1."""
    return sum(gain / math.log2(rank + 2) for rank, gain in enumerate(gains) if gain)
