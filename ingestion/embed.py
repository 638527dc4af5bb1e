"""The vectors of a batch: its chunks', and its titles', each distinct title embedded once."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from ingestion.prepare import BATCH_CHUNKS, Batch
from retrieval.kit import Embedder, Vector, Vectors

KEPT_TITLES = 10_000
"""How many titles are remembered: files of one name, rows of one table."""


class Embedded(NamedTuple):
    """Vectors of a batch: `chunks` in the order of `Batch.embedded`, `titles` by their words."""

    chunks: Vectors
    titles: Mapping[str, Vector]


class Embedding:
    """Embeds batches, chunks and titles together: like lengths share a pass of the encoder."""

    def __init__(self, embedder: Embedder, done: Callable[[int], None]) -> None:
        """Use this encoder, and say after each part how many chunks were done in it."""
        self._embedder = embedder
        self._done = done
        self._known: dict[str, Vector] = {}

    def of(self, batch: Batch) -> Embedded:
        """Return the vectors of a batch. Raises: ProviderError where the encoder fails."""
        titles = batch.titles
        new = [title for title in titles if title not in self._known]
        texts, parts = [*batch.embedded, *new], []
        for start in range(0, len(texts), BATCH_CHUNKS):
            parts.append(self._embedder.passages(texts[start : start + BATCH_CHUNKS]))
            self._done(max(0, min(batch.chunks - start, len(parts[-1]))))
        rows = np.concatenate([np.empty((0, self._embedder.dimension), np.float32), *parts])
        self._known.update(zip(new, rows[batch.chunks :], strict=True))
        found = {title: self._known[title] for title in titles}
        while len(self._known) > KEPT_TITLES:
            del self._known[next(iter(self._known))]
        return Embedded(rows[: batch.chunks], found)
