"""The offline kit: an encoder, terms and a store in plain Python, with the real ones' contracts.

Everything is deterministic and in memory. It is for tests and first steps: searching is a loop.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.adapters.points import DEFAULT_TENANT
from retrieval.clock import FOREVER, Clock
from retrieval.kit import Kit, Point, SparseVector, Vectors
from retrieval.late_interaction import Kind
from retrieval.manifest import FieldType, Manifest
from retrieval.offline_store import ListIndexes
from retrieval.types import Chunk, Span, chunk_id

WORD = re.compile(r"\w+")
TOKEN = re.compile(r"\w+|[^\w\s]")
SPECIAL_TOKENS = 2
TRIGRAM_WEIGHT = 0.25


@lru_cache(maxsize=65_536)
def _hashed(text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "replace"), digest_size=8).digest())


@dataclass(frozen=True)
class HashEmbedder:
    """Words and character trigrams, hashed to signed coordinates: alike words, alike vectors.

    Source: Weinberger et al. 2009, arXiv 0902.2206, section 2 (the signed hashing trick).
    """

    dimension: int = 64
    limit: int = 256

    @property
    def identity(self) -> Mapping[str, Any]:
        """What makes vectors comparable."""
        return {"name": "hash", "dimension": self.dimension, "limit": self.limit}

    def queries(self, texts: Sequence[str], clock: Clock) -> Vectors:
        """Return the vectors of questions, in order."""
        clock.remaining()
        return self.passages(texts)

    def passages(self, texts: Sequence[str], clock: Clock = FOREVER) -> Vectors:
        """Return the vectors of passages, in order, each cut at `limit` tokens."""
        clock.remaining()
        rows = [self._vector(text) for text in texts]
        return np.array(rows, dtype=np.float32).reshape(len(rows), self.dimension)

    def token_vectors(self, texts: Sequence[str], kind: Kind, clock: Clock) -> list[Vectors]:
        """Return for each text the vectors of its words and punctuation marks, in order."""
        clock.remaining()
        tokens = [TOKEN.findall(text)[: self.limit - SPECIAL_TOKENS] for text in texts]
        return [self.passages(each) for each in tokens]

    def token_counts(self, texts: Sequence[str]) -> list[int]:
        """Return each text's words and punctuation marks, and two special tokens."""
        return [len(self.token_spans(text)) + SPECIAL_TOKENS for text in texts]

    def token_spans(self, text: str) -> list[Span]:
        """Return the character span of every token of a text."""
        return [Span(*found.span()) for found in TOKEN.finditer(text)]

    def _vector(self, text: str) -> NDArray[np.float32]:
        """A text without a word gets the first axis, since every vector has unit length."""
        found = np.zeros(self.dimension)
        tokens = TOKEN.findall(text)[: self.limit - SPECIAL_TOKENS]
        for word, count in Counter(token.lower() for token in tokens).items():
            weight = 1.0 + math.log(count)
            padded = f" {word} "
            trigrams = [padded[i : i + 3] for i in range(len(padded) - 2)]
            for feature, part in [(word, 1.0), *((each, TRIGRAM_WEIGHT) for each in trigrams)]:
                place, sign = divmod(_hashed(feature), 2)
                found[place % self.dimension] += weight * part * (1 if sign else -1)
        norm = float(np.linalg.norm(found))
        if norm == 0.0:
            found[0] = norm = 1.0
        return (found / norm).astype(np.float32)


@dataclass(frozen=True)
class WordSparse:
    """BM25 weights of lower-case words.

    Source: Robertson and Zaragoza 2009, section 3.4, equation 3.13, without its idf.
    """

    k1: float = 1.2
    b: float = 0.75

    @property
    def identity(self) -> Mapping[str, Any]:
        """The tokenizer and the parameters of the weights."""
        return {"name": "words", "k1": self.k1, "b": self.b}

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Return how many words each text has, repeats counted."""
        return [len(_terms(text)) for text in texts]

    def documents(self, texts: Sequence[str], average_length: float) -> list[SparseVector]:
        """Return the term weights of passages, in order."""
        return [self._weights(_terms(text), average_length) for text in texts]

    def query(self, text: str, terms: Sequence[tuple[str, float]] = ()) -> SparseVector:
        """Return a question's words (weight 1 each) joined with weighted extra words."""
        weights = dict.fromkeys(_terms(text), 1.0)
        for words, weight in terms:
            for term in _terms(words):
                weights[term] = weights.get(term, 0.0) + weight
        return _sparse(weights)

    def _weights(self, terms: Sequence[int], average_length: float) -> SparseVector:
        relative = len(terms) / average_length if average_length > 0 else 1.0
        damping = self.k1 * (1 - self.b + self.b * relative)
        counts = Counter(terms)
        return _sparse({t: n * (self.k1 + 1) / (n + damping) for t, n in counts.items()})


def _terms(text: str) -> list[int]:
    return [_hashed(word) % 2**32 for word in WORD.findall(text.lower())]


def _sparse(weights: Mapping[int, float]) -> SparseVector:
    indices = sorted(weights)
    return SparseVector(indices, [weights[index] for index in indices])


def offline_kit(
    passages: Mapping[str, str] | Sequence[Chunk] = (),
    fields: Mapping[str, FieldType] | None = None,
) -> Kit:
    """Return a kit whose index holds these chunks; a mapping gives whole texts by document id."""
    if isinstance(passages, Mapping):
        passages = [passage(document_id, text) for document_id, text in passages.items()]
    embedder, sparse = HashEmbedder(), WordSparse()
    lengths = sparse.lengths([chunk.text for chunk in passages])
    average = sum(lengths) / len(lengths) if lengths else 1.0
    kit = Kit(embedder, sparse, ListIndexes().create(offline_manifest("offline", average, fields)))
    kit.store.replace(documents(kit, passages, average))
    return kit


def offline_manifest(
    name: str, average_length: float = 1.0, fields: Mapping[str, FieldType] | None = None
) -> Manifest:
    """Return the manifest of an index that the offline encoder and terms fill."""
    return Manifest(
        name,
        dict(HashEmbedder().identity),
        dict(WordSparse().identity),
        "text",
        {"name": "whole"},
        average_length,
        dict(fields or {}),
    )


def passage(document_id: str, text: str, start: int = 0, tenant: str = DEFAULT_TENANT) -> Chunk:
    """Return a chunk with this text, which begins at an offset into its document."""
    span = Span(start, start + len(text))
    return Chunk(chunk_id(tenant, document_id, span, text), document_id, text, span)


def documents(kit: Kit, chunks: Sequence[Chunk], average_length: float) -> dict[str, list[Point]]:
    """Return chunks as a store takes them, each document's in the order given."""
    texts = [chunk.text for chunk in chunks]
    vectors = kit.embedder.passages(texts)
    terms = kit.sparse.documents(texts, average_length)
    found: dict[str, list[Point]] = {}
    for chunk, vector, weights in zip(chunks, vectors, terms, strict=True):
        its = found.setdefault(chunk.document_id, [])
        title = None if its else _title(kit, chunk)
        its.append(Point(chunk, len(its), vector, weights, title))
    return found


def _title(kit: Kit, chunk: Chunk) -> NDArray[np.float32] | None:
    title = str(chunk.meta.get("title") or "")
    return kit.embedder.passages([title])[0] if title else None
