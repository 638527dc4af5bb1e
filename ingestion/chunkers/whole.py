"""Whole documents: one chunk each."""

from collections.abc import Iterator
from dataclasses import dataclass

from ingestion.reading import Reading
from retrieval.types import Span


@dataclass(frozen=True)
class Whole:
    """The whole text as one chunk. What the encoder cuts off at its limit is counted and said."""

    def __call__(self, reading: Reading) -> Iterator[Span]:
        """Yield the one span."""
        yield Span(0, len(reading.text))
