"""The threshold of a gate, worked out by hand on a few questions."""

from collections.abc import Sequence

import numpy as np
import pytest

from eval.gate_fit import Cases, Threshold, fitted
from retrieval.stages.gate import Gate, QueryClass, Signals

OFF = Threshold("", 0.0)


def seen(support: float | None, words: int = 5, kind: QueryClass = "question") -> Signals:
    return Signals(0.5, 0.5, support, None, words, 1, kind)


def cases(
    supports: Sequence[float],
    closed: Sequence[float],
    opened: Sequence[float],
    gate: Gate | None = None,
) -> Cases:
    return Cases(
        gate or Gate(), [seen(each) for each in supports], np.array(closed), np.array(opened)
    )


def test_one_signal_decides_and_the_others_are_off() -> None:
    gate = Gate(support=0.9, margin=0.9, words=3, questions=4)
    assert Threshold("words", 7.0).of(gate) == Gate(support=0.0, words=7, questions=4)
    assert Threshold("agreement", 0.4).of(gate) == Gate(support=0, agreement=0.4, questions=4)
    assert OFF.of(gate) == Gate(support=0.0, questions=4)


def test_conditions_that_are_not_fitted_stay() -> None:
    never = cases([0.1, 0.2], [0, 0], [1, 1], Gate(never=("question",)))
    assert never.opened(Threshold("support", 1.0)).tolist() == [False, False]
    always = cases([0.1, 0.2], [0, 0], [1, 1], Gate(always=("question",)))
    assert always.opened(OFF).tolist() == [True, True]


def test_the_fewest_questions_that_keep_to_the_loss_are_let_through() -> None:
    # Open helps the three doubtful questions by 0.6 each and hurts none: always open has 0.85.
    asked = cases([0.1, 0.2, 0.3, 0.7, 0.8, 0.9], [0.1] * 3 + [1.0] * 3, [0.7] * 3 + [1.0] * 3)
    at = fitted(asked, 0.0)
    assert at.signal == "support"
    assert 0.3 < at.value <= 0.7
    assert asked.opened(at).tolist() == [True] * 3 + [False] * 3
    # One question less costs 0.6 / 6 = 0.1.
    assert asked.opened(fitted(asked, 0.101)).sum() == 2
    assert asked.opened(fitted(asked, 0.099)).sum() == 3
    assert fitted(asked, 0.9) == OFF


def test_the_signal_that_tells_most_is_taken() -> None:
    found = [seen(0.2, 3), seen(0.1, 30), seen(0.3, 4), seen(0.2, 40)]
    asked = Cases(Gate(), found, np.array([1.0, 0.0, 1.0, 0.0]), np.ones(4))
    at = fitted(asked, 0.0)
    assert at.signal == "words"
    assert asked.opened(at).tolist() == [False, True, False, True]


def test_a_signal_that_is_not_there_opens_nothing() -> None:
    asked = Cases(Gate(), [seen(None), seen(0.4)], np.zeros(2), np.ones(2))
    assert asked.opened(Threshold("support", 1.0)).tolist() == [False, True]
    assert asked.opened(Threshold("similarity", 1.0)).tolist() == [False, False]


def test_a_gate_that_should_stay_closed_is_kept_closed() -> None:
    assert fitted(cases([0.1, 0.2, 0.3], [1.0] * 3, [0.5] * 3), 0.0) == OFF


def test_where_no_threshold_keeps_to_the_loss_the_least_loss_does() -> None:
    asked = cases([0.1, 0.2, 0.3], [0.0] * 3, [1.0] * 3, Gate(never=("question",)))
    assert asked.quality(asked.opened(fitted(asked, 0.0))).mean() == pytest.approx(0.0)
