"""Thresholds of a gate: the fewest questions let through, for a loss of quality that is stated."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from retrieval.stages.gate import Gate, Signals

Values = NDArray[np.float64]
Flags = NDArray[np.bool_]
STEPS = np.linspace(0.05, 1.0, 20)
"""Thresholds that are tried stand at these quantiles of a signal, and at 0: off."""
WORD_STEPS = np.linspace(0.25, 0.75, 3)


class Thresholds(NamedTuple):
    """The parameters of a gate that are fitted; 0 means that a signal does not count."""

    margin: float
    agreement: float
    words: int


@dataclass(frozen=True)
class Cases:
    """Questions as a gate sees them, and the quality of each with it closed and open.

    `base` says which ones the gate's other conditions let through, `never` which ones they never
    let through, whatever the thresholds.
    """

    margin: Values
    agreement: Values
    words: Values
    base: Flags
    never: Flags
    closed: Values
    open: Values

    @classmethod
    def of(cls, gate: Gate, found: Sequence[Signals], closed: Values, open: Values) -> "Cases":
        """Return the cases of signals; a question with one leg or none counts as in agreement."""
        others = Gate(
            then=gate.then, margin=0, questions=gate.questions, always=gate.always, never=gate.never
        )
        return cls(
            np.array([each.margin for each in found]),
            np.array([1.0 if each.agreement is None else each.agreement for each in found]),
            np.array([float(each.words) for each in found]),
            np.array([bool(others.reasons(each)) for each in found]),
            np.array([each.query_class in gate.never for each in found]),
            closed,
            open,
        )

    def part(self, chosen: Flags) -> "Cases":
        """Return the chosen ones."""
        return Cases(*(values[chosen] for values in vars(self).values()))

    def opened(self, at: Thresholds) -> Flags:
        """Return for which questions the gate opens."""
        doubtful = (self.margin < at.margin) | (self.agreement < at.agreement)
        if at.words:
            doubtful |= self.words > at.words
        return ~self.never & (self.base | doubtful)

    def quality(self, opened: Flags) -> Values:
        """Return the quality of each question where the gate is open for these."""
        return np.where(opened, self.open, self.closed)


def fitted(cases: Cases, loss: float) -> Thresholds:
    """Return the thresholds that open the gate for the fewest questions, within a loss of quality.

    The loss is that of the mean, against a gate that is always open; among equal ones the better
    quality goes first, then the lower thresholds. Where none keeps to it, the least loss does.
    """
    most = float(cases.open.mean()) - loss
    best: tuple[tuple[float, ...], Thresholds] | None = None
    for at in _grid(cases):
        opened = cases.opened(at)
        quality = float(cases.quality(opened).mean())
        share = float(opened.mean())
        kept = quality >= most - 1e-9
        rank = (0.0, share, -quality, *at) if kept else (1.0, -quality, share, *at)
        if best is None or rank < best[0]:
            best = (rank, at)
    assert best is not None
    return best[1]


def _grid(cases: Cases) -> list[Thresholds]:
    margins = _steps(cases.margin, STEPS)
    agreements = _steps(cases.agreement, STEPS)
    words = [0, *sorted({int(each) for each in np.quantile(cases.words, WORD_STEPS)} - {0})]
    return [Thresholds(*each) for each in product(margins, agreements, words)]


def _steps(values: Values, quantiles: Values) -> list[float]:
    """Return 0 and the quantiles, rounded up to what a file shows: a threshold is not reached."""
    found = np.minimum(np.ceil(np.quantile(values, quantiles) * 1000 + 1e-6) / 1000, 1.0)
    return [0.0, *sorted({float(each) for each in found} - {0.0})]
