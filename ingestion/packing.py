"""Parts of a text put together to chunks: as many as fit, and what never fits is cut at tokens."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ingestion.reading import Reading, skip_space
from ingestion.splitting import line_ends, sentence_ends
from retrieval.errors import ConfigError
from retrieval.types import Span


def checked_size(chunker: str, tokens: int, overlap: int = 0) -> None:
    """Check the parameters of a chunker. Raises: ConfigError that says what is allowed."""
    if tokens < 1:
        raise ConfigError(f"Chunker {chunker!r}: tokens has to be at least 1, got {tokens}.")
    if not 0 <= overlap <= tokens // 2:
        raise ConfigError(
            f"Chunker {chunker!r}: overlap lies between 0 and half of tokens ({tokens // 2}),"
            f" got {overlap}."
        )


@dataclass(frozen=True)
class Packing:
    """Chunks of a text that have at most so many tokens, or fewer where the encoder reads fewer."""

    reading: Reading
    tokens: int

    def size(self, start: int) -> int:
        """Return how many tokens a chunk may have that starts here."""
        return min(self.tokens, self.reading.room(start))

    def fits(self, start: int, end: int) -> bool:
        """Return whether [start, end) can be one chunk."""
        return self.reading.count(start, end) <= self.size(start)

    def pack(self, start: int, ends: Iterable[int], overlap: int = 0) -> Iterator[Span]:
        """Yield chunks of consecutive parts; `ends` are theirs, the first begins at `start`.

        A chunk takes parts as long as they fit. A part that does not fit alone is cut at tokens.
        With an overlap, a chunk begins with the last whole parts of the one before that have at
        most so many tokens and leave room for the next part.
        """
        reading = self.reading
        begin = end = start
        parts: list[int] = []
        for border in ends:
            if begin == end:
                begin = end = skip_space(reading.text, begin, border)
            while not self.fits(begin, border):
                if begin == end:
                    cut = min(border, reading.fit(begin, self.size(begin)))
                    yield Span(begin, cut)
                    begin = end = skip_space(reading.text, cut, border)
                else:
                    yield Span(begin, end)
                    again = (part for part in parts if reading.count(part, end) <= overlap)
                    begin = next((part for part in again if self.fits(part, border)), end)
                    parts = [part for part in parts if part > begin]
            if end > begin:
                parts.append(end)
            end = border
        if end > begin:
            yield Span(begin, end)

    def sentence_ends(self, start: int, end: int, language: str) -> Iterator[int]:
        """Yield the ends of sentences, and of the lines of a sentence that does not fit."""
        for stop in sentence_ends(self.reading.text, start, end, language):
            if self.fits(start, stop):
                yield stop
            else:
                yield from line_ends(self.reading.text, start, stop)
            start = stop
