"""Thresholds of a gate, worked out by hand on six questions."""

from collections.abc import Sequence

import numpy as np
import pytest

from eval.gate_fit import Cases, Thresholds, fitted
from retrieval.stages.gate import Gate, QueryClass, Signals

OFF = Thresholds(0.0, 0.0, 0)


def cases(
    margins: Sequence[float],
    closed: Sequence[float],
    opened: Sequence[float],
    gate: Gate | None = None,
    kind: QueryClass = "question",
) -> Cases:
    found = [Signals(each, None, 5, 1, kind) for each in margins]
    return Cases.of(gate or Gate(), found, np.array(closed), np.array(opened))


def test_the_gate_opens_below_a_margin_or_an_agreement_and_above_a_number_of_words() -> None:
    found = [
        Signals(0.1, 0.9, 5, 1, "question"),
        Signals(0.9, 0.1, 5, 1, "question"),
        Signals(0.9, None, 20, 1, "question"),
        Signals(0.9, 0.9, 5, 1, "question"),
    ]
    zeros = np.zeros(4)
    asked = Cases.of(Gate(), found, zeros, zeros)
    assert asked.opened(OFF).tolist() == [False] * 4
    assert asked.opened(Thresholds(0.2, 0, 0)).tolist() == [True, False, False, False]
    assert asked.opened(Thresholds(0, 0.2, 0)).tolist() == [False, True, False, False]
    assert asked.opened(Thresholds(0, 0, 10)).tolist() == [False, False, True, False]
    assert asked.opened(Thresholds(0.2, 0.2, 10)).tolist() == [True, True, True, False]


def test_conditions_that_are_not_fitted_stay() -> None:
    gate = Gate(never=("question",), always=("several",))
    never = cases([0.1, 0.2], [0, 0], [1, 1], gate)
    assert never.opened(Thresholds(1.0, 1.0, 1)).tolist() == [False, False]
    always = cases([0.1, 0.2], [0, 0], [1, 1], gate, "several")
    assert always.opened(OFF).tolist() == [True, True]


def test_the_decision_is_that_of_the_stage() -> None:
    random = np.random.default_rng(1)
    kinds: tuple[QueryClass, ...] = ("keywords", "question", "several")
    found = [
        Signals(a, b if b > 0.2 else None, w, q, kinds[k])
        for a, b, w, q, k in zip(
            random.random(200).round(1),
            random.random(200).round(1),
            random.integers(0, 9, 200).tolist(),
            random.integers(1, 4, 200).tolist(),
            random.integers(0, 3, 200).tolist(),
            strict=True,
        )
    ]
    zeros = np.zeros(200)
    for at in (OFF, Thresholds(0.3, 0.0, 0), Thresholds(0.0, 0.6, 4), Thresholds(0.5, 0.5, 7)):
        for never in ((), ("keywords",)):
            gate = Gate(**at._asdict(), questions=3, never=never)
            opened = Cases.of(gate, found, zeros, zeros).opened(at)
            assert opened.tolist() == [bool(gate.reasons(each)) for each in found]


def test_the_fewest_questions_that_keep_to_the_loss_are_let_through() -> None:
    # Open helps the three doubtful questions by 0.6 each and hurts none: always open has 0.7.
    asked = cases([0.1, 0.2, 0.3, 0.7, 0.8, 0.9], [0.1] * 3 + [1.0] * 3, [0.7] * 3 + [1.0] * 3)
    at = fitted(asked, 0.0)
    assert asked.opened(at).tolist() == [True] * 3 + [False] * 3
    # One question less costs 0.6 / 6 = 0.1.
    assert asked.opened(fitted(asked, 0.101)).sum() == 2
    assert asked.opened(fitted(asked, 0.099)).sum() == 3
    assert fitted(asked, 0.9) == OFF


def test_a_gate_that_should_stay_closed_is_kept_closed() -> None:
    assert fitted(cases([0.1, 0.2, 0.3], [1.0] * 3, [0.5] * 3), 0.0) == OFF


def test_where_no_thresholds_keep_to_the_loss_the_least_loss_does() -> None:
    asked = cases([1.0, 1.0, 0.2], [0.0] * 3, [1.0] * 3, Gate(never=("question",)))
    assert asked.quality(asked.opened(fitted(asked, 0.0))).mean() == pytest.approx(0.0)
