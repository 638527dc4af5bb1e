"""Two runs side by side: which questions a change helped, which it hurt, and by how much."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from eval.compare import Comparison, Difference, compare
from eval.report.figures import main_measure
from eval.report.material import Measured, Question
from eval.scores import known_measure
from eval.statistics import EQUAL

SMALL, LARGE = 0.1, 0.5
GAINS = (
    (f"more than +{LARGE}", "helped"),
    (f"+{SMALL} to +{LARGE}", "helped"),
    (f"up to +{SMALL}", "helped"),
    ("no change", "unchanged"),
    (f"up to −{SMALL}", "hurt"),
    (f"−{SMALL} to −{LARGE}", "hurt"),
    (f"more than −{LARGE}", "hurt"),
)
"""Sizes of a question's change, the best first, with their kinds."""
NAMED = 5
"""How many questions a spot of the scatter names."""


@dataclass(frozen=True)
class Change:
    """One question in both runs, and what the candidate gained in the measure."""

    before: Question
    after: Question
    gain: float


@dataclass(frozen=True)
class Spot:
    """Questions with the same two values: how many, and the first of them."""

    baseline: float
    candidate: float
    count: int
    questions: tuple[str, ...]
    ids: tuple[str, ...]

    @property
    def kind(self) -> str:
        """What the candidate did to them."""
        if abs(self.candidate - self.baseline) <= EQUAL:
            return "unchanged"
        return "helped" if self.candidate > self.baseline else "hurt"


@dataclass(frozen=True)
class Pair:
    """A comparison, the scatter of its main measure, and the questions with the largest changes."""

    measure: str
    comparison: Comparison
    spots: tuple[Spot, ...]
    hurt: tuple[Change, ...]
    helped: tuple[Change, ...]

    @property
    def difference(self) -> Difference:
        """The difference in the main measure."""
        return next(each for each in self.comparison.differences if each.measure == self.measure)

    @property
    def gains(self) -> list[tuple[str, str, int, float]]:
        """Return how many questions gained how much: in words, the kind, the count, its share."""
        found = Counter(_gain(each) for each in self.spots for _ in range(each.count))
        return [(*each, found[each], found[each] / max(1, found.total())) for each in GAINS]


def pair(runs: tuple[Measured, Measured], metric: str | None = None, shown: int = 10) -> Pair:
    """Return how the second run differs from the first, with up to `shown` questions each way.

    Raises: InputError for runs that cannot be compared, and for an unknown measure.
    """
    before, after = runs
    found = compare(before.run, after.run)
    measures = after.run.scores.measures
    measure = known_measure(metric, measures) if metric else main_measure(dict.fromkeys(measures))
    if measure not in [each.measure for each in found.differences]:
        found = _with(found, compare(before.run, after.run, measure))
    changes = _changes(runs, measure)
    hurt = sorted((each for each in changes if each.gain < -EQUAL), key=lambda each: each.gain)
    helped = sorted((each for each in changes if each.gain > EQUAL), key=lambda each: -each.gain)
    return Pair(
        measure, found, _spots(changes, measure), tuple(hurt[:shown]), tuple(helped[:shown])
    )


def _gain(spot: Spot) -> tuple[str, str]:
    """Return the size and the kind of a change."""
    size = abs(spot.candidate - spot.baseline)
    if spot.kind == "unchanged":
        return GAINS[3]
    at = 0 if size > LARGE else 1 if size > SMALL else 2
    return GAINS[at] if spot.kind == "helped" else GAINS[6 - at]


def _with(found: Comparison, other: Comparison) -> Comparison:
    differences = (*other.differences, *found.differences)
    return replace(found, differences=differences)


def _changes(runs: tuple[Measured, Measured], measure: str) -> list[Change]:
    after = {each.id: each for each in runs[1].scored}
    return [
        Change(each, after[each.id], after[each.id].measures[measure] - each.measures[measure])
        for each in runs[0].scored
    ]


def _spots(changes: Sequence[Change], measure: str) -> tuple[Spot, ...]:
    """Return the changes by their two values, rounded to three decimals as they are drawn."""
    spots: dict[tuple[float, float], list[Change]] = {}
    for each in changes:
        at = (round(each.before.measures[measure], 3), round(each.after.measures[measure], 3))
        spots.setdefault(at, []).append(each)
    return tuple(
        Spot(
            *at,
            len(found),
            tuple(each.after.label for each in found[:NAMED]),
            tuple(each.after.id for each in found[:NAMED]),
        )
        for at, found in spots.items()
    )
