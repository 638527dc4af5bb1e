"""Windows of a fixed number of tokens, whatever the text says."""

from collections.abc import Iterator
from dataclasses import dataclass

from ingestion.packing import Packing, checked_size
from ingestion.reading import Reading, skip_space
from retrieval.types import Span


@dataclass(frozen=True)
class Fixed:
    """Windows of at most `tokens` tokens; each begins with the last `overlap` tokens before it.

    A cut stands before a word where one is near, else between two tokens.
    """

    tokens: int = 200
    overlap: int = 0

    def __post_init__(self) -> None:
        """Check the sizes."""
        checked_size("fixed", self.tokens, self.overlap)

    def __call__(self, reading: Reading) -> Iterator[Span]:
        """Yield the windows."""
        packing, length = Packing(reading, self.tokens), len(reading.text)
        start = skip_space(reading.text, 0, length)
        while start < length:
            size = packing.size(start)
            end = reading.fit(start, size)
            yield Span(start, end)
            again = reading.back(end, min(self.overlap, size // 2)) if end < length else end
            start = skip_space(reading.text, again if again > start else end, length)
