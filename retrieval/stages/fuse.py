"""Fusion: several rankings become one, and every hit keeps the scores it had in each."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np

from retrieval.errors import ConfigError
from retrieval.kit import Kit
from retrieval.types import Chunk, Domain, Hit, Ranking, Score, Search, ordered

Values = Sequence[float]


@dataclass(frozen=True)
class Fuse:
    """One list of hits from all rankings; what a ranking did not find counts 0 in it.

    `how` is one of three. `convex`: the weighted mean of each list's scores, normalised over that
    list by `norm`: min-max to [0, 1] (a list whose scores are all equal counts 1), or z-scores.
    `rrf`: the weighted sum of 1 / (k + rank), the first rank is 1.
    `distribution`: the weighted sum of scores put on a scale where the list's mean minus three
    standard deviations (of the sample) is 0 and plus three is 1; all equal counts 0.5.

    `alpha` is the share of the dense leg, the rest is the sparse leg's; within a leg the variants
    share by their weights. A single ranking passes as it is, its own scores untouched. `domains`
    are shares of the dense leg by domain (`assay router weights` fits them): where a route has
    found the question's, they are mixed by its probabilities, and `alpha` stands for the rest.

    Source: `rrf`: Cormack, Clarke and Büttcher 2009, SIGIR, equation of section 2; `convex`:
    Bruch, Gai and Ingber 2022, arXiv 2210.11934, section 3; `distribution`: Mazzeschi 2023, as in
    Qdrant's DBSF.
    Differs: z-scores of missing hits count the list's lowest, since 0 would be its mean; weights
    in `rrf` average 1, so that equal ones are the paper's formula.
    """

    how: Literal["convex", "rrf", "distribution"] = "convex"
    norm: Literal["min-max", "z"] = "min-max"
    alpha: float = 0.5
    k: int = 60
    domains: tuple[tuple[str, float], ...] = ()
    reads: ClassVar[tuple[str, ...]] = ("rankings",)
    writes: ClassVar[tuple[str, ...]] = ("hits",)
    optional: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not 0 <= self.alpha <= 1:
            raise ConfigError(f"fuse.alpha: 0 to 1, got {self.alpha}.")
        if self.k < 0:
            raise ConfigError(f"fuse.k: 0 or more, got {self.k}.")
        for name, alpha in self.domains:
            if not 0 <= alpha <= 1:
                raise ConfigError(f"fuse.domains: {name}: 0 to 1, got {alpha}.")

    def __call__(self, search: Search, kit: Kit) -> Search:
        """Fold the rankings into hits, best first, ties by chunk id."""
        if len(search.rankings) == 1:
            return replace(search, hits=ordered(search.rankings[0].hits))
        weights = shares(search.rankings, self._alpha(search.domains))
        if self.how == "rrf":
            weights = [weight * len(weights) for weight in weights]
        fused: dict[str, float] = {}
        chunks: dict[str, Chunk] = {}
        scores: dict[str, tuple[Score, ...]] = {}
        base = 0.0
        for ranking, weight in zip(search.rankings, weights, strict=True):
            values, missing = self._values(ranking)
            base += weight * missing
            for (chunk, given), value in zip(ranking.hits, values, strict=True):
                id = chunk.id
                if id in fused:
                    fused[id] += weight * (value - missing)
                    scores[id] += given
                else:
                    fused[id] = weight * (value - missing)
                    scores[id] = given
                    chunks[id] = chunk
        if base:
            fused = {id: base + value for id, value in fused.items()}
        by = f"fuse:{self.how}"
        # The order that `ordered` makes, before hits are made: a stable sort, the last key first.
        order = sorted(sorted(fused), key=fused.__getitem__, reverse=True)
        hits = [Hit(chunks[id], (*scores[id], Score(by, fused[id]))) for id in order]
        return replace(search, hits=tuple(hits))

    def _alpha(self, found: Sequence[Domain]) -> float:
        """The share of the dense leg for a question of these domains."""
        known = dict(self.domains)
        moved = (
            each.probability * (known.get(each.name, self.alpha) - self.alpha) for each in found
        )
        return min(1.0, max(0.0, self.alpha + sum(moved)))

    def _values(self, ranking: Ranking) -> tuple[Values, float]:
        """Return what each hit of a ranking counts, and what a missing one does."""
        if self.how == "rrf":
            return [1 / (self.k + rank) for rank in range(1, len(ranking.hits) + 1)], 0.0
        scores = [hit.score for hit in ranking.hits]
        if not scores:
            return [], 0.0
        if self.how == "distribution":
            return distribution(scores), 0.0
        if self.norm == "min-max":
            return min_max(scores), 0.0
        values = z_scores(scores)
        return values, min(values)


def shares(rankings: Sequence[Ranking], alpha: float) -> list[float]:
    """Return each ranking's weight; they sum to 1.

    The dense leg has `alpha` and the sparse one the rest, split by the variants' weights; a leg
    that made no ranking, or only of variants without weight, leaves its share to the other.

    Raises: ConfigError where nothing has a weight.
    """
    totals: dict[str, float] = {}
    for each in rankings:
        totals[each.leg] = totals.get(each.leg, 0.0) + each.weight
    legs = {leg: alpha if leg == "dense" else 1 - alpha for leg, total in totals.items() if total}
    if len(legs) == 1:
        legs = dict.fromkeys(legs, 1.0)
    whole = sum(legs.values())
    if whole == 0:
        raise ConfigError("fuse: the weights of the rankings are all 0.")
    return [
        legs[each.leg] / whole * each.weight / totals[each.leg] if each.leg in legs else 0.0
        for each in rankings
    ]


def min_max(scores: Values) -> list[float]:
    """Return scores moved and scaled to [0, 1]; all equal gives 1 each."""
    low, high = min(scores), max(scores)
    return [(s - low) / (high - low) for s in scores] if high > low else [1.0] * len(scores)


def z_scores(scores: Values) -> list[float]:
    """Return scores as standard deviations (of the population) from their mean; equal gives 0."""
    mean, deviation = float(np.mean(scores)), float(np.std(scores))
    return [(s - mean) / deviation for s in scores] if deviation > 0 else [0.0] * len(scores)


def distribution(scores: Values) -> list[float]:
    """Return scores on [mean - 3 sd, mean + 3 sd] as [0, 1]; one or equal scores give 0.5."""
    if len(scores) < 2 or max(scores) == min(scores):
        return [0.5] * len(scores)
    mean, deviation = float(np.mean(scores)), float(np.std(scores, ddof=1))
    return [(s - mean + 3 * deviation) / (6 * deviation) for s in scores]
