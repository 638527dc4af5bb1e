"""Pseudo-relevance feedback: a question takes on what its first hits have in common.

Both forms search once by themselves, before the legs do, and change the question's own variant.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from retrieval.embedded_text import embedded_text
from retrieval.kit import Kit, Match
from retrieval.types import Search
from retrieval.variants import as_unit, renewed, vector, words

NOTED = 5


@dataclass(frozen=True)
class Feedback:
    """How many first hits are read, how many words they give, and the share that they get."""

    documents: int
    words: int
    weight: float

    def with_words(self, search: Search, kit: Kit) -> Search:
        """Return the search whose question has words of its first hits as extra terms.

        The words together have the share `weight` (below 1) of the question's term weights, each
        by its probability in the hits.

        Source: Abdul-Jaleel et al. 2004, TREC-13 (RM3), on Lavrenko and Croft 2001, SIGIR (RM1).
        Differs: a passage's probability is its share of the BM25 scores, and its words are not
        smoothed; the engine's idf, not a background model, holds common words down.
        """
        own = search.variants[0]
        probe = kit.sparse.query(own.text, own.terms)
        found = kit.search([probe], search.filter, self.documents)[0]
        model = relevance_model(_texts(found, kit), [each.score for each in found], kit)
        best = sorted(model.items(), key=lambda pair: (-pair[1], pair[0]))[: self.words]
        if not best:
            return search.noted("rm3: the first search found no words to add")
        odds = self.weight / (1 - self.weight)
        scale = odds * sum(probe.values) / sum(value for _, value in best)
        terms = tuple((word, scale * value) for word, value in best)
        shown = ", ".join(f"{word} {value:.2f}" for word, value in terms[:NOTED])
        return renewed(search, replace(own, terms=own.terms + terms)).noted(f"rm3: {shown}")

    def with_centroid(self, search: Search, kit: Kit) -> Search:
        """Return the search whose question's vector is drawn towards the mean of its first hits'.

        The mean has the share `weight`, the question's own vector the rest.

        Source: Rocchio 1971, in Salton, The SMART Retrieval System, chapter 14; on dense vectors:
        Li et al. 2021, arXiv 2108.11044.
        Differs: no hit counts as irrelevant, so nothing is subtracted.
        """
        own = search.variants[0]
        start = vector(own, kit)
        found = kit.search([start], search.filter, self.documents)[0]
        vectors = kit.store.vectors([each.chunk.id for each in found], kit.clock)
        if not vectors:
            return search.noted("vector: the first search found nothing")
        centroid = np.mean(list(vectors.values()), axis=0, dtype=np.float32)
        moved = as_unit((1 - self.weight) * start + self.weight * centroid)
        cosine = float(np.dot(start, moved))
        return renewed(search, replace(own, vector=moved)).noted(f"vector: cosine {cosine:.3f}")


def relevance_model(texts: Sequence[str], scores: Sequence[float], kit: Kit) -> dict[str, float]:
    """Return the probability of each word in texts that count by their share of the scores.

    Words that the sparse leg does not tell apart are one, named by the first of them; those that it
    does not see (stop words) and those without a letter are left out.
    """
    names: dict[str, str] = {}
    model: dict[str, float] = {}
    whole = sum(scores)
    for text, score in zip(texts, scores, strict=True):
        counts = _named(words(text), names, kit)
        length = sum(counts.values())
        for name, count in counts.items():
            model[name] = model.get(name, 0.0) + score / whole * count / length
    return model


def _named(counts: Mapping[str, int], names: dict[str, str], kit: Kit) -> Counter[str]:
    """Return the counts by name; `names` maps words, and terms as `#1`, to names seen before."""
    found: Counter[str] = Counter()
    for word, count in counts.items():
        if word not in names:
            terms = kit.sparse.query(word).indices if any(map(str.isalpha, word)) else []
            names[word] = names.setdefault(f"#{terms[0]}", word) if terms else ""
        if names[word]:
            found[names[word]] += count
    return found


def _texts(found: Sequence[Match], kit: Kit) -> list[str]:
    """Return the passages as the sparse leg has them."""
    embed = kit.store.manifest.embed
    return [
        embedded_text(embed, str(c.meta.get("title") or ""), c.heading, c.text) for c, _ in found
    ]
