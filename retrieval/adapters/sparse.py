"""BM25 as sparse vectors: the term's share of a score here, its rarity (idf) in the engine."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from qdrant_edge import Bm25, Bm25Config

from retrieval.errors import ConfigError
from retrieval.kit import SparseVector

COUNTING_K = 1e6


@dataclass(frozen=True)
class Bm25Sparse:
    """Stemmed words without stop words, as Qdrant's own `qdrant/bm25` makes them.

    A term's weight in a passage is tf (k1 + 1) / (tf + k1 (1 - b + b length / average length)),
    where length counts the terms that are left. Both stores multiply it by the idf at query time.

    Source: Robertson and Zaragoza 2009, section 3.4, equation 3.13, without its idf.
    """

    language: str = "english"
    k1: float = 1.2
    b: float = 0.75

    def __post_init__(self) -> None:
        """Check the parameters."""
        _model(self.language, self.k1, self.b, 1.0)

    @property
    def identity(self) -> Mapping[str, Any]:
        """The tokenizer and the parameters of the weights."""
        return {
            "name": "qdrant/bm25",
            "tokenizer": "word",
            "language": self.language,
            "k1": self.k1,
            "b": self.b,
        }

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Return how many terms each text has, repeats counted."""
        counting = _model(self.language, COUNTING_K, 0.0, 1.0)
        found = (counting.embed_document(_encodable(text)).values for text in texts)
        return [sum(map(_count, weights)) for weights in found]

    def documents(self, texts: Sequence[str], average_length: float) -> list[SparseVector]:
        """Return the term weights of passages, in order; an average below 1 counts as 1."""
        model = _model(self.language, self.k1, self.b, max(average_length, 1.0))
        found = (model.embed_document(_encodable(text)) for text in texts)
        return [SparseVector(each.indices, each.values) for each in found]

    def query(self, text: str, terms: Sequence[tuple[str, float]] = ()) -> SparseVector:
        """Return a question's terms (weight 1 each) joined with weighted extra words.

        An extra word is cut into terms as the question is; weights of the same term add up, and a
        term whose weights add up to 0 is left out.
        """
        model = _model(self.language, self.k1, self.b, 1.0)
        weights = dict.fromkeys(model.embed_query(_encodable(text)).indices, 1.0)
        for words, weight in terms:
            for term in model.embed_query(_encodable(words)).indices:
                weights[term] = weights.get(term, 0.0) + weight
        indices = sorted(term for term, weight in weights.items() if weight)
        return SparseVector(indices, [weights[term] for term in indices])


@lru_cache(maxsize=64)
def _model(language: str, k1: float, b: float, average_length: float) -> Bm25:
    if not math.isfinite(k1 + b + average_length):
        raise ConfigError(f"BM25: k1={k1}, b={b}, average length {average_length}: not finite.")
    try:
        return Bm25(Bm25Config(k=k1, b=b, avg_len=average_length, language=language))
    except ValueError as error:
        raise ConfigError(f"BM25: language {language!r}, k1={k1}, b={b}: {error}.") from error


def _count(weight: float) -> int:
    """The count that gave a weight without length normalisation, tf (k + 1) / (tf + k)."""
    return round(weight * COUNTING_K / (COUNTING_K + 1 - weight))


def _encodable(text: str) -> str:
    """Half a surrogate pair is no text: it becomes a question mark."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
