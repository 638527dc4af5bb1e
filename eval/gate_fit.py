"""The threshold of a gate: the fewest questions let through, for a loss of quality that is stated.

One signal decides, the one that tells most: several together fit the questions that they are
fitted on, and not others.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from retrieval.stages.gate import LEVELS, Gate, Signals

Values = NDArray[np.float64]
Flags = NDArray[np.bool_]
STEPS = np.linspace(0.05, 1.0, 20)
"""Thresholds that are tried stand at these quantiles of a signal."""


class Threshold(NamedTuple):
    """The signal that decides, and its threshold; '' where none does."""

    signal: str
    value: float

    def of(self, gate: Gate) -> Gate:
        """Return a gate with this threshold, and no other of those that are fitted."""
        return replace(gate, **self.parameters())

    def parameters(self) -> dict[str, Any]:
        """Return the parameters of a gate with this threshold."""
        found: dict[str, Any] = {**dict.fromkeys(LEVELS, 0.0), "words": 0}
        if self.signal:
            found[self.signal] = int(self.value) if self.signal == "words" else self.value
        return found


@dataclass(frozen=True)
class Cases:
    """Questions as a gate sees them, and the quality of each with it closed and open.

    `gate` has the conditions that are not fitted.
    """

    gate: Gate
    signals: Sequence[Signals]
    closed: Values
    open: Values

    def part(self, chosen: Flags) -> "Cases":
        """Return the chosen ones."""
        found = [each for each, is_chosen in zip(self.signals, chosen, strict=True) if is_chosen]
        return Cases(self.gate, found, self.closed[chosen], self.open[chosen])

    def opened(self, at: Threshold) -> Flags:
        """Return for which questions the gate opens."""
        gate = at.of(self.gate)
        return np.array([bool(gate.reasons(each)) for each in self.signals], dtype=bool)

    def quality(self, opened: Flags) -> Values:
        """Return the quality of each question where the gate is open for these."""
        return np.where(opened, self.open, self.closed)


def fitted(cases: Cases, loss: float) -> Threshold:
    """Return the threshold that opens the gate for the fewest questions, within a loss of quality.

    The loss is that of the mean, against a gate that is always open; among equal ones the better
    quality goes first, then the order of `LEVELS`. Where none keeps to it, the least loss does.
    """
    least = float(cases.open.mean()) - loss

    def rank(at: Threshold) -> tuple[bool, float, float]:
        opened = cases.opened(at)
        quality, share = float(cases.quality(opened).mean()), float(opened.mean())
        lost = quality < least - 1e-9
        return (lost, -quality, share) if lost else (lost, share, -quality)

    return min(_tried(cases.signals), key=rank)


def _tried(signals: Sequence[Signals]) -> list[Threshold]:
    tried = [Threshold("", 0.0)]
    for name in LEVELS:
        values = [getattr(each, name) for each in signals]
        known = [each for each in values if each is not None]
        if known:
            # Rounded up to what a file shows: a value at its own threshold is not below it.
            steps = np.ceil(np.quantile(known, STEPS) * 1000 + 1e-6) / 1000
            tried += [Threshold(name, float(each)) for each in np.unique(steps.clip(0.001, 1.0))]
    words = np.unique(np.quantile([each.words for each in signals], 1 - STEPS).astype(int))
    return tried + [Threshold("words", float(each)) for each in words if each > 0]
