"""Verdicts by hand: keep, drop, not enough queries, and the mean over datasets."""

import numpy as np
import pytest
from scipy import stats

from eval.compare import difference
from eval.ladder_file import Rung
from eval.ladder_verdict import judged_rungs, mean_difference, standard_error
from eval.ladder_winner import front, winner
from eval.statistics import detectable
from retrieval.config import build_pipeline

LEGS = [{"use": "dense"}, {"use": "sparse"}, {"use": "fuse"}]


def rung(name: str, on: int | None, more: int = 0, without: str | None = None) -> Rung:
    tables = [*LEGS, *({"use": "rules", "most": n + 1} for n in range(more))]
    return Rung(build_pipeline(name, tables), tables, on, without)


BASE = np.tile([0.2, 0.4, 0.6, 0.8], 100)
"""Four hundred queries."""


def verdicts(*changes, without=None) -> list[tuple[str, str]]:
    rungs = [rung("r0", None), *(rung(f"r{i}", 0, 0, without) for i in range(1, len(changes) + 1))]
    found = judged_rungs("nDCG@10", rungs, [[BASE, *(BASE + each for each in changes)]], 0.01)
    return [(each.verdict, each.why) for each in found[1:]]


UP = np.tile([0.1, 0.05, 0.0, 0.05], 100)
NOISE = np.tile([0.3, -0.3, 0.2, -0.2], 100)
SMALL = np.where(np.arange(400) == 3, 0.1, 0.0)


def test_verdicts_on_what_a_rung_adds() -> None:
    assert verdicts(UP, -UP, NOISE, SMALL) == [
        ("keep", "significantly better"),
        ("drop", "significantly worse"),
        ("not enough queries", "a gain of 0.01 is possible, none is shown"),
        ("drop", "a gain of 0.01 is excluded"),
    ]
    assert verdicts(UP / 40) == [("keep", "significantly better, by less than 0.01")]


def test_verdicts_on_a_stage_that_is_left_out_are_turned_around() -> None:
    assert verdicts(UP, -UP, NOISE, SMALL, without="fuse") == [
        ("drop", "significantly better without it"),
        ("keep", "significantly worse without it"),
        ("not enough queries", "a gain of 0.01 is possible, none is shown"),
        ("drop", "a gain of 0.01 is excluded"),
    ]


def test_few_queries_exclude_nothing_and_one_is_no_test() -> None:
    rungs = [rung("r0", None), rung("r1", 0)]
    few = [[BASE[:299], BASE[:299]]]
    assert judged_rungs("nDCG@10", rungs, few, 0.01)[1].verdict == "not enough queries"
    enough = [[BASE[:300], BASE[:300]]]
    assert judged_rungs("nDCG@10", rungs, enough, 0.01)[1].verdict == "drop"
    hardly = [[BASE[:310], BASE[:310] + SMALL[:310]]]
    assert judged_rungs("nDCG@10", rungs, hardly, 0.01)[1].verdict == "not enough queries"
    one = judged_rungs("nDCG@10", rungs, [[BASE[:1], BASE[:1] + 0.5]], 0.01)[1]
    assert (one.verdict, one.why) == ("not enough queries", "one query is no test")


def test_over_datasets_the_smallest_one_says_what_is_excluded() -> None:
    rungs = [rung("r0", None), rung("r1", 0)]

    def verdict(*sizes: int) -> str:
        values = [[BASE[:size], BASE[:size]] for size in sizes]
        return judged_rungs("nDCG@10", rungs, values, 0.01)[1].verdict

    assert verdict(150, 400) == "drop"
    assert verdict(149, 400) == "not enough queries"


def test_a_gain_that_none_of_a_hundred_queries_shows_is_not_excluded() -> None:
    rungs = [rung("r0", None), rung("r1", 0)]
    random = np.random.default_rng(1)
    gains = (random.random((40, 100)) < 0.02).astype(float)
    said = {judged_rungs("R@10", rungs, [[np.zeros(100), each]], 0.01)[1].verdict for each in gains}
    assert not gains.any(axis=1).all()
    assert said == {"not enough queries"}


def test_a_rung_is_compared_with_the_one_it_stands_on_and_p_is_corrected() -> None:
    rungs = [rung("r0", None), rung("r1", 0), rung("r2", 0), rung("r3", 1)]
    values = [BASE, BASE + UP, BASE + NOISE, BASE + UP]
    found = judged_rungs("nDCG@10", rungs, [values], 0.01)
    assert found[0].below is found[0].baseline is None
    assert found[3].below.difference == 0.0
    assert found[3].baseline.difference == pytest.approx(0.05)
    plain = [found[n].below.p for n in (1, 2, 3)]
    assert plain[0] < 0.001 < plain[1] < plain[2] == 1.0
    assert found[1].p_below == pytest.approx(3 * plain[0])
    assert found[2].p_below == pytest.approx(min(1, 2 * plain[1]))
    worse = judged_rungs("nDCG@10", rungs, [[BASE, BASE - UP, BASE, BASE]], 0.01)
    assert [each.worse for each in worse] == [False, True, False, False]


def test_datasets_count_the_same_whatever_their_size() -> None:
    small, large = np.full(20, 0.5), np.full(200, 0.5)
    pairs = [(small, small + np.tile([0.0, 0.2], 10)), (large, large - np.tile([0.0, 0.1], 100))]
    found = mean_difference("nDCG@10", pairs)
    assert found.difference == pytest.approx((0.1 - 0.05) / 2)
    assert (found.baseline, found.candidate) == pytest.approx((0.5, 0.525))
    assert (found.queries, found.helped, found.hurt, found.unchanged) == (220, 10, 100, 110)
    variance = 0.1**2 * 20 / 19 / 20, 0.05**2 * 200 / 199 / 200
    error = np.sqrt(sum(variance)) / 2
    assert standard_error([b - a for a, b in pairs]) == pytest.approx(error)
    assert (found.low, found.high) == pytest.approx(
        (0.025 - 1.96 * error, 0.025 + 1.96 * error), abs=0.001
    )
    turned = np.sqrt(0.2**2 * 10 / 20**2 + 0.1**2 * 100 / 200**2) / 2
    assert found.p == pytest.approx(2 * stats.norm.sf(0.025 / turned), abs=0.015)
    assert found.p_t is None
    assert found.detectable == pytest.approx(2.8 * error, rel=0.02)


def test_one_dataset_is_the_plain_difference() -> None:
    found = mean_difference("nDCG@10", [(BASE, BASE + NOISE)])
    assert found == difference("nDCG@10", BASE, BASE + NOISE)
    assert found.detectable == detectable(NOISE)


def test_the_winner_is_the_simplest_within_one_standard_error_of_the_best() -> None:
    rungs = [rung("base", None), rung("good", 0, 1), rung("more", 1, 2), rung("most", 2, 3)]
    clear = [BASE, BASE + UP, BASE + UP + 0.001 * NOISE, BASE + 2 * UP]
    found = winner("nDCG@10", rungs, [clear], [False] * 4)
    assert (found.rung, found.best) == (3, 3)
    assert found.change.difference == pytest.approx(0.1)
    assert found.held_out.chosen == {"most": 5}
    assert found.held_out.mean == pytest.approx(found.mean)
    near = [BASE, BASE + UP, BASE + UP, BASE + UP + 0.02 * NOISE + 0.0001]
    found = winner("nDCG@10", rungs, [near], [False] * 4)
    assert (found.rung, found.best) == (1, 3)


def test_a_rung_that_loses_on_a_dataset_does_not_win() -> None:
    rungs = [rung("base", None), rung("uneven", 0), rung("even", 0)]
    values = [[BASE, BASE + 4 * UP, BASE + UP], [BASE, BASE - UP, BASE + UP]]
    judged = [judged_rungs("nDCG@10", rungs, [each], 0.01) for each in values]
    worse = [any(each[n].worse for each in judged) for n in range(3)]
    assert worse == [False, True, False]
    found = winner("nDCG@10", rungs, values, worse)
    assert (found.rung, found.best) == (2, 2)
    assert found.held_out.chosen == {"even": 5}
    assert np.mean([each[1].mean() for each in values]) > found.mean


def test_too_few_queries_are_not_dealt_over_folds() -> None:
    rungs = [rung("base", None), rung("good", 0)]
    found = winner("nDCG@10", rungs, [[BASE[:9], BASE[:9] + 0.1]], [False, False])
    assert found.held_out is None
    assert winner("nDCG@10", rungs, [[BASE[:1], BASE[:1]]], [False, False]).low is None


def test_the_front_is_what_nothing_beats() -> None:
    quality = [0.5, 0.7, 0.7, 0.6, 0.8]
    costs = [(1.0, 0.0), (2.0, 0.0), (3.0, 0.0), (3.0, 1.0), (9.0, 5.0)]
    assert front(quality, costs) == [0, 1, 4]
    assert front([0.5, 0.5], [(1.0, 0.0), (1.0, 0.0)]) == [0, 1]
