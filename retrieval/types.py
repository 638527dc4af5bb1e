"""The nouns of Assay: what a question is, what is found, and what every step did.

Frozen, without input or output, importing nothing of ours. A `Search` fills from left to right:
variants, rankings, hits, context; each stage returns a new one.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

from retrieval.filters import Filter

VariantKind = Literal["original", "paraphrase", "sub_question", "hypothetical", "feedback"]
NAMESPACE = uuid.UUID("6f1d2f0e-4f7c-5a55-9a6e-a55a7a55a7a5")
"""The namespace of chunk ids; a change of it makes every chunk a new one."""


class Span(NamedTuple):
    """Half-open character offsets [start, end) into a document's extracted text."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """The unit that is stored, found and shown.

    `text` is the document's text at `span`; `heading` is the path of headings above it, outermost
    first; `meta` is the user's own metadata (JSON values; `title` is shown where it is set).
    """

    id: str
    document_id: str
    text: str
    span: Span
    heading: tuple[str, ...] = ()
    domain: str | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)


def chunk_id(tenant: str, document_id: str, span: Span, embedded: str) -> str:
    """Return the UUID (version 5) of a chunk: equal input, equal id, on every machine.

    `embedded` is the text that is embedded (title or heading included), so that a chunk whose
    vector would change gets a new id.
    """
    name = "\x1f".join((tenant, document_id, str(span.start), str(span.end), embedded))
    return str(uuid.uuid5(NAMESPACE, name))


@dataclass(frozen=True, slots=True)
class Variant:
    """One phrasing of the question.

    A `hypothetical` one is embedded as a passage. `terms` are weighted extra words for the sparse
    leg; `vector` (unit length) replaces the embedding of `text`.
    """

    text: str
    kind: VariantKind = "original"
    weight: float = 1.0
    terms: tuple[tuple[str, float], ...] = ()
    vector: tuple[float, ...] | None = None


class Score(NamedTuple):
    """One score that a chunk received, and who gave it."""

    by: str
    value: float


class Hit(NamedTuple):
    """A found chunk with every score it was ever given, oldest first; the last one orders.

    A tuple, since some hundreds are made for each question, and a tuple costs a third of a
    dataclass.
    """

    chunk: Chunk
    scores: tuple[Score, ...]

    @property
    def score(self) -> float:
        """The score that orders this hit."""
        return self.scores[-1].value

    def scored(self, by: str, value: float) -> "Hit":
        """Return this hit with one more score."""
        return Hit(self.chunk, (*self.scores, Score(by, value)))


def ordered(hits: Sequence[Hit]) -> tuple[Hit, ...]:
    """Return the hits by descending score, ties by ascending chunk id: the order everywhere."""
    return tuple(sorted(hits, key=lambda hit: (-hit.score, hit.chunk.id)))


@dataclass(frozen=True, slots=True)
class Domain:
    """A part of the corpus that a question may belong to, and how likely it does.

    `meta` is what the operator says of it (JSON values): it is returned with the answer, and its
    `kind` and `glossary` are told to the stages that ask a language model.
    """

    name: str
    probability: float
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ranking:
    """One ranked list: who made it (leg and variant label, as `dense:original`), its weight."""

    by: str
    hits: tuple[Hit, ...]
    weight: float = 1.0

    @property
    def leg(self) -> str:
        """The retriever that made it: the part of `by` before the colon."""
        return self.by.partition(":")[0]


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the trace, written by the runner only.

    `changed` counts what the stage left in each column that it changed; `top` are the first hits'
    (or the new rankings' first) chunk ids; `notes` are the stage's own words; `error` is why it was
    skipped; `steps` are those of a stage that owns stages. `ms` is wall time.
    """

    stage: str
    params: Mapping[str, Any]
    ms: float
    changed: Mapping[str, int] = field(default_factory=dict)
    top: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    cost: Mapping[str, float] = field(default_factory=dict)
    error: str | None = None
    steps: tuple["Step", ...] = ()


@dataclass(frozen=True, slots=True)
class Search:
    """The state of one question on its way through a pipeline.

    `hits` are the ranked passages that measures read; `context` is what a language model will
    read. `notes` and `cost` are collected by the running stage and moved into its `Step`.
    """

    query: str
    limit: int = 10
    filter: Filter | None = None
    variants: tuple[Variant, ...] = ()
    domains: tuple[Domain, ...] = ()
    rankings: tuple[Ranking, ...] = ()
    hits: tuple[Hit, ...] = ()
    context: tuple[Chunk, ...] = ()
    notes: tuple[str, ...] = ()
    cost: Mapping[str, float] = field(default_factory=dict)
    trace: tuple[Step, ...] = ()

    @classmethod
    def of(cls, query: str, limit: int = 10, filter: Filter | None = None) -> "Search":
        """Return the search that a question starts as: its own words are the first variant."""
        return cls(query, limit, filter, variants=(Variant(query),))

    @property
    def degraded(self) -> tuple[str, ...]:
        """The stages that failed and were skipped, as `stage: why`."""
        failed = [(f"{step.stage}: ", step.error) for step in flat(self.trace) if step.error]
        return tuple(f"{stage}{error.removeprefix(stage)}" for stage, error in failed)

    def noted(self, *notes: str) -> "Search":
        """Return this search with notes for the trace."""
        return replace(self, notes=self.notes + notes) if notes else self

    def spent(self, **cost: float) -> "Search":
        """Return this search with costs for the trace, added to those of the same name."""
        added = {name: self.cost.get(name, 0.0) + value for name, value in cost.items()}
        return replace(self, cost={**self.cost, **added})


def flat(steps: Sequence[Step]) -> list[Step]:
    """Return steps and those inside them, outer before inner."""
    return [found for step in steps for found in (step, *flat(step.steps))]


def labels(variants: Sequence[Variant]) -> list[str]:
    """Return a name for each variant: its kind, numbered from the second of a kind on.

    Variants are only ever appended, so a label never changes within one search.
    """
    seen: dict[str, int] = {}
    names = []
    for variant in variants:
        seen[variant.kind] = seen.get(variant.kind, 0) + 1
        count = seen[variant.kind]
        names.append(variant.kind if count == 1 else f"{variant.kind}-{count}")
    return names
