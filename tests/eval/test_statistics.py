"""Intervals, tests and effect sizes: against scipy, against theory, and at the edges."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from eval.statistics import (
    area,
    area_interval,
    detectable,
    holm,
    intervals,
    needed,
    paired_t,
    randomisation,
    share_interval,
    unseen,
    with_unseen,
)

# The heights of Darwin's fifteen pairs of Zea mays, crossed minus self-fertilised, in eighths of
# an inch; Fisher 1935, The Design of Experiments, sections 17 and 21.
DARWIN = np.array([49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48], dtype=float)

# Hours of sleep that ten patients gained by one drug more than by another; Student 1908, The
# Probable Error of a Mean, Biometrika 6(1), section IX, whose z-table gives odds of .9985.
SLEEP = np.array([1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4])


def test_the_percentile_interval_covers_the_true_mean_about_95_times_in_100() -> None:
    random = np.random.default_rng(1)
    samples = random.beta(0.6, 0.4, (120, 400))
    low, high = intervals(samples, resamples=1000, seed=2)
    covered = np.mean((low <= 0.6) & (high >= 0.6))
    assert 0.91 <= covered <= 0.98


def test_the_interval_is_that_of_the_normal_approximation_for_many_queries() -> None:
    values = np.random.default_rng(3).random((2000, 2))
    low, high = intervals(values, seed=4)
    error = 1.959964 * values.std(axis=0) / np.sqrt(2000)
    assert low == pytest.approx(values.mean(axis=0) - error, abs=0.0008)
    assert high == pytest.approx(values.mean(axis=0) + error, abs=0.0008)


def test_the_interval_agrees_with_scipys_bootstrap() -> None:
    values = np.random.default_rng(5).exponential(size=60)
    low, high = intervals(values[:, None], seed=6)
    theirs = stats.bootstrap(
        (values,), np.mean, method="percentile", rng=np.random.default_rng(7)
    ).confidence_interval
    assert low[0] == pytest.approx(theirs.low, abs=0.02)
    assert high[0] == pytest.approx(theirs.high, abs=0.02)


def test_intervals_are_seeded_and_do_not_depend_on_other_columns() -> None:
    values = np.random.default_rng(8).random((50, 3))
    first, again = intervals(values), intervals(values)
    assert (first[0] == again[0]).all()
    assert intervals(values[:, :1])[1][0] == first[1][0]
    assert (intervals(values, seed=1)[0] != first[0]).any()


def test_a_share_of_a_whole_has_the_interval_of_its_ratio() -> None:
    random = np.random.default_rng(3)
    whole = random.normal(1.0, 1.0, 400)
    part = 0.5 * whole + random.normal(0.0, 0.2, 400)
    low, high = share_interval(part, whole)
    # By the delta method: the spread of part - ratio * whole over the mean of the whole.
    ratio = part.mean() / whole.mean()
    spread = (part - ratio * whole).std(ddof=1) / np.sqrt(400) / whole.mean()
    assert low == pytest.approx(ratio - 1.96 * spread, abs=0.003)
    assert high == pytest.approx(ratio + 1.96 * spread, abs=0.003)
    assert share_interval(whole, whole) == (1.0, 1.0)


def test_there_is_no_share_of_a_whole_that_may_be_nothing() -> None:
    assert share_interval(np.array([1.0]), np.array([1.0])) is None
    assert share_interval(np.array([1.0, 0.0, 0.0]), np.array([1.0, -1.0, 0.5])) is None


def test_one_query_claims_no_interval_and_equal_values_have_no_width() -> None:
    low, high = intervals(np.array([[0.5]]))
    assert np.isnan([low[0], high[0]]).all()
    low, high = intervals(np.full((10, 1), 0.25))
    assert (low[0], high[0]) == (0.25, 0.25)


def test_the_randomisation_test_gives_fishers_p_for_darwins_plants() -> None:
    as_far_on_each_side = 863
    assert randomisation(DARWIN) == 2 * as_far_on_each_side / 2**15
    assert paired_t(DARWIN) == pytest.approx(0.0497, abs=0.0001)


def test_the_t_test_gives_students_p_for_hours_of_sleep() -> None:
    p = paired_t(SLEEP)
    assert p == pytest.approx(0.002833, abs=1e-6)
    assert 1 - p / 2 == pytest.approx(0.9985, abs=1e-4)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(-4, 4), min_size=2, max_size=8))
def test_the_exact_test_equals_scipys(differences: list[int]) -> None:
    values = np.array(differences, dtype=float) / 4
    theirs = stats.permutation_test(
        (values, np.zeros_like(values)),
        lambda x, y, axis: np.mean(x - y, axis=axis),
        permutation_type="samples",
        n_resamples=np.inf,
        vectorized=True,
    )
    assert randomisation(values) == pytest.approx(theirs.pvalue, abs=1e-12)


def test_the_sampled_test_agrees_with_scipys() -> None:
    values = np.random.default_rng(9).normal(0.15, 1.0, 200)
    theirs = stats.permutation_test(
        (values,),
        lambda x, axis: np.mean(x, axis=axis),
        permutation_type="samples",
        n_resamples=9999,
        vectorized=True,
        rng=np.random.default_rng(10),
    )
    assert randomisation(values) == pytest.approx(theirs.pvalue, abs=0.015)


def test_no_difference_has_p_one() -> None:
    assert randomisation(np.zeros(30)) == paired_t(np.zeros(30)) == 1.0
    assert randomisation(np.full(30, 1e-12)) == 1.0


def test_queries_without_a_difference_do_not_move_the_randomisation_test() -> None:
    values = np.array([0.5, 0.25, 0.5, 0.125, 0.25])
    assert randomisation(values) == pytest.approx(2 / 2**5)
    assert randomisation(np.concatenate([values, np.zeros(500)])) == pytest.approx(2 / 2**5)


def test_the_t_test_is_scipys_and_says_nothing_where_it_cannot() -> None:
    first, second = np.random.default_rng(11).random((2, 40))
    assert paired_t(first - second) == pytest.approx(stats.ttest_rel(first, second).pvalue)
    assert paired_t(np.array([0.5])) is None
    assert paired_t(np.full(9, 0.25)) is None


def test_the_detectable_effect_is_found_four_times_out_of_five() -> None:
    sample = np.random.default_rng(12).normal(0.0, 1.0, 50)
    sample = (sample - sample.mean()) / sample.std(ddof=1)
    effect = detectable(sample)
    assert effect is not None
    trials = np.random.default_rng(13).normal(effect, 1.0, (4000, 50))
    found = np.mean(stats.ttest_1samp(trials, 0.0, axis=1).pvalue < 0.05)
    assert found == pytest.approx(0.8, abs=0.03)
    assert detectable(sample[:1]) is None


def test_what_nothing_is_known_of_or_no_measure_can_change_by_is_not_detectable() -> None:
    assert detectable(np.zeros(30)) is None
    assert detectable(np.full(30, -0.1)) is None
    # (12.706 + 1.376) * .7071 / sqrt(2) is 7.04.
    assert detectable(np.array([0.0, 1.0])) is None
    assert detectable(np.array([0.0, 0.1])) == pytest.approx(0.704, abs=0.001)


def test_what_none_of_n_queries_shows_may_befall_three_in_n() -> None:
    assert (unseen(300), unseen(2)) == (0.01, 1.0)
    assert [needed(each) for each in (0.01, 0.02, 0.05, 0.07, 1.0)] == [300, 150, 60, 43, 3]
    assert all(0.95**n <= 0.05 for n in (needed(0.05), needed(0.05) + 1))
    assert with_unseen(0.0, -1.0, 300) == -0.01
    assert with_unseen(-0.1, -1.0, 30) == pytest.approx(0.9 * -0.1 - 0.1)
    assert with_unseen(0.2, 1.0, 30) == pytest.approx(0.9 * 0.2 + 0.1)


@pytest.mark.parametrize("queries", [60, 61, 75, 100, 121])
def test_rare_failures_as_large_as_a_margin_are_ruled_out_in_one_sample_of_twenty(queries) -> None:
    # The percentile interval of k failures in n, exactly: quantiles of a binomial.
    failures = np.arange(queries + 1)
    low = -stats.binom.ppf(0.975, queries, failures / queries) / queries
    passed = with_unseen(low, -1.0, queries) >= -0.05
    assert stats.binom.pmf(failures, queries, 0.05)[passed].sum() <= 0.05


def test_the_area_under_the_curve_by_hand() -> None:
    assert area(np.array([3.0, 2.0]), np.array([1.0, 2.0])) == pytest.approx(3.5 / 4)
    assert area(np.array([-np.inf]), np.array([-np.inf])) == 0.5
    assert area(np.array([]), np.array([1.0])) is None


def test_holms_correction_by_hand() -> None:
    # In ascending order .005 * 4, .01 * 3, .03 * 2, and .04 * 1 is below the .06 before it.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.6]) == [1.0, 1.0]
    assert holm([0.03]) == [0.03]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holms_correction_lies_between_the_p_and_bonferronis_and_keeps_the_order(found) -> None:
    corrected = holm(found)
    for p, q in zip(found, corrected, strict=True):
        assert p <= q <= min(1.0, len(found) * p) + 1e-15
    order = sorted(range(len(found)), key=lambda i: found[i])
    assert sorted(corrected) == [corrected[i] for i in order]


def test_the_interval_of_an_area_covers_the_true_one_about_95_times_in_100() -> None:
    random = np.random.default_rng(15)
    true = stats.norm.cdf(1.2 / np.sqrt(2))
    covered = 0
    for _ in range(400):
        found = area(random.normal(1.2, 1, 15), random.normal(0, 1, 25))
        low, high = area_interval(found, 15, 25)
        covered += low <= true <= high
    assert 0.92 <= covered / 400 <= 0.98


def test_the_interval_of_an_area_has_a_width_at_the_ends_and_is_symmetric() -> None:
    low, high = area_interval(1.0, 10, 10)
    assert 0.7 < low < 0.9
    assert high == 1.0
    assert area_interval(0.0, 10, 10) == pytest.approx((0.0, 1 - low))
    assert sum(area_interval(0.5, 30, 30)) == pytest.approx(1.0)
