"""A document as chunkers see it: its text, its tokens, its headings, and the room that a chunk has.

The text is tokenised once, from left to right and only as far as a chunker has come, by the
encoder's own tokenizer. Knows nothing about how chunks are cut.
"""

import unicodedata
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence

import regex

from ingestion.document import Document, Heading
from retrieval.embedded_text import embedded_prefix
from retrieval.kit import Embedder
from retrieval.manifest import EmbedText
from retrieval.types import Span

BLOCK = 50_000
"""How many characters are tokenised in one call."""
LONGEST_TOKEN = 24
"""A token of more characters is a word the encoder does not know: its parts may be known.

Each character counts as what it decomposes to: a Hangul syllable as two or three letters.
"""
WORD_REACH = 16
"""How many tokens, and at most a quarter, a cut moves back to stand before a word."""
CLUSTER_REACH = 256
CLUSTER = regex.compile(r"\X")


def room(embedder: Embedder, prefix: str = "") -> int:
    """Return how many tokens of a text the encoder reads behind a prefix.

    What special tokens, prompt and prefix leave of its limit; at least half of the limit, so that
    a huge title leaves the text some room.
    """
    return max(embedder.limit - embedder.token_counts([prefix])[0], embedder.limit // 2)


class Reading:
    """The text of one document, with what a chunker asks about it."""

    def __init__(self, document: Document, embedder: Embedder, embed: EmbedText) -> None:
        """Read a document for an index that embeds its chunks in this way."""
        self.text = document.text
        self.headings = document.headings
        self._title = document.title
        self._embed = embed
        self._embedder = embedder
        self._tokens = _Tokens(document.text, embedder.token_spans)
        length = len(self.text)
        self._starts = [skip_space(self.text, each.start, length) for each in self.headings]
        self._paths = _paths(document.headings)
        self._rooms: dict[str, int] = {}

    def path(self, offset: int) -> tuple[str, ...]:
        """Return the headings above an offset, outermost first; one that starts there is not."""
        above = bisect_left(self._starts, offset)
        if above < len(self._starts) and self._starts[above] == offset:
            return self._paths[above + 1][:-1]
        return self._paths[above]

    def room(self, start: int) -> int:
        """Return how many tokens of its own a chunk that starts here may have.

        As `room`, behind the title or heading that is embedded with it.
        """
        prefix = embedded_prefix(self._embed, self._title, self.path(start))
        if prefix not in self._rooms:
            self._rooms[prefix] = room(self._embedder, prefix)
        return self._rooms[prefix]

    def count(self, start: int, end: int) -> int:
        """Return how many tokens touch [start, end)."""
        return self._tokens.count(start, end)

    def fit(self, start: int, tokens: int) -> int:
        """Return the farthest end > start, so that [start, end) has at most so many tokens.

        The end stands at the start of a token, before a word where one is near, and never inside a
        character cluster, unless the cluster alone has more tokens.
        """
        return self._tokens.fit(start, tokens)

    def back(self, end: int, tokens: int) -> int:
        """Return the nearest start before `end`, so that [start, end) has at most so many tokens.

        It stands at the start of a token and never inside a character cluster.
        """
        return self._tokens.back(end, tokens)


class _Tokens:
    """The starts and ends of a text's tokens, ascending, read block by block when asked for."""

    def __init__(self, text: str, spans: Callable[[str], list[Span]]) -> None:
        self._text = text
        self._spans = spans
        self._starts = array("i")
        self._ends = array("i")
        self._done = 0

    def count(self, start: int, end: int) -> int:
        while self._done < end:
            self._read_block()
        return max(0, bisect_left(self._starts, end) - bisect_right(self._ends, start))

    def fit(self, start: int, tokens: int) -> int:
        while self._done <= start and self._done < len(self._text):
            self._read_block()
        first = bisect_right(self._ends, start)
        last = first + max(1, tokens)
        while len(self._starts) <= last and self._done < len(self._text):
            self._read_block()
        if last >= len(self._starts):
            return len(self._text)
        for i in range(last, last - min(WORD_REACH, tokens // 4) - 1, -1):
            if self._starts[i] > start and self._before_word(i):
                return self._starts[i]
        border = cluster_start(self._text, self._starts[last])
        if border > start:
            return border
        last = bisect_right(self._starts, start, last)
        return self._starts[last] if last < len(self._starts) else len(self._text)

    def back(self, end: int, tokens: int) -> int:
        while self._done < end:
            self._read_block()
        stop = bisect_left(self._starts, end)
        first = max(0, stop - tokens)
        for i in range(first, min(stop, first + WORD_REACH)):
            if self._before_word(i):
                return self._starts[i]
        whole = (border for border in self._starts[first:stop] if self._between_clusters(border))
        return next(whole, end)

    def _before_word(self, i: int) -> bool:
        border = self._starts[i]
        spaced = border == 0 or self._text[border - 1].isspace()
        return spaced and self._between_clusters(border)

    def _between_clusters(self, offset: int) -> bool:
        return cluster_start(self._text, offset) == offset

    def _read_block(self) -> None:
        base, end = self._done, _block_end(self._text, self._done)
        last_start, last_end = (self._starts[-1], self._ends[-1]) if self._starts else (0, 0)
        for start, stop in self._spans(self._text[base:end]):
            last_start, last_end = max(base + start, last_start), max(base + stop, last_end)
            if last_end - last_start > LONGEST_TOKEN:
                for at in range(last_start, last_end):
                    parts = len(unicodedata.normalize("NFD", self._text[at]))
                    self._starts.extend([at] * parts)
                    self._ends.extend([at + 1] * parts)
                last_start = last_end - 1
            else:
                self._starts.append(last_start)
                self._ends.append(last_end)
        self._done = end


def skip_space(text: str, start: int, end: int) -> int:
    """Return the first offset in [start, end) that is no white space, or `end`."""
    while start < end and text[start].isspace():
        start += 1
    return start


def cluster_start(text: str, offset: int) -> int:
    """Return where the character cluster that an offset lies in starts: what a reader sees as one.

    Source: Unicode Standard Annex 29, extended grapheme clusters, as `regex` has them.
    """
    if not 0 < offset < len(text) or (text[offset].isascii() and text[offset] != "\n"):
        return offset
    begin = offset - 1
    while begin > max(0, offset - CLUSTER_REACH) and not text[begin].isascii():
        begin -= 1
    for cluster in CLUSTER.finditer(text, begin, min(len(text), offset + 1)):
        if cluster.end() > offset:
            start: int = cluster.start()
            return start
    return offset


def _block_end(text: str, start: int) -> int:
    """Where the block that starts here ends: after white space, or where a cluster does."""
    end = start + BLOCK
    if end >= len(text):
        return len(text)
    for space in ("\n", " "):
        found = text.rfind(space, start + BLOCK // 2, end)
        if found > 0:
            return found + 1
    border = cluster_start(text, end)
    return border if border > start else end


def _paths(headings: Sequence[Heading]) -> list[tuple[str, ...]]:
    """Return the path above the first heading, and the path below each one."""
    open_headings: list[Heading] = []
    paths: list[tuple[str, ...]] = [()]
    for heading in headings:
        while open_headings and open_headings[-1].level >= heading.level:
            open_headings.pop()
        open_headings.append(heading)
        paths.append(tuple(each.text for each in open_headings))
    return paths
