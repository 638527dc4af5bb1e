"""A question's parts: which of them wait for others' answers, and how their hits are merged."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from retrieval.stages.fuse import min_max
from retrieval.types import Hit, Score, ordered

REFERENCE = re.compile(r"#(\d+)")


@dataclass(frozen=True)
class Parts:
    """Questions in order; `#1` in one stands for the answer of the first.

    Not so where `whole`, the question that they are parts of, says `#1` itself: then it is a word.
    """

    questions: tuple[str, ...]
    whole: str = ""

    def needs(self, part: int) -> set[int]:
        """Return the parts (from 0) whose answers a part refers to."""
        numbers = REFERENCE.findall(self.questions[part])
        return {int(number) - 1 for number in numbers if number not in self._words}

    def needed(self, part: int) -> bool:
        """Return whether another part refers to the answer of this one."""
        return any(part in self.needs(i) for i in range(len(self.questions)) if i != part)

    def ready(self, answers: Mapping[int, str], done: set[int]) -> list[int]:
        """Return the parts that can be searched now: not done, not blank, references answered."""
        return [
            i
            for i, question in enumerate(self.questions)
            if i not in done and question.strip() and self.needs(i) <= set(answers)
        ]

    def filled(self, part: int, answers: Mapping[int, str]) -> str:
        """Return a part with the answers put in."""
        return REFERENCE.sub(
            lambda found: found[0] if found[1] in self._words else answers[int(found[1]) - 1],
            self.questions[part],
        )

    @cached_property
    def _words(self) -> frozenset[str]:
        return frozenset(REFERENCE.findall(self.whole))


def interleaved(lists: Mapping[str, Sequence[Hit]], by: str) -> tuple[Hit, ...]:
    """Return one list in which every list is represented: by the best rank in any of them.

    Hits of the same best rank are ordered by their ranks in all lists (the sum of reciprocals),
    then by the order of the lists. The score given is 1 / position. A hit keeps its scores as
    `collected` has them.
    """
    best: dict[str, int] = {}
    weight: dict[str, float] = {}
    for hits in lists.values():
        for rank, hit in enumerate(hits, 1):
            id = hit.chunk.id
            best[id] = min(rank, best.get(id, rank))
            weight[id] = weight.get(id, 0.0) + 1 / rank
    found = collected(lists)
    order = sorted(found, key=lambda id: (best[id], -weight[id]))
    return tuple(found[id].scored(by, 1 / place) for place, id in enumerate(order, 1))


def weighed(lists: Mapping[str, Sequence[Hit]], by: str, whole: float) -> tuple[Hit, ...]:
    """Return one list by score: `whole` of that in the list named '', the rest of the best other.

    Scores are min-max normalised over each list; one that a list does not have is 0 there. So the
    first of every list has at least its share. Ties are ordered by chunk id. A hit keeps its
    scores as `collected` has them.
    """
    score: dict[str, float] = {}
    best: dict[str, float] = {}
    for name, hits in lists.items():
        values = min_max([hit.score for hit in hits]) if hits else []
        for hit, value in zip(hits, values, strict=True):
            into = best if name else score
            into[hit.chunk.id] = max(value, into.get(hit.chunk.id, 0.0))
    return ordered(
        [
            hit.scored(by, whole * score.get(id, 0.0) + (1 - whole) * best.get(id, 0.0))
            for id, hit in collected(lists).items()
        ]
    )


def collected(lists: Mapping[str, Sequence[Hit]]) -> dict[str, Hit]:
    """Return every hit once, by chunk id, in order of appearance.

    It has the scores of each list that found it, after the list's name and a slash; those of a list
    named '' as they are.
    """
    found: dict[str, Hit] = {}
    for name, hits in lists.items():
        for hit in hits:
            known = found.get(hit.chunk.id)
            scores = tuple(
                Score(f"{name}/{each.by}" if name else each.by, each.value) for each in hit.scores
            )
            found[hit.chunk.id] = Hit(hit.chunk, scores if known is None else known.scores + scores)
    return found
