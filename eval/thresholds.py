"""The score from which a service should answer, and what that costs in wrong decisions.

A question is answered where its best score reaches the threshold. Which maker's score is looked at
and where the threshold lies is chosen on some questions and judged on others, in turn.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import stats

from eval.statistics import CONFIDENCE, Values, area, ends

Bests = Sequence[Mapping[str, float]]
"""The best score of each maker, by question; a question without hits has none."""
FOLDS = 10
KEPT = 0.95
RESAMPLES = 1000
EDGE = 1e-9


def most_right(answerable: Values, unanswerable: Values) -> float:
    """Return the threshold where answered minus falsely answered is largest, of several the lowest.

    Both are shares of their own kind of question, so that a wrong answer counts as much as a wrong
    refusal. It lies in the middle between two scores that were seen.

    Source: Youden 1950, Cancer 3(1).
    """
    cuts = _between(np.concatenate([answerable, unanswerable]))
    answered = [_at_least(cuts, values) for values in (answerable, unanswerable)]
    return float(cuts[np.argmax(answered[0] - answered[1])])


def most_kept(answerable: Values, unanswerable: Values) -> float:
    """Return the highest threshold that answers at least 95% of what has an answer."""
    cuts = _between(np.concatenate([answerable, unanswerable]))
    kept = min(KEPT, float(np.mean(answerable > -np.inf)))
    return float(cuts[_at_least(cuts, answerable) >= kept - EDGE].max())


RULES: dict[str, tuple[str, Callable[[Values, Values], float]]] = {
    "youden": ("the two kinds are told apart best (Youden's J)", most_right),
    "keep_95": ("95% of what has an answer is answered", most_kept),
}
"""What each rule asks for, in words, and what finds its threshold."""


@dataclass(frozen=True)
class Share:
    """A share with its 95% interval (Wilson 1927, JASA 22(158))."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Threshold:
    """Where a rule puts the threshold, with the 95% interval of 1,000 resamples of the questions.

    `false_answers` is the share of unanswerable questions that are answered, `false_refusals` that
    of answerable ones that are not; both on questions that had no part in the choice.
    """

    by: str
    threshold: float
    low: float
    high: float
    false_answers: Share
    false_refusals: Share
    folds: int


def thresholds(answerable: Bests, unanswerable: Bests, seed: int = 0) -> dict[str, Any]:
    """Return the threshold of each rule by its name; none with fewer than two questions of a kind.

    The maker is the one whose best score tells the two kinds apart best (area under the curve);
    it is chosen anew in every fold, as the threshold is.
    """
    if min(len(answerable), len(unanswerable)) < 2 or not any(answerable):
        return {}
    return {
        name: asdict(_threshold(rule, (answerable, unanswerable), seed))
        for name, (_, rule) in RULES.items()
    }


def _threshold(
    rule: Callable[[Values, Values], float], kinds: tuple[Bests, Bests], seed: int
) -> Threshold:
    by = _best_maker(*kinds)
    values = [values_of(each, by) for each in kinds]
    random = np.random.default_rng(seed)
    drawn = [rule(*(random.choice(each, each.size) for each in values)) for _ in range(RESAMPLES)]
    low, high = ends(np.array(drawn)[:, None])
    folds = min(FOLDS, *map(len, kinds))
    answered = _held_out(rule, kinds, (folds, random))
    return Threshold(
        by,
        rule(*values),
        float(low[0]),
        float(high[0]),
        _share(sum(answered[1]), len(kinds[1])),
        _share(len(kinds[0]) - sum(answered[0]), len(kinds[0])),
        folds,
    )


def _held_out(
    rule: Callable[[Values, Values], float],
    kinds: tuple[Bests, Bests],
    how: tuple[int, np.random.Generator],
) -> tuple[list[bool], list[bool]]:
    """Return which questions of each kind are answered when they have no part in the choice."""
    folds, random = how
    parts = [random.permutation(len(each)) % folds for each in kinds]
    answered: tuple[list[bool], list[bool]] = ([], [])
    for fold in range(folds):
        chosen = [
            [best for best, part in zip(each, own, strict=True) if part != fold]
            for each, own in zip(kinds, parts, strict=True)
        ]
        by = _best_maker(*chosen)
        least = rule(*(values_of(each, by) for each in chosen))
        for each, own, found in zip(kinds, parts, answered, strict=True):
            found += [
                best.get(by, -np.inf) >= least
                for best, part in zip(each, own, strict=True)
                if part == fold
            ]
    return answered


def _best_maker(answerable: Bests, unanswerable: Bests) -> str:
    """Return the maker with the largest area under the curve, of several the first by name."""
    makers = sorted({by for best in (*answerable, *unanswerable) for by in best})
    areas = [area(values_of(answerable, by), values_of(unanswerable, by)) or 0.0 for by in makers]
    return makers[int(np.argmax(areas))] if makers else ""


def values_of(bests: Bests, by: str) -> Values:
    """Return the best score of each question; a question without hits lies below all others."""
    return np.array([best.get(by, -np.inf) for best in bests])


def _between(values: Values) -> Values:
    """Return what lies between neighbouring scores, and one below and above all of them."""
    seen = np.unique(values[np.isfinite(values)])
    if not seen.size:
        return np.array([0.0])
    middle = (seen[1:] + seen[:-1]) / 2
    return np.concatenate([[seen[0]], middle, [np.nextafter(seen[-1], np.inf)]])


def _at_least(cuts: Values, values: Values) -> Values:
    """Return the share of values at or above each cut."""
    below = np.searchsorted(np.sort(values), cuts, side="left")
    return 1 - below / values.size


def _share(count: int, total: int) -> Share:
    found = stats.binomtest(int(count), total).proportion_ci(CONFIDENCE, method="wilson")
    return Share(count / total, float(found.low), float(found.high))
