"""Where a stretch of text may be cut: at blocks, at sentences, at lines.

Every function yields the ends of consecutive parts of [start, end), ascending, the last one `end`
itself; white space belongs to the part before it. Knows nothing about sizes.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

import sentencex

BLANK = re.compile(r"\n[^\S\n]*(?:\n\s*)")
"""A line break, and at least one empty line after it."""
ITEM = re.compile(r"\s*(?:[-*+•‣◦]|\(?(?:\d{1,3}|[a-zA-Z])[.)])\s")
FENCE = re.compile(r"\s*(`{3,}|~{3,})")
CODE = re.compile(r"\s*(?:\||>>>|\.\.\.)")
ODD_SPACE = re.compile(r"[^\S\n]")
REGION = 20_000
"""The longest paragraph, in characters, that the sentence splitter gets in one call."""


class Block(NamedTuple):
    """A paragraph, list item, table or code fence that ends here; code is cut at lines only."""

    end: int
    code: bool


def line_ends(text: str, start: int, end: int) -> Iterator[int]:
    """Yield the end of each line."""
    while start < end:
        found = text.find("\n", start, end)
        start = end if found < 0 else found + 1
        yield start


def code_ends(text: str, start: int, end: int) -> Iterator[int]:
    """Yield the ends of lines of code, but a fence stays with the line below or above it."""
    code = text[start:end]
    fence = FENCE.match(code)
    first = start + max(code.find("\n", fence.end()) + 1, 0) if fence else start
    last = start + len(code.rstrip("`~ \t\r\n")) if fence else end
    yield from (each for each in line_ends(text, start, end) if first < each < last or each == end)


def sentence_ends(text: str, start: int, end: int, language: str = "en") -> Iterator[int]:
    """Yield the end of each sentence; an empty line ends one too, a mere line break does not.

    `language` is an ISO 639 code: whose abbreviations are known.
    """
    for begin, stop in _paragraphs(text, start, end):
        # Its offsets go wrong at white space of several bytes, so it sees plain spaces instead.
        plain = ODD_SPACE.sub(" ", text[begin:stop])
        for sentence in sentencex.get_sentence_boundaries(language, plain):
            offset = begin + sentence["start_index"]
            if offset > begin and sentence["text"].strip():
                yield offset
        yield stop


def blocks(text: str, start: int, end: int) -> Iterator[Block]:
    """Yield the end of each paragraph, list item, table and fenced code block.

    A fence that is never closed ends with the stretch.
    """
    fence, code, after_gap = "", False, True
    for begin, stop in _lines(text, start, end):
        line = text[begin:stop]
        mark = FENCE.match(line)
        if fence:
            after_gap = bool(mark and mark[1].startswith(fence))
            fence = "" if after_gap else fence
            continue
        empty = not line.strip()
        if not empty and (after_gap or mark or ITEM.match(line)):
            if begin > start:
                yield Block(begin, code)
            code = bool(mark or CODE.match(line))
        fence, after_gap = mark[1] if mark else "", empty
    if start < end:
        yield Block(end, code)


def _lines(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    for stop in line_ends(text, start, end):
        yield start, stop
        start = stop


def _paragraphs(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield paragraphs with the empty lines after them, cut where they are longer than a region."""
    while start < end:
        found = BLANK.search(text, start, min(end, start + REGION))
        if found:
            stop = found.end()
        elif end - start <= REGION:
            stop = end
        else:
            near = start + REGION // 2
            cuts = (text.rfind(space, near, start + REGION) + 1 for space in ("\n", " "))
            stop = next((cut for cut in cuts if cut), start + REGION)
        yield start, stop
        start = stop
