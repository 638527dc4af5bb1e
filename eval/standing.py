"""Where judged places stood: their ranks in every list that a pipeline makes of a question."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from eval.judgments import Judgment, positives
from eval.passages import Place, covers
from retrieval.types import Chunk, Hit, Search, Span

ANSWER = "answer"
"""The name of the last list: the hits, cut to the limit."""
CONTEXT = "context"
"""The name of the list that `pack` makes."""


class Listed(NamedTuple):
    """A ranked list: what made it, and its passages, best first.

    `state` is the place of the state, and of the stage before it, that the list was found in.
    """

    name: str
    chunks: tuple[Chunk, ...]
    state: int = -1


class Stood(NamedTuple):
    """A judged place, its group, and its rank in each list by name: from 1, None is not there."""

    group: str
    judgment: Judgment
    ranks: tuple[tuple[str, int | None], ...]

    def as_json(self) -> dict[str, Any]:
        """Return the place and its ranks as a run keeps them."""
        span = self.judgment.span
        return {
            "document_id": self.judgment.document_id,
            "span": None if span is None else list(span),
            "group": self.group,
            "grade": self.judgment.grade,
            "ranks": [list(each) for each in self.ranks],
        }

    @classmethod
    def of(cls, query_id: str, data: Mapping[str, Any]) -> "Stood":
        """Return what a run has kept of a place."""
        span = None if data["span"] is None else Span(*data["span"])
        judgment = Judgment(query_id, data["document_id"], data["grade"], span, group=data["group"])
        return cls(data["group"], judgment, tuple((name, rank) for name, rank in data["ranks"]))


def listed(
    states: Sequence[Search], kept: Callable[[Chunk], bool] = lambda _: True
) -> list[Listed]:
    """Return the lists that a pipeline made, in its order, without the chunks that are not kept.

    `states` are those of `retrieval.pipeline.states`. A ranking has its own name
    (`dense:original`), a stage that changed the hits its stage's, the context `context`, and the
    last list is the `answer`. A name that comes again is numbered from 2: `fuse (2)`.
    """
    made: list[Listed] = []
    before: dict[str, object] = {}
    for i, state in enumerate(states[:-1]):
        step = state.trace[-1]
        for ranking in state.rankings:
            if before.get(ranking.by) is not ranking.hits:
                made.append(Listed(ranking.by, _chunks(ranking.hits), i))
        before = {ranking.by: ranking.hits for ranking in state.rankings}
        if "hits" in step.changed:
            made.append(Listed(step.stage, _chunks(state.hits), i))
        if "context" in step.changed:
            made.append(Listed(CONTEXT, state.context, i))
    made.append(Listed(ANSWER, _chunks(states[-1].hits), len(states) - 1))
    counts: dict[str, int] = {}
    found = []
    for name, chunks, i in made:
        counts[name] = counts.get(name, 0) + 1
        numbered = name if counts[name] == 1 else f"{name} ({counts[name]})"
        found.append(Listed(numbered, tuple(filter(kept, chunks)), i))
    return found


def _chunks(hits: Sequence[Hit]) -> tuple[Chunk, ...]:
    return tuple(hit.chunk for hit in hits)


def standing(judgments: Sequence[Judgment], lists: Sequence[Listed]) -> tuple[Stood, ...]:
    """Return the ranks of each judgment above grade 0, in the judgments' order.

    The rank of a document is that of its first chunk among chunks, not among documents; the rank
    of a span is that of the first passage that covers it by half, as the measures have it.
    """
    asked = positives(judgments)
    ranks: list[list[tuple[str, int | None]]] = [[] for _ in asked]
    for name, chunks, _ in lists:
        firsts = _first([each for _, each in asked], chunks)
        for own, first in zip(ranks, firsts, strict=True):
            own.append((name, first))
    return tuple(
        Stood(group, each, tuple(own)) for (group, each), own in zip(asked, ranks, strict=True)
    )


def _first(asked: Sequence[Judgment], chunks: Sequence[Chunk]) -> list[int | None]:
    """Return each judgment's rank in one list."""
    found: list[int | None] = [None] * len(asked)
    by_document: dict[str, list[int]] = {}
    for number, each in enumerate(asked):
        by_document.setdefault(each.document_id, []).append(number)
    for rank, chunk in enumerate(chunks, 1):
        for number in by_document.get(chunk.document_id, ()):
            place = Place(chunk.document_id, chunk.span)
            if found[number] is None and covers(place, asked[number]):
                found[number] = rank
    return found
