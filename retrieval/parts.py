"""A question's parts: which of them wait for others' answers, and how their hits are merged."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from retrieval.types import Hit, Score

REFERENCE = re.compile(r"#(\d+)")


@dataclass(frozen=True)
class Parts:
    """Questions in order; `#1` in one stands for the answer of the first."""

    questions: tuple[str, ...]

    def needs(self, part: int) -> set[int]:
        """Return the parts (from 0) whose answers a part refers to."""
        return {int(number) - 1 for number in REFERENCE.findall(self.questions[part])}

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
        return REFERENCE.sub(lambda found: answers[int(found[1]) - 1], self.questions[part])


def interleaved(lists: Mapping[str, Sequence[Hit]], by: str) -> tuple[Hit, ...]:
    """Return one list in which every list is represented: by the best rank in any of them.

    Hits of the same best rank are ordered by their ranks in all lists (the sum of reciprocals),
    then by the order of the lists. The score given is 1 / position. A hit keeps the scores of each
    list that found it, after the list's name and a slash; those of a list named '' as they are.
    """
    best: dict[str, int] = {}
    weight: dict[str, float] = {}
    found: dict[str, Hit] = {}
    for name, hits in lists.items():
        for rank, hit in enumerate(hits, 1):
            id = hit.chunk.id
            scores = tuple(Score(f"{name}/{s.by}" if name else s.by, s.value) for s in hit.scores)
            known = found.get(id)
            found[id] = Hit(hit.chunk, scores if known is None else known.scores + scores)
            best[id] = min(rank, best.get(id, rank))
            weight[id] = weight.get(id, 0.0) + 1 / rank
    order = sorted(found, key=lambda id: (best[id], -weight[id]))
    return tuple(found[id].scored(by, 1 / place) for place, id in enumerate(order, 1))
