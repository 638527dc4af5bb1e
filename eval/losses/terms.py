"""Which of a question's words a passage has: those that are the same to the sparse leg."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from retrieval.features import matching
from retrieval.kit import Sparse
from retrieval.types import Chunk

WORD = re.compile(r"\w+")


class Terms(NamedTuple):
    """A question's words in its order, each once; what the sparse leg never asks for is in none."""

    has: tuple[str, ...]
    lacks: tuple[str, ...]

    @property
    def share(self) -> float:
        """The share of the words that the passage has; 0 where the question has none."""
        return len(self.has) / (len(self.has) + len(self.lacks) or 1)


def terms_of(query: str, chunks: Iterable[Chunk], sparse: Sparse) -> Terms:
    """Return which of a question's words chunks have, in title, headings or text."""
    asked = list(dict.fromkeys(WORD.findall(query.lower())))
    words = {word for chunk in chunks for word in WORD.findall(_text(chunk).lower())}
    term_of = matching(asked, words, sparse)
    there = {term_of[word] for word in words if word in term_of}
    known = [word for word in asked if word in term_of]
    return Terms(
        tuple(word for word in known if term_of[word] in there),
        tuple(word for word in known if term_of[word] not in there),
    )


def _text(chunk: Chunk) -> str:
    return " ".join((str(chunk.meta.get("title") or ""), *chunk.heading, chunk.text))
