"""A ladder as a report shows it: rungs with intervals, what each brought, and which one won."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retrieval.errors import InputError

LADDER = "ladder.json"


@dataclass(frozen=True)
class Gain:
    """What a rung changed in the ladder's measure, paired by question."""

    difference: float
    low: float | None
    high: float | None
    helped: int
    hurt: int
    unchanged: int
    detectable: float | None

    @property
    def shown(self) -> tuple[float, float | None, float | None]:
        """The change and the ends of its interval."""
        return self.difference, self.low, self.high


@dataclass(frozen=True)
class Rung:
    """One rung on one dataset, or over all. `below` is against `on`, the rung that it stands on.

    `p` is that of `below`, corrected for the number of rungs; `run` is the folder of its run.
    The first has no change; over all datasets there is neither run nor time.
    """

    name: str
    on: str
    run: str
    mean: float
    low: float | None
    high: float | None
    below: Gain | None
    baseline: Gain | None
    p: float | None
    verdict: str
    why: str
    p50_ms: float | None
    p95_ms: float | None
    cost: Mapping[str, float]

    @property
    def tone(self) -> str:
        """What its verdict means: good, bad or open."""
        return {"keep": "good", "drop": "bad"}.get(self.verdict, "open")


@dataclass(frozen=True)
class Won:
    """The winning rung, over all datasets; `gain` is against the first, None where it is that.

    `held_out` is what the rule chose and measured on different questions: mean, low, high.
    """

    name: str
    mean: float
    gain: Gain | None
    rule: str
    held_out: tuple[float, float | None, float | None] | None


@dataclass(frozen=True)
class Climb:
    """The rungs on one dataset, in the ladder's order."""

    name: str
    queries: int
    rungs: tuple[Rung, ...]


@dataclass(frozen=True)
class Ladder:
    """A climbed ladder: its measure, datasets, winner, and the names on the Pareto front.

    `overall` has the rungs over several datasets, each counting the same; empty for one.
    """

    folder: Path
    name: str
    metric: str
    datasets: tuple[Climb, ...]
    overall: tuple[Rung, ...]
    won: Won | None
    front: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def winning(self) -> int | None:
        """The winner's place in the ladder."""
        names = [each.name for each in self.datasets[0].rungs]
        return names.index(self.won.name) if self.won and self.won.name in names else None

    def runs(self, dataset: int = 0) -> list[Path]:
        """Return the folders of the runs of a dataset's baseline and winner: one if they are one.

        Without a winner, the last rung stands for it.
        """
        rungs = self.datasets[dataset].rungs
        best = rungs[len(rungs) - 1 if self.winning is None else self.winning]
        return [self.folder / name for name in dict.fromkeys((rungs[0].run, best.run))]


def read_ladder(folder: Path) -> Ladder:
    """Return the ladder of a folder. Raises: InputError for a file that is no ladder's."""
    file = folder / LADDER
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        metric = str(found["metric"])
        datasets = tuple(_climb(each, metric) for each in found["datasets"])
        ladder = Ladder(
            folder,
            str(found.get("ladder") or folder.resolve().name),
            metric,
            datasets,
            tuple(_rung(each, metric) for each in found.get("overall") or ()),
            _won(found.get("winner")),
            tuple(str(each["name"]) for each in found.get("front") or ()),
            tuple(map(str, found.get("notes") or ())),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{file} cannot be read as a ladder: {error!r}.", "path") from error
    if not datasets or not all(each.rungs for each in datasets):
        raise InputError(f"{file} holds no rung.", "path")
    return ladder


def _climb(found: Mapping[str, Any], metric: str) -> Climb:
    rungs: Sequence[Mapping[str, Any]] = found["rungs"]
    return Climb(str(found["name"]), int(found["queries"]), tuple(_rung(e, metric) for e in rungs))


def _rung(found: Mapping[str, Any], metric: str) -> Rung:
    alone = {"mean": found.get("mean"), "low": None, "high": None}
    measure = found["measures"][metric] if "measures" in found else alone
    times = found.get("latency") or {}
    return Rung(
        name=str(found["name"]),
        on=str(found.get("on") or ""),
        run=str(found.get("run", "")),
        mean=float(measure["mean"] or 0.0),
        low=measure["low"],
        high=measure["high"],
        below=_gain(found.get("below")),
        baseline=_gain(found.get("baseline")),
        p=found.get("p_below_adjusted"),
        verdict=str(found.get("verdict", "")),
        why=str(found.get("why", "")),
        p50_ms=times.get("p50_ms"),
        p95_ms=times.get("p95_ms"),
        cost=found.get("cost") or {},
    )


def _won(found: Mapping[str, Any] | None) -> Won | None:
    if not found:
        return None
    gain = _gain(found.get("baseline"))
    held = found.get("held_out")
    return Won(
        str(found["name"]),
        float(found["mean"]),
        gain,
        str(found.get("rule", "")),
        (float(held["mean"]), held["low"], held["high"]) if held else None,
    )


def _gain(found: Mapping[str, Any] | None) -> Gain | None:
    if found is None:
        return None
    return Gain(
        float(found["difference"]),
        found["low"],
        found["high"],
        int(found["helped"]),
        int(found["hurt"]),
        int(found["unchanged"]),
        found.get("detectable"),
    )
