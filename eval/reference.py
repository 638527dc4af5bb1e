"""An independent lexical baseline: rank_bm25 as it comes, over the same passages.

It shares nothing with the retrieval that is measured: neither tokens, nor weights, nor a store.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, NamedTuple

import numpy as np
from rank_bm25 import BM25Okapi

from retrieval.errors import InputError
from retrieval.types import Chunk, Hit, Score, Search, ordered

WORD = re.compile(r"\w+")


class Passage(NamedTuple):
    """A chunk, and the text that stands for it: with its title or heading, where embedded so."""

    chunk: Chunk
    embedded: str


def words(text: str) -> list[str]:
    """Return the words of a text in lower case: no stop words, no stemming."""
    return WORD.findall(text.lower())


@dataclass(frozen=True)
class Bm25Reference:
    """BM25Okapi with its own defaults (k1 1.5, b 0.75, epsilon 0.25) over passages in memory.

    A passage is found where its score is above 0; ties break by chunk id, as everywhere.

    Source: rank_bm25; Trotman, Puurula and Burgess 2014, ADCS (its variant of BM25).
    """

    passages: Sequence[Passage]
    about: dict[str, Any] = field(default_factory=dict)
    name: str = "bm25-reference"

    def __post_init__(self) -> None:
        """Index the passages. Raises: InputError where they hold no word."""
        tokens = [words(each.embedded) for each in self.passages]
        if not any(tokens):
            raise InputError("The corpus holds no word, so that BM25 has nothing to find.")
        object.__setattr__(self, "_model", BM25Okapi(tokens))

    def describe(self) -> dict[str, Any]:
        """Return the library, its parameters, and what the passages are."""
        return {
            "kind": "reference",
            "name": self.name,
            "library": f"rank_bm25 {version('rank-bm25')} BM25Okapi",
            "parameters": {"k1": 1.5, "b": 0.75, "epsilon": 0.25, "words": WORD.pattern},
            "passages": len(self.passages),
            **self.about,
        }

    def __call__(self, query: str, limit: int) -> tuple[Search]:
        """Return the best passages, at most `limit`, in a single state."""
        scores: np.ndarray[Any, Any] = self._model.get_scores(words(query))  # type: ignore[attr-defined]
        found = np.flatnonzero(scores > 0)
        if found.size > limit:
            edge = np.partition(scores[found], found.size - limit)[found.size - limit]
            found = found[scores[found] >= edge]
        chunks = [self.passages[int(i)].chunk for i in found]
        hits = [
            Hit(chunk, (Score("rank_bm25", float(score)),))
            for chunk, score in zip(chunks, scores[found], strict=True)
        ]
        return (Search(query, limit, hits=ordered(hits)[:limit]),)
