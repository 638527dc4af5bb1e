"""One question's way through a pipeline, with every list on it, and the index it was asked of."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import takewhile

from eval.judgments import Judgment
from eval.losses.depth import Deep
from eval.passages import Place, covers
from eval.standing import Listed, Stood, listed, standing
from retrieval.filters import And, AnyOf, Equals, Filter
from retrieval.kit import Kit
from retrieval.pipeline import Pipeline, states
from retrieval.types import Chunk, Search


@dataclass(frozen=True)
class Way:
    """A question's way through a pipeline, looked at for the first `limit` hits.

    `start` is the search that it begins as. `kept` says which chunks count: a benchmark may leave
    out the question's own document. `known` are states of the first stages that are known already.
    """

    pipeline: Pipeline
    kit: Kit
    start: Search
    limit: int
    kept: Callable[[Chunk], bool] = field(default=lambda _: True)
    known: tuple[Search, ...] = ()

    @cached_property
    def states(self) -> tuple[Search, ...]:
        """The search after each stage, and the answer. Raises: as `retrieval.pipeline.run`."""
        return states(self.pipeline, self.start, self.kit, self.known)

    def through(self, pipeline: Pipeline, limit: int) -> "Way":
        """Return the way of the same question through another pipeline: what it shares is known.

        Where more hits are looked at than were asked for, so many are asked for.
        """
        if limit > self.start.limit:
            start = replace(self.start, limit=limit)
            return replace(self, pipeline=pipeline, limit=limit, start=start, known=())
        known = self.states[: shared(self.pipeline, pipeline)]
        return replace(self, pipeline=pipeline, limit=limit, known=known)

    @cached_property
    def lists(self) -> list[Listed]:
        """Every list on the way, in order."""
        return listed(self.states, self.kept)

    @cached_property
    def deep(self) -> Deep:
        """The legs, further down."""
        return Deep(self.states[-1], self.kit)

    @property
    def filter(self) -> Filter | None:
        """The filter that was searched with in the end."""
        return self.states[-1].filter

    @property
    def narrowing(self) -> str:
        """The first stage that changed the filter; '' where the question came with it."""
        steps = (state.trace[-1] for state in self.states)
        return next((step.stage for step in steps if "filter" in step.changed), "")

    @property
    def looked(self) -> dict[str, int]:
        """How many chunks each leg found for each variant, by the name of the ranking."""
        return {each.by: len(each.hits) for each in self.states[-1].rankings}

    def stood(self, judgment: Judgment) -> Stood:
        """Return where a place stood in every list; its grade has to be above 0."""
        return standing([judgment], self.lists)[0]

    def near(self, judgment: Judgment) -> list[Chunk]:
        """Return the chunks of the index that have anything of a place, by position."""
        span = judgment.span
        if span is None:
            return self.kit.store.chunks(judgment.document_id)
        return self.kit.store.chunks(judgment.document_id, span.start, span.end)

    def passages(self, judgment: Judgment) -> list[Chunk]:
        """Return the chunks of the index that are a place: of its document, or that hold half."""
        return [
            chunk
            for chunk in self.near(judgment)
            if covers(Place(chunk.document_id, chunk.span), judgment)
        ]


def shared(one: Pipeline, other: Pipeline) -> int:
    """Return how many first stages two pipelines have in common."""
    pairs = zip(one.stages, other.stages, strict=False)
    return len(list(takewhile(lambda pair: pair[0] == pair[1], pairs)))


def only(judgment: Judgment, passages: Sequence[Chunk]) -> Filter:
    """Return a filter that the passages of a place pass, and nothing else."""
    own: Filter = Equals("document_id", judgment.document_id)
    if judgment.span is None:
        return own
    return And((own, AnyOf("start", tuple(chunk.span.start for chunk in passages))))
