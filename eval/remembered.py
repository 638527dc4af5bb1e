"""An encoder that is never asked the same twice, for many runs over the same questions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from retrieval.clock import FOREVER, Clock
from retrieval.kit import Embedder, Vectors
from retrieval.types import Span

Known = dict[tuple[str, ...], Vectors]


@dataclass(frozen=True)
class Remembered:
    """An encoder's own vectors, each call made once: bit for bit what every run would have got.

    What is timed with it is not what a service takes. Vectors of tokens (maxsim) it does not have.
    """

    embedder: Embedder
    _queries: Known = field(default_factory=dict, repr=False)
    _passages: Known = field(default_factory=dict, repr=False)

    @property
    def identity(self) -> Mapping[str, Any]:
        """That of the encoder."""
        return self.embedder.identity

    @property
    def dimension(self) -> int:
        """That of the encoder."""
        return self.embedder.dimension

    @property
    def limit(self) -> int:
        """That of the encoder."""
        return self.embedder.limit

    def queries(self, texts: Sequence[str], clock: Clock) -> Vectors:
        """Return the vectors of questions, in order."""
        return _once(self._queries, texts, lambda: self.embedder.queries(texts, clock))

    def passages(self, texts: Sequence[str], clock: Clock = FOREVER) -> Vectors:
        """Return the vectors of passages, in order."""
        return _once(self._passages, texts, lambda: self.embedder.passages(texts, clock))

    def token_counts(self, texts: Sequence[str]) -> list[int]:
        """Return what the encoder does."""
        return self.embedder.token_counts(texts)

    def token_spans(self, text: str) -> list[Span]:
        """Return what the encoder does."""
        return self.embedder.token_spans(text)


def _once(known: Known, texts: Sequence[str], embed: Callable[[], Vectors]) -> Vectors:
    # By the whole call: in bf16 a passage's vector depends a little on its batch.
    key = tuple(texts)
    if key not in known:
        known[key] = embed()
    return known[key]
