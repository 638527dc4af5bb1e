"""Answers: what a system returns for a question, as deep as the measures look."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from eval.passages import Place
from eval.questions import Query
from retrieval.kit import Kit
from retrieval.legs import DEEPEST
from retrieval.pipeline import Pipeline, params, run, stage_name
from retrieval.pipeline import fingerprint as fingerprint_of
from retrieval.types import Chunk, Hit, Search, flat

COSTS = ("calls", "tokens_in", "tokens_out", "usd")
"""What a language model cost."""


class System(Protocol):
    """What is measured: a question in, a search with hits out."""

    @property
    def name(self) -> str:
        """A short name for files and tables."""

    def describe(self) -> dict[str, Any]:
        """Return what it is, for the manifest of a run."""

    def __call__(self, query: str, limit: int) -> Search:
        """Return the answered search. Raises: AssayError where it fails."""


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
        """Return the pipeline's stages, key and fingerprint, and the manifest of its index."""
        return {
            "kind": "pipeline",
            "name": self.pipeline.name,
            "key": self.pipeline.key,
            "fingerprint": fingerprint_of(self.pipeline, self.kit),
            "stages": [{"use": stage_name(s)} | params(s) for s in self.pipeline.stages],
            "index": self.kit.store.manifest.as_json(),
            "index_fingerprint": self.kit.store.manifest.fingerprint,
        }

    def __call__(self, query: str, limit: int) -> Search:
        """Run the pipeline, without a deadline."""
        return run(self.pipeline, Search.of(query, limit), self.kit.at(None, None, strict=True))


@dataclass(frozen=True)
class Answer:
    """One question's answer, without the texts.

    `hits` were served and timed (`ms`, wall time; `stages` by name in order): at most `depth`.
    `documents` are distinct, by the rank of their first chunk, at most `depth`; where the served
    hits hold fewer, deeper searches add theirs at the end. `exhausted`: there are no more. `cost`
    is what language models cost for the served hits, by `COSTS`, each left out where it is 0.
    """

    hits: tuple[Hit, ...] = ()
    ms: float = 0.0
    stages: tuple[tuple[str, float], ...] = ()
    documents: tuple[str, ...] = ()
    exhausted: bool = True
    cost: Mapping[str, float] = field(default_factory=dict)

    @property
    def places(self) -> list[Place]:
        """Where the served hits stand."""
        return [Place(hit.chunk.document_id, hit.chunk.span) for hit in self.hits]


@dataclass(frozen=True)
class Asking:
    """How questions are asked: how deep, and whether a document of the question's id is dropped."""

    depth: int
    drop_self: bool = False

    def answer(self, system: System, query: Query) -> Answer:
        """Return the answer to a question, as it is served for a limit of `depth`.

        Then the limit is doubled until there are `depth` distinct documents, or all candidates
        are seen. The order of what was served never changes by that: a deeper search may fuse
        otherwise, so that only documents which were not served are taken from it. An empty
        question finds nothing.
        """
        if not query.text.strip():
            return Answer()
        limit = self.depth
        start = time.perf_counter()
        served = system(query.text, limit)
        ms = (time.perf_counter() - start) * 1000
        hits = self._kept(query, served.hits)
        documents = dict.fromkeys(hit.chunk.document_id for hit in hits)
        seen, exhausted = len(served.hits), len(served.hits) < limit
        while len(documents) < self.depth and not exhausted and limit < DEEPEST:
            limit = min(2 * limit, DEEPEST)
            deeper = system(query.text, limit).hits
            documents |= dict.fromkeys(hit.chunk.document_id for hit in self._kept(query, deeper))
            exhausted = len(deeper) < limit or len(deeper) == seen
            seen = len(deeper)
        stages = tuple((step.stage, step.ms) for step in served.trace)
        found = tuple(documents)[: self.depth]
        return Answer(hits, ms, stages, found, exhausted, cost_of(served))

    def _kept(self, query: Query, hits: Sequence[Hit]) -> tuple[Hit, ...]:
        """Return hits without their texts: thousands of questions are answered before scoring."""
        return tuple(
            Hit(Chunk(hit.chunk.id, hit.chunk.document_id, "", hit.chunk.span), hit.scores)
            for hit in hits
            if not self.drop_self or hit.chunk.document_id != query.id
        )


def cost_of(search: Search) -> dict[str, float]:
    """Return what language models cost in a search, by `COSTS`; what is 0 is left out."""
    steps = flat(search.trace)
    totals = {name: sum(step.cost.get(name, 0.0) for step in steps) for name in COSTS}
    return {name: total for name, total in totals.items() if total}
