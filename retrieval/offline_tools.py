"""The tools of the offline kit: indexes in memory, and the language model of the settings."""

from dataclasses import dataclass
from functools import cached_property

from retrieval.kit import Embedder, Indexes, Sparse
from retrieval.offline import HashEmbedder, WordSparse
from retrieval.offline_store import ListIndexes
from retrieval.open_kit import Tools


@dataclass(frozen=True)
class OfflineTools(Tools):
    """Tools that need no engine and no model; what is indexed is gone with them."""

    @cached_property
    def indexes(self) -> Indexes:
        """Indexes in memory."""
        return ListIndexes()

    @cached_property
    def embedder(self) -> Embedder:
        """The hash encoder."""
        return HashEmbedder()

    @cached_property
    def sparse(self) -> Sparse:
        """Words as terms."""
        return WordSparse()
