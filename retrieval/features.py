"""The learned reranker's features: a dozen cheap numbers for each hit, without a neural pass.

What the legs and the fusion said is in the search; vectors come from the store, in one call; words
are the same if the sparse leg says so. Nothing is embedded here.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from retrieval.kit import Kit, Sparse
from retrieval.types import Chunk, Hit, Search

Columns = NDArray[np.float64]
"""Shape (hits, features)."""
FEATURES = (
    "dense",
    "dense_rank",
    "sparse",
    "sparse_rank",
    "fused",
    "centroid",
    "coverage",
    "best_sentence",
    "bigrams",
    "title_coverage",
    "title_share",
    "length",
)
"""The columns, in order.

`dense`, `sparse`: the best score of a hit in the leg's rankings; a hit that the leg did not find
has its lowest. `dense_rank`, `sparse_rank`: 1 / rank there, the first is 1; not found is 0.
`fused`: the score that ordered the hits. `centroid`: the cosine to the mean of the first three
hits' vectors. `coverage`: the share of the question's terms in title, headings and text, by weight
of term; `best_sentence`: that of the best sentence alone; `bigrams`: the share of the question's
neighbouring words that are neighbours in the text. `title_coverage`: as coverage, of title and
headings; `title_share`: the share of their words that the question has. `length`: the logarithm
of 1 + the text's characters.
"""
FIRST = 3
PREFIX = 2
WORD = re.compile(r"\w+")
SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")


def features(search: Search, hits: Sequence[Hit], kit: Kit) -> Columns:
    """Return the features of hits, best fused hit first, each a finite number.

    Source: the recipe is ours; the term weight is the idf of Robertson and Zaragoza 2009, section
    3.1, counted over these hits.
    """
    if not hits:
        return np.empty((0, len(FEATURES)))
    dense, dense_rank = _leg(search, hits, "dense")
    sparse, sparse_rank = _leg(search, hits, "sparse")
    legs = [dense, dense_rank, sparse, sparse_rank, [hit.score for hit in hits]]
    words = _words(search.query, [hit.chunk for hit in hits], kit.sparse)
    length = [math.log1p(len(hit.chunk.text)) for hit in hits]
    return np.column_stack([*legs, _centroid(hits, kit), words, length])


def standard(columns: Columns) -> Columns:
    """Return each column in standard deviations from its mean over the hits; equal values give 0."""
    deviation = columns.std(axis=0)
    flat = deviation <= 1e-12 * np.abs(columns).max(axis=0, initial=1.0)
    return np.where(flat, 0.0, (columns - columns.mean(axis=0)) / np.where(flat, 1.0, deviation))


def _leg(search: Search, hits: Sequence[Hit], leg: str) -> tuple[list[float], list[float]]:
    scores: dict[str, float] = {}
    ranks: dict[str, float] = {}
    for ranking in search.rankings:
        if ranking.leg == leg:
            for rank, hit in enumerate(ranking.hits, 1):
                id = hit.chunk.id
                scores[id] = max(scores.get(id, hit.score), hit.score)
                ranks[id] = max(ranks.get(id, 0.0), 1 / rank)
    low = min(scores.values(), default=0.0)
    ids = [hit.chunk.id for hit in hits]
    return [scores.get(id, low) for id in ids], [ranks.get(id, 0.0) for id in ids]


def _centroid(hits: Sequence[Hit], kit: Kit) -> list[float]:
    """A hit that the store no longer has is as far as the farthest of the others."""
    ids = [hit.chunk.id for hit in hits]
    vectors = kit.store.vectors(ids)
    first = [vectors[id] for id in ids[:FIRST] if id in vectors]
    if not first:
        return [0.0] * len(hits)
    mean = np.mean(first, axis=0, dtype=np.float64)
    mean /= np.linalg.norm(mean) or 1.0
    cosines = {id: float(vector @ mean) for id, vector in vectors.items()}
    low = min(cosines.values())
    return [cosines.get(id, low) for id in ids]


@dataclass(frozen=True)
class _Passage:
    """A chunk as lower-case words: title and headings, and the sentences of its text."""

    title: list[str]
    sentences: list[list[str]]

    @classmethod
    def of(cls, chunk: Chunk) -> "_Passage":
        title = " ".join((str(chunk.meta.get("title") or ""), *chunk.heading)).lower()
        sentences = [WORD.findall(each) for each in SENTENCE.split(chunk.text.lower())]
        return cls(WORD.findall(title), sentences)

    @property
    def words(self) -> Iterable[str]:
        yield from self.title
        for each in self.sentences:
            yield from each


def _words(query: str, chunks: Sequence[Chunk], sparse: Sparse) -> Columns:
    """Return coverage, best sentence, bigrams, title coverage and title share of each chunk."""
    asked = WORD.findall(query.lower())
    passages = [_Passage.of(chunk) for chunk in chunks]
    term_of = matching(asked, set().union(*(each.words for each in passages)), sparse)
    titles = [_terms(each.title, term_of) for each in passages]
    sentences = [[_terms(words, term_of) for words in each.sentences] for each in passages]
    whole = [title.union(*its) for title, its in zip(titles, sentences, strict=True)]
    weights = _weights(whole)
    total = sum(weights.values()) or 1.0
    pairs = {
        f" {one} {two} " for one, two in pairwise(asked) if one in term_of or two in term_of
    }
    rows = np.zeros((len(chunks), 5))
    for row, passage in enumerate(passages):
        title = passage.title
        best = max((_sum(weights, each) for each in sentences[row]), default=0.0)
        rows[row, 0] = _sum(weights, whole[row]) / total
        rows[row, 1] = best / total
        rows[row, 2] = _share_of_pairs(pairs, passage)
        rows[row, 3] = _sum(weights, titles[row]) / total
        rows[row, 4] = sum(word in term_of for word in title) / len(title) if title else 0.0
    return rows


def matching(asked: Sequence[str], words: Iterable[str], sparse: Sparse) -> dict[str, int]:
    """Return the term of each word that has one in common with the question, its own included.

    Only words that begin as one of the question's do (two letters) are asked of the sparse leg:
    stemmers cut endings.
    """
    mine = {word: _term(word, sparse) for word in asked}
    terms = {term for term in mine.values() if term is not None}
    begins = tuple({word[:PREFIX] for word, term in mine.items() if term is not None})
    found = {word: term for word, term in mine.items() if term is not None}
    for word in words:
        if begins and word.startswith(begins) and word not in found:
            term = _term(word, sparse)
            if term in terms and term is not None:
                found[word] = term
    return found


def _term(word: str, sparse: Sparse) -> int | None:
    """The first term of a word, or None for a stop word."""
    indices = sparse.query(word).indices
    return indices[0] if indices else None


def _terms(words: Sequence[str], term_of: Mapping[str, int]) -> set[int]:
    return {term_of[word] for word in words if word in term_of}


def _weights(found: Sequence[set[int]]) -> dict[int, float]:
    """Return the idf of each term among passages; one that all have keeps a little."""
    counts: dict[int, int] = {}
    for terms in found:
        for term in terms:
            counts[term] = counts.get(term, 0) + 1
    n = len(found)
    return {
        term: math.log1p((n - count + 0.5) / (count + 0.5)) for term, count in counts.items()
    }


def _sum(weights: Mapping[int, float], terms: set[int]) -> float:
    return sum(weights[term] for term in terms)


def _share_of_pairs(pairs: set[str], passage: _Passage) -> float:
    if not pairs:
        return 0.0
    text = f" {' '.join(passage.words)} "
    return sum(pair in text for pair in pairs) / len(pairs)
