"""The kit: the tools that stages work with, all of them protocols.

Stages get their parameters in the constructor and their tools in the call, so the same pipeline
runs on the embedded engine, on a cluster, or on the offline kit of the tests.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from retrieval.clock import FOREVER, Clock
from retrieval.errors import ConfigError
from retrieval.filters import Filter
from retrieval.manifest import Manifest
from retrieval.memory import Memory
from retrieval.types import Chunk, Span

Scores = dict[str, float]
Vector = NDArray[np.float32]
Vectors = NDArray[np.float32]
"""Shape (n, dimension), rows of unit length, float32."""


class Embedder(Protocol):
    """Texts to unit vectors."""

    @property
    def identity(self) -> Mapping[str, Any]:
        """What makes vectors comparable: name, hash, dimension, prompts. Kept in the manifest."""

    @property
    def dimension(self) -> int:
        """The length of a vector."""

    @property
    def limit(self) -> int:
        """How many tokens are read, special tokens included; the rest of a text is cut off."""

    def queries(self, texts: Sequence[str], clock: Clock) -> Vectors:
        """Return the vectors of questions, in order. Goes before waiting passages."""

    def passages(self, texts: Sequence[str], clock: Clock = FOREVER) -> Vectors:
        """Return the vectors of passages, in order, each cut at `limit` tokens."""

    def token_counts(self, texts: Sequence[str]) -> list[int]:
        """Return each text's tokens without a cut, special tokens and passage prompt included."""

    def token_spans(self, text: str) -> list[Span]:
        """Return the character span of every token of a text, special tokens left out."""


class SparseVector(NamedTuple):
    """Term ids (unique, ascending) and their weights, of equal length."""

    indices: list[int]
    values: list[float]


class Sparse(Protocol):
    """Texts to weighted terms."""

    @property
    def identity(self) -> Mapping[str, Any]:
        """The tokenizer and the parameters of the weights. Kept in the manifest."""

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Return how many terms each text has, repeats counted."""

    def documents(self, texts: Sequence[str], average_length: float) -> list[SparseVector]:
        """Return the term weights of passages, in order."""

    def query(self, text: str, terms: Sequence[tuple[str, float]] = ()) -> SparseVector:
        """Return a question's terms (weight 1 each) joined with weighted extra words."""


class Point(NamedTuple):
    """A chunk on its way into an index; `position` counts the chunks of its document from 0.

    `title` is the vector of the document's title, for its first chunk alone.
    """

    chunk: Chunk
    position: int
    vector: Vector
    sparse: SparseVector
    title: Vector | None = None


class Compared(NamedTuple):
    """Chunks, with the centroid of the first few of them; titles of documents, with a question."""

    ids: Sequence[str]
    first: int
    document_ids: Sequence[str]
    question: Vector


Probe = Vector | SparseVector
"""What one search of one leg asks with: a dense vector (dimension,), or a sparse one."""


class Match(NamedTuple):
    """A chunk that a store found, and the engine's score (cosine, or the BM25 sum)."""

    chunk: Chunk
    score: float


class Store(Protocol):
    """One index, seen by one tenant: every call is narrowed to that tenant's chunks."""

    @property
    def manifest(self) -> Manifest:
        """What the index was built with."""

    def scoped(self, tenant: str) -> "Store":
        """Return this index as another tenant sees it."""

    def search(
        self, probes: Sequence[Probe], filter: Filter | None, limit: int, clock: Clock
    ) -> list[list[Match]]:
        """Return for each probe its best `limit` chunks, by descending score, ties by ascending id.

        An empty sparse probe finds nothing. A sparse match has a score above 0. A filter on a
        field outside the manifest runs exact (see `Manifest.undeclared`).
        """

    def replace(self, documents: Mapping[str, Sequence[Point]]) -> None:
        """Make these the chunks of these documents: new ones visible, old ones gone; [] deletes.

        Every vector is validated before anything is sent; acknowledged chunks survive a kill.
        """

    def describe(self, document_id: str, domain: str | None, meta: Mapping[str, Any]) -> None:
        """Replace the domain and metadata of a document's chunks, vectors untouched."""

    def chunks(
        self, document_id: str, start: int = 0, end: int | None = None, clock: Clock = FOREVER
    ) -> list[Chunk]:
        """Return a document's chunks that overlap [start, end), by position."""

    def present(self, ids: Sequence[str], clock: Clock = FOREVER) -> set[str]:
        """Return which of these chunks there are, all at one moment."""

    def vectors(self, ids: Sequence[str], clock: Clock = FOREVER) -> dict[str, Vector]:
        """Return the dense vectors of chunks, by id; unknown ids are left out."""

    def cosines(self, asked: Compared, clock: Clock) -> Callable[[], tuple[Scores, Scores]]:
        """Begin to compare; what is returned waits for how near known chunks and titles are."""

    def count(self, filter: Filter | None = None, clock: Clock = FOREVER) -> int:
        """Return how many chunks there are, exactly."""

    def flush(self) -> None:
        """Make everything acknowledged survive a loss of power too."""

    def optimize(self) -> bool:
        """Build the index structures; False where it is not needed or others are being served."""


class Indexes(Protocol):
    """All indexes of one place: a data directory, or a Qdrant server."""

    def names(self) -> list[str]:
        """Return the names of the indexes, sorted."""

    def create(self, manifest: Manifest) -> Store:
        """Make an index and its payload indexes. Raises: ConfigError where it exists already."""

    def open(self, name: str) -> Store:
        """Return an index for the default tenant. Raises: NotFoundError that lists the names."""

    def drop(self, name: str) -> None:
        """Remove an index for good. Raises: NotFoundError."""

    def close(self) -> None:
        """Let go of connections; nothing acknowledged is lost."""


class Scorer(Protocol):
    """A cross-encoder: how well each passage answers the question."""

    def scores(self, query: str, passages: Sequence[str], clock: Clock) -> list[float]:
        """Return one score a passage, in order; higher is better. Raises: ProviderError."""


class Scorers(Protocol):
    """Cross-encoders, which pipelines name."""

    def __call__(self, model: str) -> Scorer:
        """Return the one of a name or path, loaded once. Raises: ConfigError with the ways out."""

    def load(self, models: Iterable[str]) -> None:
        """Begin to load cross-encoders, beside whatever else goes on."""

    def loading(self) -> list[str]:
        """Return the names of those that are being loaded now."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a stage asks a language model.

    `instructions` are the stage's own words; `text` is what users or documents wrote, and is never
    put in an instruction's place. `version` and `step` tell prompts and calls of a stage apart;
    `schema` is the JSON schema of a structured answer.
    """

    stage: str
    instructions: str
    text: str
    version: str = "1"
    step: int = 0
    schema: Mapping[str, Any] | None = None
    temperature: float = 0.0
    max_tokens: int = 512


class Reply(NamedTuple):
    """What a language model answered: its text, the parsed JSON if a schema was asked for, costs.

    `cost` holds `calls`, `tokens_in`, `tokens_out`, `usd`; of a replayed answer those of its
    recording, with `replayed` beside them, so that a benchmark shows what a technique costs.
    """

    text: str
    data: Any
    cost: Mapping[str, float]


class Llm(Protocol):
    """A language model, or a recording of one."""

    def reply(self, prompt: Prompt, query: str, clock: Clock) -> Reply:
        """Return the answer. `query` is the question that a recording is found by.

        Raises: ProviderError that names the stage and the query.
        """


@dataclass(frozen=True)
class Kit:
    """The tools of one index; `strict`: a failing stage stops the run; `next`: the stage behind."""

    embedder: Embedder
    sparse: Sparse
    store: Store
    clock: Clock = field(default_factory=Clock)
    strict: bool = True
    scorer: Scorers | None = None
    llm: Llm | None = None
    next: Any = None
    # Not taken over by a changed copy, whose embedder may be another.
    memory: Memory = field(default_factory=Memory, init=False, repr=False, compare=False)

    def at(self, tenant: str | None, timeout_s: float | None, strict: bool = False) -> "Kit":
        """Return this kit for one request: one tenant, one deadline."""
        store = self.store if tenant is None else self.store.scoped(tenant)
        return replace(self, store=store, clock=Clock(timeout_s), strict=strict)

    def queries(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of questions, in order; a request embeds each of them once."""
        known = self.memory.vectors
        new = [text for text in dict.fromkeys(texts) if text not in known]
        if new:
            known.update(zip(new, self.embedder.queries(new, self.clock), strict=True))
        return np.stack([known[text] for text in texts])

    def search(
        self, probes: Sequence[Probe], filter: Filter | None, limit: int
    ) -> list[list[Match]]:
        """Return what the store finds within the request's time; such searches are counted."""
        self.memory.searches += 1
        return self.store.search(probes, filter, limit, self.clock)

    def within(self, llm: Llm | None, next: Any) -> "Kit":
        """Return this kit for one stage; what the request remembers stays."""
        kit = replace(self, llm=llm, next=next)
        object.__setattr__(kit, "memory", self.memory)
        return kit

    def checked(self) -> "Kit":
        """Return this kit if its tools are those the index was built with.

        Raises: ConfigError that names both sides.
        """
        manifest = self.store.manifest
        for what, ours, theirs in (
            ("encoder", self.embedder.identity, manifest.encoder),
            ("sparse terms", self.sparse.identity, manifest.sparse),
        ):
            if dict(ours) != dict(theirs):
                raise ConfigError(
                    f"Index {manifest.name!r} was built with {what} {dict(theirs)}, but the "
                    f"settings say {dict(ours)}. Set the same one, or ingest into a new index."
                )
        return self
