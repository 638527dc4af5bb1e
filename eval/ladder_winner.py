"""Which rung to serve: one winner over all datasets, what that choice is worth, and the front."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eval.compare import SIGNIFICANT, Difference
from eval.ladder_file import Rung
from eval.ladder_verdict import (
    difference_json,
    mean_difference,
    mean_interval,
    standard_error,
)
from eval.statistics import Values, holm, randomisation

FOLDS = 5
FEWEST = 2
"""How many queries a fold needs of each dataset, so that what it is chosen on can be tested."""
DRAWS = 1000
RULE = (
    "of the rungs that are significantly worse than the baseline on no dataset, the one with the"
    " fewest stages (of equals the lowest) whose mean over the datasets is within one standard"
    " error of the best one's"
)
"""How the winner is chosen.

Source: the one-standard-error rule is that of Breiman et al. 1984, Classification and Regression
Trees, section 3.4.3, here of the paired difference.
"""
Table = Sequence[Sequence[Values]]
"""The values of the queries, by dataset and rung."""


@dataclass(frozen=True)
class HeldOut:
    """What the rule is worth: its choice on four fifths of the queries, measured on the others.

    `chosen` counts the folds by the rung that won.
    """

    mean: float
    low: float | None
    high: float | None
    chosen: Mapping[str, int]


@dataclass(frozen=True)
class Winner:
    """The rung to serve. `best` has the highest mean; `change` is against the baseline."""

    rung: int
    best: int
    mean: float
    low: float | None
    high: float | None
    change: Difference | None
    held_out: HeldOut | None

    def as_json(self, rungs: Sequence[Rung]) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "name": rungs[self.rung].name,
            "key": rungs[self.rung].pipeline.key,
            "stages": [dict(each) for each in rungs[self.rung].tables],
            "rule": RULE,
            "best": rungs[self.best].name,
            "mean": self.mean,
            "low": self.low,
            "high": self.high,
            "baseline": difference_json(self.change),
            "held_out": None if self.held_out is None else vars(self.held_out),
        }


def winner(measure: str, rungs: Sequence[Rung], values: Table, worse: Sequence[bool]) -> Winner:
    """Return the winner. `worse` says which rungs lose significantly on a dataset."""
    rung, best = _chosen(rungs, values, worse)
    own = [each[rung] for each in values]
    low, high = mean_interval(own)
    change = None
    if rung:
        change = mean_difference(measure, [(each[0], each[rung]) for each in values])
    mean = float(np.mean([each.mean() for each in own]))
    return Winner(rung, best, mean, low, high, change, _held_out(rungs, values))


def _chosen(rungs: Sequence[Rung], values: Table, worse: Sequence[bool]) -> tuple[int, int]:
    """Return the winning rung, and the one with the highest mean; the first is never worse."""
    means = [np.mean([each[n].mean() for each in values]) for n in range(len(rungs))]
    allowed = [n for n in range(len(rungs)) if not worse[n]]
    best = max(allowed, key=lambda n: (means[n], -n))
    for n in sorted(allowed, key=lambda n: (len(rungs[n].tables), n)):
        error = standard_error([each[best] - each[n] for each in values])
        if means[best] - means[n] <= error:
            return n, best
    return best, best


def _held_out(rungs: Sequence[Rung], values: Table) -> HeldOut | None:
    """Return what the choice is worth; None where a dataset has too few queries for folds."""
    if min(each[0].size for each in values) < FOLDS * FEWEST:
        return None
    random = np.random.default_rng(0)
    folds = [random.permutation(each[0].size) % FOLDS for each in values]
    found = [np.empty(each[0].size) for each in values]
    chosen: Counter[str] = Counter()
    for fold in range(FOLDS):
        rest = [[one[own != fold] for one in each] for each, own in zip(values, folds, strict=True)]
        rung, _ = _chosen(rungs, rest, _worse(rest))
        chosen[rungs[rung].name] += 1
        for out, each, own in zip(found, values, folds, strict=True):
            out[own == fold] = each[rung][own == fold]
    low, high = mean_interval(found)
    mean = float(np.mean([each.mean() for each in found]))
    return HeldOut(mean, low, high, dict(chosen))


def _worse(values: Table) -> list[bool]:
    """Return which rungs are significantly worse than the first on a dataset."""
    found = [False] * len(values[0])
    for each in values:
        gains = [one - each[0] for one in each[1:]]
        corrected = holm([randomisation(gain, DRAWS) for gain in gains])
        for n, (gain, p) in enumerate(zip(gains, corrected, strict=True), 1):
            found[n] = found[n] or (p < SIGNIFICANT and gain.mean() < 0)
    return found


def front(quality: Sequence[float], costs: Sequence[Sequence[float]]) -> list[int]:
    """Return the rungs that no other one beats: better at the same cost, or as good for less.

    A rung's costs are several, such as milliseconds and dollars; none may be higher.
    Source: the maxima of a set of vectors, Kung, Luccio and Preparata 1975, JACM 22(4).
    """
    points = [(-q, *cost) for q, cost in zip(quality, costs, strict=True)]
    return [
        n
        for n, own in enumerate(points)
        if not any(
            other != own and all(a <= b for a, b in zip(other, own, strict=True))
            for other in points
        )
    ]
