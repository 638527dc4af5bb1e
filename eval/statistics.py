"""What a mean over queries, or a difference of two, can be trusted for. Everything is seeded."""

from collections.abc import Sequence
from math import ceil

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

Values = NDArray[np.float64]
CONFIDENCE = 0.95
POWER = 0.8
RESAMPLES = 10_000
EXACT = 16
"""Up to this many queries with a difference, every assignment of signs is tried."""
BLOCK = 2_000_000
"""How many drawn query numbers are held at a time."""
EQUAL = 1e-9
"""Differences of a query up to this are none: measures are sums of rounded fractions."""
UNSEEN = 3
"""What befell none of n queries may befall 3 / n of all (95%).

Source: Hanley and Lippman-Hand 1983, JAMA 249(13), the rule of three.
"""


def intervals(values: Values, resamples: int = RESAMPLES, seed: int = 0) -> tuple[Values, Values]:
    """Return the low and high ends of the 95% interval of each column's mean.

    `values` has a row for each query and a column for each measure; queries are drawn with
    replacement, the same ones for all columns. With one query there is no interval: NaN.

    Source: Efron and Tibshirani 1993, An Introduction to the Bootstrap, section 13.3 (percentile).
    """
    measures = values.shape[1]
    if len(values) < 2:
        nothing = np.full(measures, np.nan)
        return nothing, nothing.copy()
    return ends(resampled_means(values, resamples, seed))


def resampled_means(values: Values, resamples: int = RESAMPLES, seed: int = 0) -> Values:
    """Return the means of queries drawn with replacement, of shape (resamples, measures)."""
    queries, measures = values.shape
    random = np.random.default_rng(seed)
    means = np.empty((resamples, measures))
    step = max(1, BLOCK // queries)
    for first in range(0, resamples, step):
        count = min(step, resamples - first)
        drawn = random.integers(0, queries, (count, queries), dtype=np.int32)
        drawn += np.arange(count, dtype=np.int32)[:, None] * queries
        often = np.bincount(drawn.ravel(), minlength=count * queries).reshape(count, queries)
        means[first : first + count] = often @ values / queries
    return means


def share_interval(part: Values, whole: Values) -> tuple[float, float] | None:
    """Return the 95% interval of mean(part) / mean(whole), paired by query.

    None where the whole's own interval has 0 in it: nothing has no shares. Both are drawn together.

    Source: Efron and Tibshirani 1993, An Introduction to the Bootstrap, section 13.3 (percentile).
    """
    if len(whole) < 2:
        return None
    means = resampled_means(np.stack([part, whole], axis=1))
    low, high = ends(means)
    if low[1] <= 0 <= high[1]:
        return None
    drawn = means[means[:, 1] != 0]
    first, last = ends(drawn[:, :1] / drawn[:, 1:])
    return float(first[0]), float(last[0])


def ends(means: Values) -> tuple[Values, Values]:
    """Return the low and high ends of the 95% interval of each column of resampled means."""
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(means, [tail, 1 - tail], axis=0)
    return low, high


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number, in the given order.

    The smallest of m is multiplied by m, the next by m - 1, and so on; none is smaller than one
    before it, and none above 1. With these, the chance of any false claim is at most the level.

    Source: Holm 1979, Scandinavian Journal of Statistics 6(2), section 3.
    """
    corrected = [0.0] * len(p_values)
    least = 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        least = min(1.0, max(least, (len(p_values) - rank) * p_values[i]))
        corrected[i] = least
    return corrected


def randomisation(differences: Values, resamples: int = RESAMPLES, seed: int = 0) -> float:
    """Return the two-sided p of a mean paired difference, if each query's sign were a coin's.

    Exact where at most 16 queries differ; else (b + 1) / (resamples + 1), where b assignments
    are as far from 0 as what was seen. Without a difference, 1.

    Source: Smucker, Allan and Carterette 2007, CIKM, section 3.3; the +1: Phipson and Smyth 2010,
    Statistical Applications in Genetics and Molecular Biology 9(1).
    """
    different = differences[np.abs(differences) > EQUAL]
    if not different.size:
        return 1.0
    seen = abs(different.sum()) * (1 - EQUAL)
    if different.size <= EXACT:
        bits = np.arange(2**different.size)[:, None] >> np.arange(different.size)
        return float(np.mean(np.abs((1 - 2 * (bits & 1)) @ different) >= seen))
    random = np.random.default_rng(seed)
    step = max(1, BLOCK // different.size)
    extreme = 0
    for first in range(0, resamples, step):
        count = min(step, resamples - first)
        signs = 1 - 2 * random.integers(0, 2, (count, different.size), dtype=np.int8)
        extreme += int(np.sum(np.abs(signs @ different) >= seen))
    return (extreme + 1) / (resamples + 1)


def paired_t(differences: Values) -> float | None:
    """Return the two-sided p of Student's paired t-test.

    None for fewer than two queries and where all differ by the same; 1 where none differs.
    """
    if not np.any(np.abs(differences) > EQUAL):
        return 1.0
    if differences.size < 2 or np.ptp(differences) <= EQUAL:
        return None
    return float(stats.ttest_1samp(differences, 0.0).pvalue)


def detectable(differences: Values) -> float | None:
    """Return the smallest mean difference that so many queries would show four times out of five.

    That of their standard error; None for fewer than two queries.
    """
    n = differences.size
    return None if n < 2 else shown_by(float(differences.std(ddof=1) / np.sqrt(n)), n - 1)


def shown_by(error: float, freedom: int) -> float | None:
    """Return the smallest mean difference that shows four times out of five.

    (t(0.975) + t(0.8)) * standard error: two-sided, 5% significance, 80% power. None where that
    error is 0, for equal differences tell nothing of their spread, and where it comes to more than
    1, for measures are in [0, 1].

    Source: Sakai 2018, Laboratory Experiments in Information Retrieval, chapter 6 (approximated by
    the central t distribution).
    """
    quantiles = stats.t.ppf([1 - (1 - CONFIDENCE) / 2, POWER], freedom)
    found = float(quantiles.sum() * error)
    return found if error > EQUAL and found <= 1 else None


def unseen(queries: int) -> float:
    """Return the share of all queries that may be of a kind which none of so many is (95%)."""
    return min(1.0, UNSEEN / queries)


def with_unseen(end: float, farthest: float, queries: int) -> float:
    """Return an end of an interval, moved by what so many queries may not have shown.

    A bootstrap draws what was seen: where no query changed, its interval is [0, 0]. Here a share
    `unseen` of all queries may lie at `farthest`, the most that a difference can be: -1 or 1.
    """
    share = unseen(queries)
    return (1 - share) * end + share * farthest


def needed(change: float) -> int:
    """Return how many queries exclude a mean change where none of them changed."""
    return ceil(UNSEEN / change - EQUAL)


def area(positive: Values, negative: Values) -> float | None:
    """Return how often a positive is above a negative, ties half: the area under the ROC curve.

    None where one side is empty. Source: Hanley and McNeil 1982, Radiology 143(1).
    """
    if not positive.size or not negative.size:
        return None
    ranks = stats.rankdata(np.concatenate([positive, negative]))[: positive.size].sum()
    return float((ranks / positive.size - (positive.size + 1) / 2) / negative.size)


def area_interval(found: float, positive: int, negative: int) -> tuple[float, float]:
    """Return the 95% interval of an area under the curve of so many positives and negatives.

    The areas that are no further from the one found than 1.96 standard errors of their own: it
    stays within [0, 1] and has a width also where everything is told apart.

    Source: Newcombe 2006, Statistics in Medicine 25(4), part 2, method 5.
    """
    z = float(stats.norm.ppf(1 - (1 - CONFIDENCE) / 2))
    more = (positive + negative) / 2 - 1

    def beyond(true: float) -> float:
        spread = 1 + more * ((1 - true) / (2 - true) + true / (1 + true))
        error = z * np.sqrt(true * (1 - true) * spread / (positive * negative))
        return float(abs(found - true) - error)

    low = 0.0 if found <= EQUAL else optimize.brentq(beyond, 0.0, found - EQUAL)
    high = 1.0 if found >= 1 - EQUAL else optimize.brentq(beyond, found + EQUAL, 1.0)
    return float(low), float(high)


def wilson(hits: int, of: int) -> tuple[float, float] | None:
    """Return the 95% interval of a share; None of nothing.

    Source: Wilson 1927, JASA 22(158).
    """
    if not of:
        return None
    ends = stats.binomtest(hits, of).proportion_ci(CONFIDENCE, method="wilson")
    return float(ends.low), float(ends.high)
