"""Thresholds: where they lie, by hand, and that what they cost is not too good to be true."""

import numpy as np
import pytest

from eval.thresholds import most_kept, most_right, thresholds


def bests(values: np.ndarray) -> list[dict[str, float]]:
    return [{"final": float(each)} for each in values]


def test_the_best_threshold_lies_between_the_two_kinds() -> None:
    answerable, unanswerable = np.array([5.0, 6.0, 7.0, 1.0]), np.array([0.0, 2.0, 3.0])
    # From 4 on: 3 of 4 are answered, none falsely. From 0.5 on: all, but 2 of 3 falsely.
    assert most_right(answerable, unanswerable) == 4.0


def test_of_equally_good_thresholds_the_lowest_answers_most() -> None:
    # From 1.5 on 2/2 - 1/2, from 3.5 on 1/2 - 0: as good.
    assert most_right(np.array([2.0, 4.0]), np.array([1.0, 3.0])) == 1.5


def test_95_of_100_are_kept() -> None:
    answerable = np.arange(100.0)
    threshold = most_kept(answerable, np.array([4.6, 200.0]))
    assert (answerable >= threshold).sum() == 95
    assert threshold == pytest.approx((4.6 + 5) / 2)


def test_questions_without_hits_can_be_neither_kept_nor_answered() -> None:
    answerable = np.array([-np.inf, -np.inf, 3.0, 4.0])
    assert most_kept(answerable, np.array([-np.inf, 1.0])) == 2.0
    assert most_right(answerable, np.array([-np.inf, 1.0])) == 2.0


def test_what_a_threshold_costs_is_measured_on_other_questions() -> None:
    gains = []
    for seed in range(4):
        noise = np.random.default_rng(seed).normal(size=(2, 60))
        found = thresholds(bests(noise[0]), bests(noise[1]))["youden"]
        answered = (noise >= found["threshold"]).mean(axis=1)
        honest = 1 - found["false_refusals"]["value"] - found["false_answers"]["value"]
        gains.append((answered[0] - answered[1], honest))
        assert found["folds"] == 10
    optimistic, held_out = np.mean(gains, axis=0)
    assert optimistic > 0.1
    assert abs(held_out) < 0.06


def test_the_score_that_tells_most_is_chosen_and_the_choice_is_seeded() -> None:
    random = np.random.default_rng(2)
    answerable = [{"good": 10 + random.random(), "bad": random.random()} for _ in range(30)]
    unanswerable = [{"good": random.random(), "bad": random.random()} for _ in range(12)]
    found = thresholds(answerable, unanswerable)
    assert [each["by"] for each in found.values()] == ["good", "good"]
    assert found == thresholds(answerable, unanswerable)
    cost = found["youden"]["false_answers"]
    assert (cost["value"], cost["low"]) == (0.0, 0.0)
    assert cost["high"] == pytest.approx(0.2425, abs=1e-4)
    assert found["youden"]["low"] <= found["youden"]["threshold"] <= found["youden"]["high"]


def test_two_of_each_kind_are_needed_and_few_have_fewer_folds() -> None:
    assert thresholds([{"final": 1.0}] * 5, [{"final": 0.0}]) == {}
    assert thresholds([{}, {}], [{}, {}]) == {}
    assert thresholds([{"final": 1.0}] * 5, [{"final": 0.0}] * 3)["youden"]["folds"] == 3
