"""What a ladder's numbers say: of each rung against the one it stands on, and against the first."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from eval.compare import SIGNIFICANT, Difference, difference
from eval.ladder_file import Rung
from eval.statistics import (
    EQUAL,
    Values,
    ends,
    holm,
    randomisation,
    resampled_means,
    shown_by,
    with_unseen,
)

MARGIN = 0.01
KEEP, DROP, MORE, BASE = "keep", "drop", "not enough queries", "baseline"


class Worth(NamedTuple):
    """The smallest gain that is worth having, and how many queries can exclude it.

    Of several datasets, that many times the queries of the smallest one: what befalls none of those
    moves the mean most.
    """

    margin: float
    queries: int


@dataclass(frozen=True)
class Judgement:
    """What a rung brought: its change, the p of that corrected for the number of rungs, a verdict.

    `below` is against the rung that it stands on, `baseline` against the first; None for the first.
    """

    below: Difference | None
    baseline: Difference | None
    p_below: float | None
    p_baseline: float | None
    verdict: str
    why: str

    @property
    def worse(self) -> bool:
        """Whether it is significantly worse than the baseline."""
        return self.baseline is not None and significant(self.baseline, self.p_baseline) < 0

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "below": difference_json(self.below),
            "baseline": difference_json(self.baseline),
            "p_below_adjusted": self.p_below,
            "p_baseline_adjusted": self.p_baseline,
            "verdict": self.verdict,
            "why": self.why,
        }


def difference_json(found: Difference | None) -> dict[str, Any] | None:
    """Return a difference as JSON values."""
    return None if found is None else asdict(found) | {"verdict": found.verdict}


def significant(found: Difference, p: float | None) -> int:
    """Return 1 where a candidate is significantly better, -1 where it is worse, else 0."""
    if found.low is None or p is None or p >= SIGNIFICANT:
        return 0
    return 1 if found.difference > 0 else -1


def judged_rungs(
    measure: str, rungs: Sequence[Rung], values: Sequence[Sequence[Values]], margin: float
) -> list[Judgement]:
    """Return what each rung brought, on one dataset or over several.

    `values` are those of the queries, by dataset and rung; every dataset counts the same. Both
    families of p-values, against the rung below and against the baseline, are corrected for their
    number after Holm.
    """
    below, baseline = [], []
    for number, rung in enumerate(rungs[1:], 1):
        on = 0 if rung.on is None else rung.on
        below.append(mean_difference(measure, [(each[on], each[number]) for each in values]))
        baseline.append(mean_difference(measure, [(each[0], each[number]) for each in values]))
    worth = Worth(margin, len(values) * min(each[0].size for each in values))
    corrected = holm([each.p for each in below]), holm([each.p for each in baseline])
    found = [Judgement(None, None, None, None, BASE, "the others are compared with it")]
    for rung, own, base, p, q in zip(rungs[1:], below, baseline, *corrected, strict=True):
        verdict, why = _verdict(own, p, worth, rung.without)
        found.append(Judgement(own, base, p, q, verdict, why))
    return found


def _verdict(change: Difference, p: float, worth: Worth, without: str | None) -> tuple[str, str]:
    """Return the verdict on what a rung adds, or on the stage that it lacks, and the reason.

    A gain is excluded by the interval's end together with what so many queries may not have shown.
    """
    if change.low is None or change.high is None:
        return MORE, "one query is no test"
    gained = significant(change, p)
    most = change.high
    if without is not None:
        gained, most = -gained, -change.low
    margin = worth.margin
    excluded = with_unseen(most, 1.0, worth.queries) <= margin + EQUAL
    if gained > 0:
        small = f", by less than {margin:g}" if excluded else ""
        return KEEP, f"significantly {'worse without it' if without else 'better'}{small}"
    if gained < 0:
        return DROP, f"significantly {'better without it' if without else 'worse'}"
    if excluded:
        return DROP, f"a gain of {margin:g} is excluded"
    return MORE, f"a gain of {margin:g} is possible, none is shown"


def mean_difference(measure: str, pairs: Sequence[tuple[Values, Values]]) -> Difference:
    """Return the difference of baseline and candidate, each dataset counting the same.

    One dataset: that of `eval.compare`. Several: the mean of the datasets' differences; queries
    are drawn, and signs turned, within each dataset. There is no t-test then.
    """
    if len(pairs) == 1:
        baseline, candidate = pairs[0]
        return difference(measure, baseline, candidate)
    found = [difference(measure, baseline, candidate) for baseline, candidate in pairs]
    gains = [candidate - baseline for baseline, candidate in pairs]
    low, high = mean_interval(gains)
    sizes = np.array([each.size for each in gains])
    weights = sizes.sum() / (sizes * len(gains))
    weighted = np.concatenate([each * w for each, w in zip(gains, weights, strict=True)])
    first = found[0]
    return replace(
        first,
        queries=int(sizes.sum()),
        baseline=float(np.mean([each.baseline for each in found])),
        candidate=float(np.mean([each.candidate for each in found])),
        difference=float(np.mean([each.difference for each in found])),
        low=low,
        high=high,
        p=randomisation(weighted),
        p_t=None,
        helped=sum(each.helped for each in found),
        hurt=sum(each.hurt for each in found),
        unchanged=sum(each.unchanged for each in found),
        detectable=_detectable(gains),
    )


def mean_interval(values: Sequence[Values]) -> tuple[float | None, float | None]:
    """Return the 95% interval of the mean over datasets of their means; none with one query."""
    if any(each.size < 2 for each in values):
        return None, None
    means = [resampled_means(each[:, None], seed=n) for n, each in enumerate(values)]
    low, high = ends(np.mean(means, axis=0))
    return float(low[0]), float(high[0])


def standard_error(gains: Sequence[Values]) -> float:
    """Return the standard error of the mean over datasets of mean gains; 0 with one query."""
    variances = [each.var(ddof=1) / each.size if each.size > 1 else 0.0 for each in gains]
    return float(np.sqrt(np.sum(variances)) / len(gains))


def _detectable(gains: Sequence[Values]) -> float | None:
    """Return what `eval.statistics.detectable` does, for the mean over datasets."""
    freedom = sum(each.size - 1 for each in gains)
    if any(each.size < 2 for each in gains):
        return None
    return shown_by(standard_error(gains), freedom)
