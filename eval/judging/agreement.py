"""How far two judges agree: on passages, and on which system is better."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.judging.labels import GRADES, RELEVANT
from eval.judging.pool import Place
from eval.judging.systems import Systems, systems
from eval.results import Run
from eval.statistics import CONFIDENCE
from retrieval.errors import InputError

Grades = NDArray[np.int64]
RESAMPLES = 2_000


@dataclass(frozen=True)
class Kappa:
    """Agreement beyond chance: 1 is all, 0 what chance gives; the interval is over passages.

    None where it is undefined: both judges gave one and the same grade to everything.
    """

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Agreement:
    """Two judges on the passages that both labelled.

    `confusion[i][j]` counts passages with grade i of the first and j of the second.
    """

    one: str
    other: str
    passages: int
    same: int
    kappa: Kappa
    weighted: Kappa
    binary: Kappa
    confusion: tuple[tuple[int, ...], ...]
    systems: Systems | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)


def agreement(
    labels: Mapping[tuple[str, Place], int], judges: tuple[str, str], runs: Sequence[Run] = ()
) -> Agreement:
    """Return how two judges agree; with two runs or more, also on the runs.

    `kappa`: every disagreement counts the same; `weighted`: by the square of the distance;
    `binary`: from RELEVANT on against below.

    Raises: InputError for a judge without labels, where no passage has both, and as `systems`.

    Source: Cohen 1960, Educational and Psychological Measurement 20(1); Cohen 1968, Psychological
    Bulletin 70(4), with quadratic weights.
    """
    by = {name: {place: g for (who, place), g in labels.items() if who == name} for name in judges}
    for name, its in by.items():
        if not its:
            there = ", ".join(sorted({who for who, _ in labels})) or "nobody"
            raise InputError(f"No label is by {name!r}. Labels are by: {there}.", "by")
    shared = [place for place in by[judges[0]] if place in by[judges[1]]]
    if not shared:
        raise InputError(f"{judges[0]} and {judges[1]} labelled no passage both.", "by")
    one, other = (np.array([by[name][place] for place in shared]) for name in judges)
    table = np.zeros((len(GRADES), len(GRADES)), dtype=int)
    np.add.at(table, (one, other), 1)
    return Agreement(
        *judges,
        len(shared),
        int((one == other).sum()),
        kappa(one, other),
        kappa(one, other, "quadratic"),
        kappa(one >= RELEVANT, other >= RELEVANT),
        tuple(tuple(map(int, row)) for row in table),
        systems(runs, by[judges[0]], by[judges[1]]) if len(runs) > 1 else None,
    )


def kappa(one: Any, other: Any, weights: str | None = None, seed: int = 0) -> Kappa:
    """Return Cohen's kappa with a percentile bootstrap interval; equal constants have none.

    Resamples in which it is undefined are left out; fewer than two passages have no interval.
    """
    value = _kappa(one, other, weights)
    if value is None or len(one) < 2:
        return Kappa(value, None, None)
    random = np.random.default_rng(seed)
    drawn = random.integers(0, len(one), (RESAMPLES, len(one)))
    resampled = (_kappa(one[rows], other[rows], weights) for rows in drawn)
    tail = (1 - CONFIDENCE) / 2
    found = [each for each in resampled if each is not None]
    low, high = np.quantile(found, [tail, 1 - tail])
    return Kappa(value, float(low), float(high))


def _kappa(one: Any, other: Any, weights: str | None) -> float | None:
    """1 - the weight of what was seen over that of what chance gives; a test holds it to sklearn's.

    sklearn takes a millisecond for each of the resamples, this a twentieth of that.
    """
    size = len(GRADES)
    seen = np.bincount(one * size + other, minlength=size * size).reshape(size, size)
    chance = np.outer(seen.sum(axis=1), seen.sum(axis=0)) / len(one)
    apart = np.abs(np.subtract.outer(np.arange(size), np.arange(size)))
    cost = apart**2 if weights == "quadratic" else apart > 0
    expected = float((cost * chance).sum())
    return 1 - float((cost * seen).sum()) / expected if expected else None
