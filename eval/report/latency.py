"""Latency: how long questions took, and in which stage."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eval.report.material import Question

QUANTILES = (5, 25, 50, 75, 95)


@dataclass(frozen=True)
class Times:
    """Quantiles in ms of one stage over the questions it ran for, or of whole answers."""

    stage: str
    queries: int
    p5: float
    p25: float
    p50: float
    p75: float
    p95: float
    share: float
    """Of the time of all answers together."""


@dataclass(frozen=True)
class Latency:
    """Times of whole answers, then by stage in the pipeline's order."""

    total: Times
    stages: tuple[Times, ...]

    @property
    def every(self) -> tuple[Times, ...]:
        """Whole answers, then the stages."""
        return (self.total, *self.stages)


def latency(questions: Sequence[Question]) -> Latency | None:
    """Return the times of the questions that were timed, or None where none was.

    A stage that ran twice for a question counts with both together.
    """
    timed = [each for each in questions if each.ms > 0]
    if not timed:
        return None
    whole = sum(each.ms for each in timed)
    by_stage: dict[str, list[float]] = {}
    for each in timed:
        spent: dict[str, float] = {}
        for step in each.stages:
            spent[step.stage] = spent.get(step.stage, 0.0) + step.ms
        for name, ms in spent.items():
            by_stage.setdefault(name, []).append(ms)
    return Latency(
        _times("whole answer", [each.ms for each in timed], whole),
        tuple(_times(name, spent, whole) for name, spent in by_stage.items()),
    )


def _times(stage: str, values: Sequence[float], whole: float) -> Times:
    p5, p25, p50, p75, p95 = (float(each) for each in np.percentile(values, QUANTILES))
    return Times(stage, len(values), p5, p25, p50, p75, p95, float(sum(values)) / whole)
