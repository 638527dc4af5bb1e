"""Ids that look shifted: judged documents that fit their queries worse than their neighbours do.

What a query and a document share is the part of the query's words, weighed by their rarity, that
the document has. Rows that were numbered from 0 in one file and from 1 in another show here.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from eval.case import OFFSETS, Case, Symptom, by_number, sampled, weights, words
from eval.questions import EXAMPLES
from eval.statistics import paired_t

LEAST = 10
"""With fewer pairs, nothing is said."""
MORE = 1.25
"""A neighbour has to share so many times as much as the judged document, on average."""
CHANCE = 0.001
REMEDY = "Read some of the judgments with their texts, and give them the ids that they mean."


class Pair(NamedTuple):
    """A query and a document that is judged relevant for it, or one beside them."""

    query_id: str
    document_id: str


class Held(NamedTuple):
    """A judged pair and one beside it, and what each shares."""

    own: Pair
    other: Pair
    share: float
    shared: float


def check(case: Case) -> Iterator[Symptom]:
    """Give the shift that fits best, if any fits better than the ids as they are."""
    near = Near(case)
    pairs = [
        Pair(each.query_id, each.document_id)
        for each in sampled(case.read)
        if each.query_id in case.queries and each.document_id in case.shelf.bodies
    ]
    shifts = []
    for way in ("document row", "document number", "query row", "query number"):
        for offset in OFFSETS:
            held = near.held([(pair, near.beside(pair, way, offset)) for pair in pairs])
            if is_more(held):
                shifts.append((gain(held), f"{way} {offset:+d}", held))
    if shifts:
        _, name, held = max(shifts, key=lambda shift: round(shift[0], 2))
        own, other = (np.mean([each[i] for each in held]) for i in (2, 3))
        what = (
            f"judgments share {own:.0%} of their query's words, and {other:.0%} with the {name}:"
            " ids look shifted"
        )
        yield Symptom("wrong", what, len(held), _examples(held), REMEDY)
    elif near.is_strange(pairs):
        what = "judgments share no more words with their query than documents drawn at random"
        remedy = f"{REMEDY} Texts in two languages look like this too."
        yield Symptom("doubtful", what, len(pairs), (), remedy)


class Near:
    """What pairs share, and which pairs stand beside them in the files and by number."""

    def __init__(self, case: Case) -> None:
        """Start with nothing counted."""
        self._case = case
        self._weights = weights(case)
        self._words: dict[str, frozenset[str]] = {}
        self._positive = {Pair(each.query_id, each.document_id) for each in case.positives}

    @cached_property
    def _query_ids(self) -> list[str]:
        return list(self._case.queries)

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {id: row for row, id in enumerate(self._query_ids)}

    def share(self, pair: Pair) -> float:
        """Return the weighed part of the query's words that the document has, in [0, 1]."""
        id = pair.document_id
        if id not in self._words:
            self._words[id] = words(self._case.shelf.bodies[id].whole)
        asked = words(self._case.queries[pair.query_id].text)
        total = sum(self._weights.get(word, 0.0) for word in asked)
        found = sum(self._weights.get(word, 0.0) for word in asked & self._words[id])
        return found / total if total else 0.0

    def beside(self, pair: Pair, way: str, offset: int) -> Pair | None:
        """Return the pair beside one; none where it is not there, or judged relevant too."""
        query_id, document_id = pair
        shelf = self._case.shelf
        if way == "document row":
            document_id = _at(shelf.ids, shelf.rows[document_id] + offset)
        elif way == "document number":
            document_id = by_number(document_id, offset) or ""
        elif way == "query row":
            query_id = _at(self._query_ids, self._rows[query_id] + offset)
        else:
            query_id = by_number(query_id, offset) or ""
        found = Pair(query_id, document_id)
        there = query_id in self._rows and document_id in shelf.bodies
        return found if there and found not in self._positive else None

    def held(self, pairs: Sequence[tuple[Pair, Pair | None]]) -> list[Held]:
        """Return what pairs and those beside them share."""
        return [
            Held(own, other, self.share(own), self.share(other))
            for own, other in pairs
            if other is not None
        ]

    def is_strange(self, pairs: Sequence[Pair]) -> bool:
        """Return whether judged documents share no more than others that are drawn at random."""
        bodies = sorted(self._case.shelf.bodies)
        drawn = np.random.default_rng(0).choice(len(bodies), len(pairs))
        others = [
            (own, own._replace(document_id=bodies[i])) for own, i in zip(pairs, drawn, strict=True)
        ]
        held = self.held([(own, other) for own, other in others if other not in self._positive])
        return len(held) >= LEAST and not is_more([_turned(each) for each in held])


def is_more(held: Sequence[Held]) -> bool:
    """Return whether the pairs beside share more: by a quarter, and by more than chance."""
    if len(held) < LEAST:
        return False
    share, shared = np.array([each[2:] for each in held]).T
    p = paired_t(shared - share)
    return bool(shared.mean() > MORE * share.mean() and p is not None and p < CHANCE)


def gain(held: Sequence[Held]) -> float:
    """Return how much more the pairs beside share, on average."""
    return float(np.mean([each.shared - each.share for each in held]))


def _turned(each: Held) -> Held:
    return Held(each.other, each.own, each.shared, each.share)


def _at(ids: Sequence[str], row: int) -> str:
    return ids[row] if 0 <= row < len(ids) else ""


def _examples(held: Sequence[Held]) -> tuple[str, ...]:
    clearest = sorted(held, key=lambda each: each.share - each.shared)[:EXAMPLES]
    return tuple(
        f"{own.query_id} -> {own.document_id} shares {share:.0%}, {other.query_id} ->"
        f" {other.document_id} {shared:.0%}"
        for own, other, share, shared in clearest
    )
