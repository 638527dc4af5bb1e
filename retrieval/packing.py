"""Chunks put together to passages: what stands around them, what merges, and what fits a budget."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile, zip_longest

from retrieval.kit import Embedder, Kit
from retrieval.types import Chunk, Span, chunk_id

WORD = re.compile(r"[^ \t\n]*[^\W_][^ \t\n]*")
FIRST_WIDTH = 2_000
"""How many characters before and after a chunk are looked at first; four times as many then."""


@dataclass
class Selection:
    """Chunks that become passages of at most `limit` tokens together."""

    embedder: Embedder
    limit: int
    tokens: int = 0
    _chosen: dict[str, list[Chunk]] = field(default_factory=dict)
    _totals: dict[str, int] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)

    def add(self, *chunks: Chunk) -> bool:
        """Add chunks of one document if they all fit, and return whether they are in."""
        document_id = chunks[0].document_id
        if document_id not in self._chosen and self.tokens + _least(chunks) > self.limit:
            return False
        chosen = [*self._chosen.get(document_id, ()), *chunks]
        total = sum(self._count(each.text) for each in merged(chosen))
        tokens = self.tokens - self._totals.get(document_id, 0) + total
        if tokens > self.limit:
            return False
        self._chosen[document_id], self._totals[document_id], self.tokens = chosen, total, tokens
        return True

    def fill(self, chunks: Sequence[Chunk]) -> list[Chunk]:
        """Add as many of a document's chunks as fit, in order, and return these."""
        if not chunks or self.add(*chunks):
            return list(chunks)
        fits, too_many = 0, len(chunks)
        while too_many - fits > 1:
            middle = (fits + too_many) // 2
            fits, too_many = (middle, too_many) if self.add(*chunks[:middle]) else (fits, middle)
        return list(chunks[:fits])

    def beginning(self, chunk: Chunk) -> Chunk | None:
        """Return the longest beginning of a chunk that the limit has room for, or None."""
        for last in reversed(self.embedder.token_spans(chunk.text)[: self.limit]):
            text = chunk.text[: last.end]
            if text and self._count(text) <= self.limit:
                span = Span(chunk.span.start, chunk.span.start + len(text))
                return _passage(chunk, span, text)
        return None

    def _count(self, text: str) -> int:
        if text not in self._counts:
            self._counts[text] = len(self.embedder.token_spans(text))
        return self._counts[text]


def _least(chunks: Sequence[Chunk]) -> int:
    """Return how many tokens chunks have at least: tokenizers cut at spaces.

    What holds no letter and no digit may have none, such as a space of no width.
    """
    return max(sum(1 for _ in WORD.finditer(each.text)) for each in chunks)


def merged(chunks: Sequence[Chunk]) -> list[Chunk]:
    """Return a document's chunks as passages in its order: those that overlap or touch are one.

    Its text is the document's at its span: chunks that disagree on what they share stay apart.
    """
    unique = {chunk.id: chunk for chunk in chunks}.values()
    found: list[Chunk] = []
    for chunk in sorted(unique, key=lambda each: (*each.span, each.id)):
        whole = _joined(found[-1], chunk) if found else None
        if whole is None:
            found.append(chunk)
        else:
            found[-1] = whole
    return found


def passages(runs: Sequence[Sequence[Chunk]]) -> list[list[Chunk]]:
    """Return what becomes of runs of chunks, best first: groups of passages, the best one first.

    A run holds chunks that follow each other. Runs that share a chunk or touch are one group, of
    the better one's rank; its passages are in the document's order.
    """
    by_document: dict[str, list[tuple[int, Sequence[Chunk]]]] = {}
    for rank, run in enumerate(runs):
        by_document.setdefault(run[0].document_id, []).append((rank, run))
    groups: list[tuple[int, list[Chunk]]] = []
    for ranked in by_document.values():
        end = -1
        for rank, run in sorted(ranked, key=lambda each: min(c.span for c in each[1])):
            if min(chunk.span.start for chunk in run) <= end:
                best, chunks = groups.pop()
                groups.append((min(best, rank), [*chunks, *run]))
            else:
                groups.append((rank, list(run)))
            end = max(end, *(chunk.span.end for chunk in run))
    return [merged(chunks) for _, chunks in sorted(groups, key=lambda group: group[0])]


def best_at_edges(ranked: Sequence[list[Chunk]]) -> list[list[Chunk]]:
    """Return the first group first, the second last, and so on towards the middle."""
    return [*ranked[::2], *reversed(ranked[1::2])]


def around(chunk: Chunk, most: int, section: bool, kit: Kit) -> list[Chunk]:
    """Return up to `most` chunks before a chunk and as many after it, nearest first.

    `section`: only as far as they have its path of headings. A chunk that the store no longer has
    stands alone.
    """
    width, seen = max(FIRST_WIDTH, 4 * len(chunk.text)), 0
    while True:
        start = max(chunk.span.start - width, 0)
        found = kit.store.chunks(chunk.document_id, start, chunk.span.end + width, kit.clock)
        place = next((i for i, each in enumerate(found) if each.id == chunk.id), None)
        if place is None:
            return []
        sides = (found[:place][::-1], found[place + 1 :])
        taken = [_taken(chunk, side, most, section) for side in sides]
        # A side may go on if all of it was taken; where looking further finds nothing, it does not.
        on = [len(t) < most and len(t) == len(s) for t, s in zip(taken, sides, strict=True)]
        if len(found) == seen or not ((on[0] and start > 0) or on[1]):
            break
        width, seen = 4 * width, len(found)
    near = [each for pair in zip_longest(*taken) for each in pair if each is not None]
    kit.memory.read.update((each.id, each.document_id) for each in near)
    return near


def _taken(chunk: Chunk, side: Sequence[Chunk], most: int, section: bool) -> list[Chunk]:
    near = side[:most]
    return list(takewhile(lambda c: not section or c.heading == chunk.heading, near))


def _joined(before: Chunk, after: Chunk) -> Chunk | None:
    """Return two chunks as one, or None where a gap is between them or their texts disagree."""
    shared = before.span.end - after.span.start
    exact = all(len(c.text) == c.span.end - c.span.start for c in (before, after))
    if shared < 0 or not exact:
        return None
    inside = after.span.start - before.span.start
    if before.text[inside : inside + len(after.text)] != after.text[:shared]:
        return None
    text = before.text + after.text[shared:]
    if len(text) == len(before.text):
        return before
    whole = _passage(before, Span(before.span.start, after.span.end), text)
    pairs = zip(before.heading, after.heading, strict=False)
    common = takewhile(lambda pair: pair[0] == pair[1], pairs)
    return replace(whole, heading=tuple(ours for ours, _ in common))


def _passage(chunk: Chunk, span: Span, text: str) -> Chunk:
    """A passage that is no chunk of the index, with an id of its own."""
    id = chunk_id("context", chunk.document_id, span, text)
    return replace(chunk, id=id, span=span, text=text)
