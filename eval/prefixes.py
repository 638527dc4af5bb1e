"""Shared prefixes: what several pipelines start with runs once for a question.

A prefix is known by the keys of its stages, together with the question and the limit; the index is
that of the kit. What comes out of a pipeline is what `retrieval.pipeline.run` gives.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, NamedTuple

from eval.answers import Served
from retrieval.errors import AssayError
from retrieval.kit import Kit
from retrieval.pipeline import Pipeline, Stage, run_stage, stage_key, stage_name
from retrieval.types import Chunk, Hit, Search

Prefix = tuple[str, ...]
"""The keys of a pipeline's first stages."""


def prefix_of(pipeline: Pipeline, stages: int | None = None) -> Prefix:
    """Return the keys of a pipeline's first stages, of all of them where no number is given."""
    return tuple(stage_key(stage) for stage in pipeline.stages[:stages])


def shared_by(pipelines: Iterable[Pipeline]) -> set[Prefix]:
    """Return the prefixes that two or more pipelines have."""
    keys = [prefix_of(each) for each in pipelines]
    counts = Counter(key[:n] for key in keys for n in range(1, len(key) + 1))
    return {prefix for prefix, count in counts.items() if count > 1}


class Prefixes:
    """Runs pipelines on one index, and keeps the states after `shared` prefixes until forgotten.

    `slim`: only the last state before what is not shared is kept, with chunks that are one object
    each, however many questions found them. `executed_s` is what stages took in all, shared ones
    counted once.
    """

    def __init__(self, kit: Kit, shared: set[Prefix], slim: bool = False) -> None:
        """Keep nothing yet."""
        self.kit = kit
        self.executed_s = 0.0
        self._shared = shared
        self._slim = slim
        self._kept: dict[tuple[Prefix, str, int], tuple[Search, ...]] = {}
        self._chunks: dict[str, Chunk] = {}

    def states(
        self, pipeline: Pipeline, keys: Prefix, query: str, limit: int
    ) -> tuple[Search, ...]:
        """Return the states of a question; a step of a shared prefix has the time of its one run.

        `keys` are those of all the pipeline's stages. Raises: AssayError that names the stage.
        """
        found, done = self._known(keys, query, limit)
        search = found[-1] if found else Search.of(query, limit)
        kit = self.kit.at(None, None, strict=True)
        for n, stage in enumerate(pipeline.stages[done:], done + 1):
            search = _stepped(stage, search, kit)
            self.executed_s += search.trace[-1].ms / 1000
            found = (*found, search)
            if keys[:n] in self._shared:
                found = (self._once(search),) if self._slim else found
                self._kept[keys[:n], query, limit] = found
        return (*found, replace(search, hits=search.hits[: search.limit]))

    def forget(self) -> None:
        """Let go of all searches: the next question is another one."""
        self._kept.clear()

    def _known(self, keys: Prefix, query: str, limit: int) -> tuple[tuple[Search, ...], int]:
        """Return what is kept of the longest prefix, and how many stages that has."""
        for n in range(len(keys), 0, -1):
            known = self._kept.get((keys[:n], query, limit))
            if known is not None:
                return known, n
        return (), 0

    def _once(self, search: Search) -> Search:
        rankings = tuple(replace(each, hits=self._same(each.hits)) for each in search.rankings)
        return replace(search, rankings=rankings, hits=self._same(search.hits))

    def _same(self, hits: tuple[Hit, ...]) -> tuple[Hit, ...]:
        return tuple(
            Hit(self._chunks.setdefault(hit.chunk.id, hit.chunk), hit.scores) for hit in hits
        )


def _stepped(stage: Stage, search: Search, kit: Kit) -> Search:
    try:
        return run_stage(stage, search, kit)
    except AssayError as error:
        put_before(error, f"stage {stage_name(stage)!r}")
        raise


def put_before(error: AssayError, place: str) -> None:
    """Let the text of an error begin with the place that it came from."""
    error.args = (f"{place}: {error}", *error.args[1:])


class Spent(NamedTuple):
    """What stages took in seconds: those of a pipeline, and of these what nothing before had run.

    Deeper searches, for as many distinct documents as the measures ask for, are in it.
    """

    alone_s: float
    executed_s: float


class Sharing:
    """A pipeline that shares its prefixes with others: a system to be asked."""

    def __init__(self, served: Served, prefixes: Prefixes) -> None:
        """Nothing was asked yet."""
        self.served = served
        self._prefixes = prefixes
        self._keys = prefix_of(served.pipeline)
        self._spent = Spent(0.0, 0.0)

    @property
    def name(self) -> str:
        """The pipeline's name."""
        return self.served.name

    def describe(self) -> dict[str, Any]:
        """Return what `Served` says of it."""
        return self.served.describe()

    def __call__(self, query: str, limit: int) -> tuple[Search, ...]:
        """Run what no other pipeline has run for this question."""
        before = self._prefixes.executed_s
        found = self._prefixes.states(self.served.pipeline, self._keys, query, limit)
        self._spent = Spent(
            self._spent.alone_s + sum(step.ms for step in found[-1].trace) / 1000,
            self._spent.executed_s + self._prefixes.executed_s - before,
        )
        return found

    def spent(self) -> Spent:
        """Return what was spent since this was last asked."""
        found, self._spent = self._spent, Spent(0.0, 0.0)
        return found
