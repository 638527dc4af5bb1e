"""Encoders: from a setting to something that turns texts into unit vectors."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from retrieval.adapters.embedder_batches import Item, Kind, Runtime, packed, unit
from retrieval.adapters.embedder_gate import Gate, Together
from retrieval.adapters.embedder_tokens import Tokens
from retrieval.clock import FOREVER, Clock
from retrieval.kit import Embedder, Vectors
from retrieval.settings import Settings
from retrieval.types import Span

SLICE = 512
"""Texts that are tokenized at a time: what bounds the memory of a call."""


def open_embedder(settings: Settings) -> Embedder:
    """Return the encoder of the settings: an endpoint, the offline one, or a model run here.

    Raises: ConfigError with the ways out where there is none.
    """
    if settings.embeddings_url:
        from retrieval.adapters.embedder_http import HttpEmbedder

        return HttpEmbedder(settings)
    if settings.encoder == "hash":
        from retrieval.offline import HashEmbedder

        return HashEmbedder()
    from retrieval.adapters.embedder_open import open_model

    return open_model(settings)


@dataclass(frozen=True)
class Identity:
    """What makes vectors comparable; not what runs the model, nor with which precision."""

    name: str
    hash: str
    dimension: int
    query_prompt: str
    passage_prompt: str
    limit: int


class ModelEmbedder:
    """A sentence-transformers model on this machine.

    Vectors are scaled to unit length also where the model does not do so: cosine is the only
    similarity here.
    """

    def __init__(
        self, identity: Identity, tokens: Tokens, runtime: Runtime, notes: Mapping[str, Any]
    ) -> None:
        """Join a model's parts. `notes` tell how it came to run as it does."""
        self._identity = identity
        self._tokens = tokens
        self._runtime = runtime
        self._notes = dict(notes)
        self._gate = Gate(runtime.streams)
        self._together = Together(self._gate, runtime)

    @property
    def identity(self) -> Mapping[str, Any]:
        """What makes vectors comparable: name, hash, dimension, prompts, limit."""
        return asdict(self._identity)

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        return self._identity.dimension

    @property
    def limit(self) -> int:
        """How many tokens are read, special tokens included; the rest of a text is cut off."""
        return self._identity.limit

    def describe(self) -> dict[str, Any]:
        """Return what runs the model, the precision of passages, and why it is not another."""
        return {**self._runtime.describe(), **self._notes}

    def queries(self, texts: Sequence[str], clock: Clock) -> Vectors:
        """Return the vectors of questions, in order. Goes before waiting passages.

        Raises: DeadlineError, or ProviderError where the model fails.
        """
        clock.remaining()
        items = self._items(texts, "query")
        rows = np.empty((len(items), self.dimension), dtype=np.float32)
        for batch in packed([len(item.ids) for item in items], self._runtime.batch_tokens):
            rows[batch] = self._together.rows([items[each] for each in batch], clock)
        return unit(rows, self._identity.name)

    def passages(self, texts: Sequence[str], clock: Clock = FOREVER) -> Vectors:
        """Return the vectors of passages, in order, each cut at `limit` tokens.

        Raises: DeadlineError between batches, ProviderError where the model fails.
        """
        rows = np.empty((len(texts), self.dimension), dtype=np.float32)
        for start in range(0, len(texts), SLICE):
            rows[start : start + SLICE] = self._slice(texts[start : start + SLICE], clock)
        return unit(rows, self._identity.name)

    def token_vectors(self, texts: Sequence[str], kind: Kind, clock: Clock) -> list[Vectors]:
        """Return for each text the unit vectors of its own tokens, in order, cut at `limit`.

        Raises: DeadlineError between batches, ProviderError where the model fails.
        """
        if not texts:
            return []
        prompt = self._prompt(kind)
        items = self._items(texts, kind)
        found: list[Vectors] = [np.empty((0, 0), dtype=np.float32)] * len(items)

        def run(batch: list[int]) -> None:
            clock.remaining()
            rows = self._runtime.tokens([items[each] for each in batch], kind)
            for each, its in zip(batch, rows, strict=True):
                own = self._tokens.own(texts[each], prompt)
                found[each] = unit(its[own], self._identity.name)

        lengths = [len(item.ids) for item in items]
        _spread(run, packed(lengths, self._runtime.batch_tokens), self._runtime.streams)
        return found

    def token_counts(self, texts: Sequence[str]) -> list[int]:
        """Return each text's tokens without a cut, special tokens and passage prompt included."""
        return self._tokens.counts([self._identity.passage_prompt + text for text in texts])

    def token_spans(self, text: str) -> list[Span]:
        """Return the character span of every token of a text, special tokens left out."""
        return self._tokens.spans(text)

    def _prompt(self, kind: Kind) -> str:
        return self._identity.query_prompt if kind == "query" else self._identity.passage_prompt

    def _items(self, texts: Sequence[str], kind: Kind) -> list[Item]:
        prompt = self._prompt(kind)
        ids = self._tokens.ids([prompt + text for text in texts])
        return [Item(text, its) for text, its in zip(texts, ids, strict=True)]

    def _slice(self, texts: Sequence[str], clock: Clock) -> Vectors:
        """Batches are halved where questions are asked, so that these wait half as long."""
        items = self._items(texts, "passage")
        rows = np.empty((len(items), self.dimension), dtype=np.float32)
        budget = self._runtime.batch_tokens // (2 if self._gate.asked else 1)

        def run(batch: list[int]) -> None:
            with self._gate.passages():
                clock.remaining()
                rows[batch] = self._runtime.run([items[each] for each in batch], "passage")

        _spread(run, packed([len(item.ids) for item in items], budget), self._runtime.streams)
        return rows


def _spread(run: Callable[[list[int]], None], batches: list[list[int]], streams: int) -> None:
    """Run batches on some threads; the first failure, or an interruption, drops the rest."""
    pool = ThreadPoolExecutor(min(streams, len(batches)))
    try:
        for _ in pool.map(run, batches):
            pass
    finally:
        pool.shutdown(cancel_futures=True)
