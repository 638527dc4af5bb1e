"""The learned reranker's features: twelve cheap numbers for each hit, without a neural pass.

What the legs and the fusion said is in the search; vectors of passages and titles come from the
store, in one call; words are the same if the sparse leg says so. No passage is embedded here.
"""

import math
import re
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from operator import itemgetter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from retrieval.kit import Compared, Kit, Sparse
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
    "title",
    "coverage",
    "best_sentence",
    "bigrams",
    "title_coverage",
    "title_share",
)
"""The columns, in order.

`dense`, `sparse`: the best score of a hit in the leg's rankings; a hit that the leg did not find
has its lowest. `dense_rank`, `sparse_rank`: 1 / (60 + rank) there, the first rank is 1; not found
is 0. `fused`: the score that ordered the hits. `centroid`: the cosine to the mean of the first
three hits' vectors. `title`: the question's cosine to the title of the hit's document; one without
a title has the mean of the others. `coverage`: the share of the question's terms in title, headings
and text, by weight of term; `best_sentence`: that of the best sentence alone; `bigrams`: the share
of the question's neighbouring words that are neighbours in title and headings, or in the text.
`title_coverage`: as coverage, of title and headings; `title_share`: the share of their words that
the question has.

A passage's length is left out: it helps on the set it was fitted on and hurts on others.
"""
RANK_K = 60
FIRST = 3
LONGEST = 256
"""How many words of a question are looked for in passages."""
WORD = re.compile(r"\w+")
STOP = ". "
NEAR = 40
"""How many characters before a word its neighbour is looked for in."""


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
    # The store compares vectors while words are looked for here.
    cosines = _cosines(search, hits, kit)
    words = _words(search.query, [hit.chunk for hit in hits], kit.sparse)
    return np.column_stack([*legs, *cosines(), words])


def standard(columns: Columns) -> Columns:
    """Return each column in standard deviations from its mean; equal values give 0."""
    deviation = columns.std(axis=0)
    flat = deviation <= 1e-12 * np.abs(columns).max(axis=0, initial=1.0)
    return np.where(flat, 0.0, (columns - columns.mean(axis=0)) / np.where(flat, 1.0, deviation))


def _leg(search: Search, hits: Sequence[Hit], leg: str) -> tuple[list[float], list[float]]:
    scores: dict[str, float] = {}
    ranks: dict[str, float] = {}
    for ranking in search.rankings:
        if ranking.leg == leg:
            for rank, hit in enumerate(ranking.hits, 1):
                id, score, share = hit.chunk.id, hit.score, 1 / (RANK_K + rank)
                if score > scores.get(id, -math.inf):
                    scores[id] = score
                if share > ranks.get(id, 0.0):
                    ranks[id] = share
    low = min(scores.values(), default=0.0)
    ids = [hit.chunk.id for hit in hits]
    return [scores.get(id, low) for id in ids], [ranks.get(id, 0.0) for id in ids]


def _cosines(
    search: Search, hits: Sequence[Hit], kit: Kit
) -> Callable[[], tuple[list[float], list[float]]]:
    """Ask for the first three hits' centroid to each passage, and the question to each title.

    A hit that the store no longer has is as far as the farthest of the others.
    """
    ids = [hit.chunk.id for hit in hits]
    documents = [hit.chunk.document_id for hit in hits]
    (asked,) = kit.queries([search.query])
    compared = Compared(ids, FIRST, list(dict.fromkeys(documents)), asked)
    answer = kit.store.cosines(compared, kit.clock)

    def read() -> tuple[list[float], list[float]]:
        near, titles = answer()
        low = min(near.values(), default=0.0)
        known = [titles[id] for id in documents if id in titles]
        mean = sum(known) / max(1, len(known))
        return [near.get(id, low) for id in ids], [titles.get(id, mean) for id in documents]

    return read


class _Found(NamedTuple):
    """A word of a text that begins as one of the question's does, and where."""

    word: str
    start: int
    end: int


class _Pairs(NamedTuple):
    """Neighbouring words of a question, one of which has a term; each is looked for from that one.

    `first` are those of the known words that come first, `second` those before which a word without
    a term stands.
    """

    all: frozenset[tuple[str, str]]
    first: frozenset[str]
    second: frozenset[str]

    @classmethod
    def of(cls, asked: Sequence[str], known: Container[str]) -> "_Pairs":
        """Return the pairs of a question's words."""
        found = [(a, b) for a, b in pairwise(asked) if a in known or b in known]
        first = frozenset(a for a, _ in found if a in known)
        return cls(frozenset(found), first, frozenset(b for a, b in found if a not in known))


class _Passage:
    """A chunk in lower case: the words of its title and headings, and places in its text.

    A line's end ends a sentence, as `.`, `!` and `?` before a space do.
    """

    def __init__(self, chunk: Chunk, begins: frozenset[str]) -> None:
        """Look for words in the text by their beginnings: most of it is never cut into words."""
        title = " ".join((str(chunk.meta.get("title") or ""), *chunk.heading))
        self.title = WORD.findall(title.lower())
        text = chunk.text.lower().replace("\n", STOP)
        self.text = text.replace("! ", STOP).replace("? ", STOP)
        self.found = _found(self.text, begins)

    def sentences(self, term_of: Mapping[str, int]) -> list[set[int]]:
        """Return the question's terms in each sentence that has any."""
        found: list[set[int]] = []
        last = 0
        for word, start, _ in self.found:
            term = term_of.get(word)
            if term is not None:
                if not found or self.text.count(STOP, last, start):
                    found.append(set())
                found[-1].add(term)
                last = start
        return found

    def share(self, pairs: _Pairs) -> float:
        """Return the share of pairs of words that are neighbours in title and headings, or text."""
        if not pairs.all:
            return 0.0
        seen = set(pairwise(self.title))
        for word, start, end in self.found:
            if word in pairs.first and (after := WORD.search(self.text, end)):
                seen.add((word, after[0]))
            if word in pairs.second:
                before = WORD.findall(self.text, max(0, start - NEAR), start)
                seen.update((each, word) for each in before[-1:])
        return len(seen & pairs.all) / len(pairs.all)


def _found(text: str, begins: frozenset[str]) -> list[_Found]:
    """Words that begin so, in the order of the text."""
    found = []
    for begin in begins:
        start = text.find(begin)
        while start >= 0:
            inside = start > 0 and (text[start - 1].isalnum() or text[start - 1] == "_")
            if not inside and (word := WORD.match(text, start)):
                found.append(_Found(word[0], start, word.end()))
            start = text.find(begin, start + 1)
    found.sort(key=itemgetter(1))
    return found


def _words(query: str, chunks: Sequence[Chunk], sparse: Sparse) -> Columns:
    """Return coverage, best sentence, bigrams, title coverage and title share of each chunk."""
    asked = WORD.findall(query.lower())[:LONGEST]
    known = matching(asked, (), sparse)
    begins = _beginnings(known)
    passages = [_Passage(chunk, begins) for chunk in chunks]
    seen = {each.word for passage in passages for each in passage.found}
    term_of = matching(asked, seen.union(*(each.title for each in passages)), sparse)
    titles = [_terms(each.title, term_of) for each in passages]
    sentences = [each.sentences(term_of) for each in passages]
    whole = [title.union(*its) for title, its in zip(titles, sentences, strict=True)]
    weights = _weights(whole)
    total = sum(weights.values()) or 1.0
    pairs = _Pairs.of(asked, known)
    rows = []
    for passage, terms, title, its in zip(passages, whole, titles, sentences, strict=True):
        best = max((_sum(weights, each) for each in its), default=0.0)
        covered = [_sum(weights, terms) / total, best / total, passage.share(pairs)]
        own = sum(map(term_of.__contains__, passage.title)) / max(1, len(passage.title))
        rows.append([*covered, _sum(weights, title) / total, own])
    return np.array(rows, dtype=np.float64)


def matching(asked: Sequence[str], words: Iterable[str], sparse: Sparse) -> dict[str, int]:
    """Return the term of each word that has one in common with the question, its own included.

    Only words that begin as one of the question's do are asked of the sparse leg, since stemmers
    cut endings.
    """
    found = {word: term for word in asked if (term := _term(word, sparse)) is not None}
    terms = set(found.values())
    begins = _beginnings(found)
    for word in words:
        if (word[:3] in begins or word[:2] in begins) and word not in found:
            term = _term(word, sparse)
            if term in terms and term is not None:
                found[word] = term
    return found


def _beginnings(words: Iterable[str]) -> frozenset[str]:
    """The first three letters of long words; of a word of three two, as of `try` and `tries`."""
    return frozenset(word[:3] if len(word) > 3 else word[:2] for word in words)


def _terms(words: Iterable[str], term_of: Mapping[str, int]) -> set[int]:
    return {term_of[word] for word in words if word in term_of}


def _term(word: str, sparse: Sparse) -> int | None:
    """The first term of a word, or None for a stop word."""
    return _remembered(word, sparse)  # type: ignore[arg-type]  # tools are values, and hashable


@lru_cache(maxsize=50_000)
def _remembered(word: str, sparse: Sparse) -> int | None:
    indices = sparse.query(word).indices
    return indices[0] if indices else None


def _weights(found: Sequence[set[int]]) -> dict[int, float]:
    """Return the idf of each term among passages; one that all have keeps a little."""
    counts: dict[int, int] = {}
    for terms in found:
        for term in terms:
            counts[term] = counts.get(term, 0) + 1
    n = len(found)
    return {term: math.log1p((n - count + 0.5) / (count + 0.5)) for term, count in counts.items()}


def _sum(weights: Mapping[int, float], terms: Iterable[int]) -> float:
    return sum(map(weights.__getitem__, terms))
