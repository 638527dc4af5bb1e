"""Sections as the headings draw them, then blocks, then sentences."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ingestion.document import Heading
from ingestion.packing import Packing, checked_size
from ingestion.reading import Reading, skip_space
from ingestion.splitting import blocks, code_ends
from retrieval.types import Span

UNDERLINE = frozenset("=-~^\"'*+#_:.` \t\r\n")
"""What the line below a heading may hold that belongs to it."""


class Section(NamedTuple):
    """A heading with the text below it up to the next heading; `tree_end` is after all below it.

    `body` is where its text starts, after the heading's own line and empty ones; the text before
    the first heading is a section of level 0.
    """

    start: int
    body: int
    end: int
    level: int
    tree_end: int


@dataclass(frozen=True)
class Structure:
    """Chunks of at most `tokens` tokens that follow the document's headings.

    A chunk that holds a heading ends before the next one of the same or a higher level, but whole
    small sections with the same parent are put together as long as they fit. A heading's line
    stays with the text below it. A section that is too long is cut between paragraphs, list
    items, tables and code fences; one of these that is too long between sentences (code: lines),
    and at last between tokens. `language` is an ISO 639 code: whose abbreviations end no sentence.
    """

    tokens: int = 200
    language: str = "en"

    def __post_init__(self) -> None:
        """Check the size."""
        checked_size("structure", self.tokens)

    def __call__(self, reading: Reading) -> Iterator[Span]:
        """Yield the spans, section by section; `chunk` is the one that may still grow."""
        packing = Packing(reading, self.tokens)
        chunk: Section | None = None
        for section in sections(reading.text, reading.headings):
            if chunk and section.start < chunk.end:
                continue
            joined = _joined(packing, chunk, section) if chunk else None
            if chunk and not joined:
                yield Span(chunk.start, chunk.end)
            whole = joined or section
            chunk = _one_chunk(packing, whole)
            if not chunk:
                yield from packing.pack(whole.start, self._ends(packing, whole))
        if chunk:
            yield Span(chunk.start, chunk.end)

    def _ends(self, packing: Packing, section: Section) -> Iterator[int]:
        """Yield where a section's own text may be cut: never between its heading and its text."""
        text, start = packing.reading.text, section.start
        for end, code in blocks(text, start, section.end):
            if end <= section.body and end < section.end:
                continue
            ends: Iterable[int] = (end,)
            if not packing.fits(start, end):
                sentences = packing.sentence_ends(start, end, self.language)
                ends = code_ends(text, start, end) if code else sentences
            yield from (each for each in ends if each > section.body or each == end)
            start = end


def sections(text: str, headings: Sequence[Heading]) -> list[Section]:
    """Return the sections of a text in order; together they cover it."""
    found: list[Section] = []
    below: list[Section] = []
    end = len(text)
    for heading in reversed(headings):
        while below and below[-1].level > heading.level:
            below.pop()
        tree_end = below[-1].start if below else len(text)
        body = skip_space(text, min(end, _line_end(text, heading)), end)
        section = Section(heading.start, body, end, heading.level, tree_end)
        found.append(section)
        below.append(section)
        end = heading.start
    if end > 0:
        found.append(Section(0, 0, end, 0, end))
    return found[::-1]


def _joined(packing: Packing, chunk: Section, section: Section) -> Section | None:
    """Return the chunk with the next section, if they belong and fit, or it is a mere heading."""
    bare = not packing.reading.text[chunk.body : chunk.end].strip()
    if section.level < chunk.level:
        return None
    if not bare and not packing.fits(chunk.start, section.tree_end):
        return None
    body = section.body if bare else chunk.body
    return section._replace(start=chunk.start, body=body, level=chunk.level or section.level)


def _one_chunk(packing: Packing, section: Section) -> Section | None:
    """Return the section as a chunk, with all below it or else by itself, if that fits."""
    for end in (section.tree_end, section.end):
        if packing.fits(section.start, end):
            return section._replace(end=end)
    return None


def _line_end(text: str, heading: Heading) -> int:
    """Where a heading's line ends, or the line that underlines it."""
    line_end = text.find("\n", heading.start + max(len(heading.text) - 1, 0))
    if line_end < 0:
        return len(text)
    next_end = text.find("\n", line_end + 1)
    next_end = len(text) if next_end < 0 else next_end
    underline = text[line_end + 1 : next_end]
    return next_end if underline.strip() and set(underline) <= UNDERLINE else line_end
