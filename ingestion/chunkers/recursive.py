"""The coarsest borders that make parts small enough: empty lines, lines, sentence marks, words."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ingestion.packing import Packing, checked_size
from ingestion.reading import Reading, cluster_start
from ingestion.splitting import BLANK
from retrieval.types import Span

LEVELS = (BLANK, re.compile(r"\n"), re.compile(r"[.?!](?=\s)"), re.compile(r"\s+"))
"""What parts end with, coarsest first."""


@dataclass(frozen=True)
class Recursive:
    """Neighbouring parts of together at most `tokens` tokens, cut as coarsely as their size allows.

    The text is cut at its empty lines. Parts that fit are put together as long as they fit; one
    that does not is cut at lines, then at sentence marks, words and tokens, and what it gives is
    put together by itself. A chunk begins with the last parts of the one before that have at most
    `overlap` tokens, if both come from the same cut.

    Source: the recursive character splitter of LangChain, as "Evaluating Chunking Strategies for
    Retrieval" has it (Smith and Troynikov 2024, RecursiveTokenChunker).
    Differs: a border belongs to the part before it, not to the one after; ".", "?" and "!" are one
    level, and only before white space, so that "3.14" stays whole; tokens are the encoder's.
    """

    tokens: int = 200
    overlap: int = 0

    def __post_init__(self) -> None:
        """Check the sizes."""
        checked_size("recursive", self.tokens, self.overlap)

    def __call__(self, reading: Reading) -> Iterator[Span]:
        """Yield the spans, from the coarsest cut to the finest."""
        packing = Packing(reading, self.tokens)
        yield from self._cut(packing, Span(0, len(reading.text)), LEVELS)

    def _cut(
        self, packing: Packing, whole: Span, levels: tuple[re.Pattern[str], ...]
    ) -> Iterator[Span]:
        """Yield the chunks of a stretch; `fitting` are the ends of parts that follow `start`."""
        if not levels:
            yield from packing.pack(whole.start, (whole.end,))
            return
        begin = start = whole.start
        fitting: list[int] = []
        for end in _ends(packing.reading.text, whole, levels[0]):
            if packing.fits(begin, end):
                fitting.append(end)
            else:
                yield from packing.pack(start, fitting, self.overlap)
                yield from self._cut(packing, Span(begin, end), levels[1:])
                start, fitting = end, []
            begin = end
        yield from packing.pack(start, fitting, self.overlap)


def _ends(text: str, whole: Span, border: re.Pattern[str]) -> Iterator[int]:
    """Yield the ends of a stretch's parts, never inside what a reader sees as one character."""
    for found in border.finditer(text, *whole):
        end = found.end()
        if end < whole.end and cluster_start(text, end) == end:
            yield end
    if whole.start < whole.end:
        yield whole.end
