"""Answers: what a system returns for a question, as deep as the measures look."""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from eval.fitted import fitted_sets
from eval.judgments import Judgment
from eval.passages import Place
from eval.questions import Query
from eval.standing import Stood, listed, standing
from retrieval.config import stage_table
from retrieval.filters import And, AnyOf, Filter, Not
from retrieval.inside import asks_model
from retrieval.kit import Kit
from retrieval.legs import DEEPEST
from retrieval.pipeline import Pipeline, stage_name, states
from retrieval.pipeline import fingerprint as fingerprint_of
from retrieval.types import Chunk, Hit, Search, Step, flat

COSTS = ("calls", "tokens_in", "tokens_out", "usd")
"""What a language model cost."""
EXCERPTS, EXCERPT = 10, 160
"""How many first hits keep the beginning of their text, and how many characters of it."""


class Described(Protocol):
    """Something whose answers are measured."""

    @property
    def name(self) -> str:
        """A short name for files and tables."""

    def describe(self) -> dict[str, Any]:
        """Return what it is, for the manifest of a run."""


class System(Described, Protocol):
    """What is measured: a question in, the states of its search out; the last is the answer."""

    def __call__(self, query: str, limit: int) -> tuple[Search, ...]:
        """Return the search after each step and, last, the answer, cut to the limit.

        Raises: AssayError where it fails.
        """


@dataclass(frozen=True)
class Served:
    """A pipeline as `/query` runs it, but strict: a failing stage stops the benchmark."""

    pipeline: Pipeline
    kit: Kit

    @property
    def name(self) -> str:
        """The pipeline's name."""
        return self.pipeline.name

    def describe(self) -> dict[str, Any]:
        """Return the pipeline's stages, key and fingerprint, its index's manifest, its model.

        `stages` are the tables of a pipeline file, from which the pipeline can be built again;
        `fitted_on` the sets of questions that a reranker of it was fitted on.
        """
        llm = self.kit.llm if asks_model(self.pipeline) else None
        return {
            "kind": "pipeline",
            "name": self.pipeline.name,
            "key": self.pipeline.key,
            "fingerprint": fingerprint_of(self.pipeline, self.kit),
            "stages": [stage_table(stage) for stage in self.pipeline.stages],
            "fitted_on": fitted_sets(self.pipeline.stages),
            "index": self.kit.store.manifest.as_json(),
            "index_fingerprint": self.kit.store.manifest.fingerprint,
            "llm": getattr(llm, "describe", dict)(),
        }

    def __call__(self, query: str, limit: int) -> tuple[Search, ...]:
        """Run the pipeline, without a deadline."""
        return self._states(Search.of(query, limit))

    @property
    def plain(self) -> bool:
        """Whether it only searches and fuses: no stage decides anything by what is found."""
        return {stage_name(each) for each in self.pipeline.stages} <= {"dense", "sparse", "fuse"}

    def others(self, answered: Search, documents: Set[str]) -> tuple[Hit, ...]:
        """Return what a plain pipeline finds for an answered question beside some documents."""
        left: Filter = Not(AnyOf("document_id", tuple(sorted(documents))))
        within = left if answered.filter is None else And((answered.filter, left))
        return self._states(Search.of(answered.query, answered.limit, within))[-1].hits

    def _states(self, search: Search) -> tuple[Search, ...]:
        return states(self.pipeline, search, self.kit.at(None, None, strict=True))


@dataclass(frozen=True)
class Answer:
    """One question's answer, without the texts but for the beginnings of the first hits.

    `hits` were served and timed (`ms`, wall time; `trace`: a step for each stage): at most `depth`.
    `documents` are distinct, by the rank of their first chunk, at most `depth`; where the served
    hits hold fewer, deeper searches add theirs at the end. `exhausted`: there are no more. `cost`
    is what language models cost for the served hits, by `COSTS`, each left out where it is 0.
    `judged` says where each judged place stood on its way into the answer.
    """

    hits: tuple[Hit, ...] = ()
    ms: float = 0.0
    trace: tuple[Step, ...] = ()
    documents: tuple[str, ...] = ()
    exhausted: bool = True
    cost: Mapping[str, float] = field(default_factory=dict)
    judged: tuple[Stood, ...] = ()

    @property
    def places(self) -> list[Place]:
        """Where the served hits stand."""
        return [Place(hit.chunk.document_id, hit.chunk.span) for hit in self.hits]


@dataclass(frozen=True)
class Asking:
    """How questions are asked: how deep, and whether a document of the question's id is dropped.

    `judgments` by query are what an answer says the standing of. `corpus` is how many documents
    there are: once all of them are found, nothing is asked deeper.
    """

    depth: int
    drop_self: bool = False
    judgments: Mapping[str, Sequence[Judgment]] = field(default_factory=dict)
    corpus: int = sys.maxsize

    def answer(self, system: System, query: Query) -> Answer:
        """Return the answer to a question, as it is served for a limit of `depth`.

        Where its hits hold fewer distinct documents, more are looked for: until there are `depth`,
        or all of the corpus, or there is nothing more, or `DEEPEST` hits were seen. The order of
        what was served never changes by that. An empty question finds nothing.
        """
        if not query.text.strip():
            return self.taken(query, (Search(query.text, self.depth),), 0.0)
        start = time.perf_counter()
        states = system(query.text, self.depth)
        found = self.taken(query, states, (time.perf_counter() - start) * 1000)
        documents, exhausted = dict.fromkeys(found.documents), found.exhausted
        seen = {hit.chunk.document_id for hit in states[-1].hits}
        plain = isinstance(system, Served) and system.plain
        more = _others(system, states[-1]) if plain else _deeper(system, states[-1])  # type: ignore[arg-type]
        while len(documents) < self.depth and not exhausted and len(seen) < self.corpus:
            hits, exhausted = next(more, ((), False))
            if not hits:
                break
            ids = [hit.chunk.document_id for hit in hits if self._keeps(query, hit.chunk)]
            documents |= dict.fromkeys(ids)
            seen |= {hit.chunk.document_id for hit in hits}
        exhausted |= len(seen) >= self.corpus
        return replace(found, documents=tuple(documents)[: self.depth], exhausted=exhausted)

    def taken(self, query: Query, states: Sequence[Search], ms: float) -> Answer:
        """Return what is kept of a question's states, the last of them the answer, in `ms`.

        Its documents are those of the served hits; it is exhausted if there were fewer than asked.
        """
        served = states[-1]
        kept = [hit for hit in served.hits if self._keeps(query, hit.chunk)]
        hits = tuple(_light(hit, rank) for rank, hit in enumerate(kept))
        documents = tuple(dict.fromkeys(hit.chunk.document_id for hit in hits))[: self.depth]
        lists = listed(states, lambda chunk: self._keeps(query, chunk))
        judged = standing(self.judgments.get(query.id, ()), lists)
        exhausted = len(served.hits) < served.limit
        return Answer(hits, ms, served.trace, documents, exhausted, cost_of(served), judged)

    def _keeps(self, query: Query, chunk: Chunk) -> bool:
        return not self.drop_self or chunk.document_id != query.id


def _others(served: Served, answered: Search) -> Iterator[tuple[Sequence[Hit], bool]]:
    """Ask again without the documents that were found: their hits, and whether these are all.

    Of one leg it is the order that a deeper search would give; of several, what is left is fused by
    itself.
    """
    documents = {hit.chunk.document_id for hit in answered.hits}
    for _ in range(DEEPEST // answered.limit):
        hits = served.others(answered, documents)
        documents |= {hit.chunk.document_id for hit in hits}
        yield hits, len(hits) < answered.limit


def _deeper(system: System, answered: Search) -> Iterator[tuple[Sequence[Hit], bool]]:
    """Ask for twice as many each time: what stages decide by the first hits stays decided."""
    limit, seen = answered.limit, len(answered.hits)
    while limit < DEEPEST:
        limit = min(2 * limit, DEEPEST)
        hits = system(answered.query, limit)[-1].hits
        yield hits, len(hits) < limit or len(hits) == seen
        seen = len(hits)


def _light(hit: Hit, rank: int) -> Hit:
    """Return a hit without its text: thousands of questions are answered before scoring.

    The first hits keep the beginning of theirs, white space made even.
    """
    chunk = hit.chunk
    text = " ".join(chunk.text[: 2 * EXCERPT].split())[:EXCERPT] if rank < EXCERPTS else ""
    return Hit(Chunk(chunk.id, chunk.document_id, text, chunk.span), hit.scores)


def untimed(answer: Answer) -> Answer:
    """Return an answer without its times: other work went on beside it."""
    return replace(answer, ms=0.0, trace=tuple(map(_untimed, answer.trace)))


def _untimed(step: Step) -> Step:
    cost = {name: each for name, each in step.cost.items() if not name.endswith("_ms")}
    return replace(step, ms=0.0, cost=cost, steps=tuple(map(_untimed, step.steps)))


def cost_of(search: Search) -> dict[str, float]:
    """Return what language models cost in a search, by `COSTS`; what is 0 is left out."""
    steps = flat(search.trace)
    totals = {name: sum(step.cost.get(name, 0.0) for step in steps) for name in COSTS}
    return {name: total for name, total in totals.items() if total}
