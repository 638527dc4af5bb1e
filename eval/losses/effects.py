"""What a change would bring back, counted by asking every question again."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from eval.compare import Difference, difference
from eval.losses.causes import CAUSES
from eval.losses.changes import Change
from eval.statistics import holm

Before = Sequence[Mapping[str, str | None]]
"""For each question, the cause by group of judged places; None is in the answer."""
After = Sequence[Mapping[str, bool]]
"""For each question, whether a group is in the answer of the changed pipeline."""


@dataclass(frozen=True)
class Effect:
    """What a change recovers, by the cause of the loss, and how many found places it loses.

    `recall` is the paired difference in the share of each question's places that are found, `p` its
    p-value corrected for all pipelines that were tried (Holm). A longer list alone needs no test.
    """

    change: Change
    recovers: Mapping[str, int]
    loses: int
    recall: Difference
    p: float | None = None

    @property
    def gain(self) -> int:
        """How many more places are found in the end."""
        return sum(self.recovers.values()) - self.loses

    def as_json(self) -> dict[str, Any]:
        """Return the effect as JSON values."""
        recall = self.recall
        return {
            "change": self.change.what,
            "limit": self.change.limit,
            "reaches": self.change.reaches,
            "recovers": dict(self.recovers),
            "recovered": sum(self.recovers.values()),
            "loses": self.loses,
            "gain": self.gain,
            "recall": {
                "before": recall.baseline,
                "after": recall.candidate,
                "difference": recall.difference,
                "low": recall.low,
                "high": recall.high,
                "p": self.p,
            },
        }


def effect(change: Change, before: Before, after: After) -> Effect:
    """Return the effect of a change on the same questions, in the same order."""
    recovered: Counter[str] = Counter()
    loses = 0
    shares: list[tuple[float, float]] = []
    for was, now in zip(before, after, strict=True):
        found = [group for group, cause in was.items() if cause is None]
        recovered.update(cause for group, cause in was.items() if cause is not None and now[group])
        loses += sum(not now[group] for group in found)
        if was:
            shares.append((len(found) / len(was), sum(now[group] for group in was) / len(was)))
    old, new = np.array(shares, dtype=np.float64).reshape(-1, 2).T
    recovers = {cause: recovered[cause] for cause in CAUSES if recovered[cause]}
    return Effect(change, recovers, loses, difference(f"R@{change.limit}", old, new))


def corrected(effects: Sequence[Effect], limit: int) -> tuple[Effect, ...]:
    """Return effects with their corrected p-values, those of longer lists as they are."""
    tested = [each for each in effects if each.change.limit == limit]
    values = iter(holm([each.recall.p for each in tested]))
    return tuple(replace(e, p=next(values)) if e.change.limit == limit else e for e in effects)
