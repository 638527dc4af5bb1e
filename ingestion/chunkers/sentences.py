"""Whole sentences, as many as fit."""

from collections.abc import Iterator
from dataclasses import dataclass

from ingestion.packing import Packing, checked_size
from ingestion.reading import Reading
from retrieval.types import Span


@dataclass(frozen=True)
class Sentences:
    """Consecutive whole sentences of together at most `tokens` tokens.

    A chunk begins with the last sentences of the one before that have at most `overlap` tokens. A
    sentence that is too long alone is cut at line breaks, then at tokens. `language` is an ISO 639
    code: whose abbreviations end no sentence.
    """

    tokens: int = 200
    overlap: int = 0
    language: str = "en"

    def __post_init__(self) -> None:
        """Check the sizes."""
        checked_size("sentences", self.tokens, self.overlap)

    def __call__(self, reading: Reading) -> Iterator[Span]:
        """Yield the spans of sentences put together."""
        packing = Packing(reading, self.tokens)
        ends = packing.sentence_ends(0, len(reading.text), self.language)
        yield from packing.pack(0, ends, self.overlap)
