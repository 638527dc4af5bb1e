"""What a ladder found: numbers by dataset and rung, verdicts, a winner and the front."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eval.ladder_file import Ladder
from eval.ladder_verdict import Judgement, judged_rungs
from eval.ladder_winner import Winner, front, winner
from eval.results import Run
from eval.statistics import Values


@dataclass(frozen=True)
class Seconds:
    """What the questions took: `shared` with shared prefixes, `separate` rung by rung.

    `most_expensive` is the rung that takes longest alone.
    """

    shared: float
    separate: float
    most_expensive: float

    @property
    def ratio(self) -> float:
        """How often the most expensive rung could have been asked in the time of all."""
        return self.shared / self.most_expensive if self.most_expensive else 1.0


@dataclass(frozen=True)
class OnDataset:
    """The rungs on one dataset: their runs, and what each brought."""

    runs: tuple[Run, ...]
    judgements: tuple[Judgement, ...]

    @property
    def about(self) -> Mapping[str, Any]:
        """What the manifest says of the dataset."""
        found: Mapping[str, Any] = self.runs[0].manifest["dataset"]
        return found

    @property
    def notes(self) -> list[str]:
        """What a reader should know before believing the figures, each with the rungs it is of."""
        found: dict[str, list[str]] = {}
        for run in self.runs:
            for note in run.notes:
                found.setdefault(note, []).append(str(run.manifest["ladder"]["rung"]))
        return [f"{', '.join(names)}: {note}" for note, names in found.items()]

    @property
    def seconds(self) -> Seconds:
        """What the questions took."""
        each = [run.manifest["ladder"] for run in self.runs]
        alone = [float(one["alone_s"]) for one in each]
        return Seconds(sum(float(one["executed_s"]) for one in each), sum(alone), max(alone))


@dataclass(frozen=True)
class Climbed:
    """A ladder that was climbed on every dataset.

    `overall` is what each rung brought over several datasets, each counting the same; empty for
    one. `front` are the rungs that no other beats in quality, time and cost.
    """

    folder: Path
    ladder: Ladder
    metric: str
    margin: float
    datasets: tuple[OnDataset, ...]
    overall: tuple[Judgement, ...]
    winner: Winner
    front: tuple[int, ...]

    def mean(self, rung: int) -> float:
        """Return a rung's mean over the datasets."""
        return float(np.mean([self.measure(each.runs[rung])["mean"] for each in self.datasets]))

    def measure(self, run: Run) -> Mapping[str, Any]:
        """Return mean and interval of the ladder's measure in a run."""
        found: Mapping[str, Any] = run.metrics["measures"][self.metric]
        return found

    def p50_ms(self, rung: int) -> float:
        """Return the mean over the datasets of a rung's median time."""
        times = [each.runs[rung].metrics["latency"].get("p50_ms", 0.0) for each in self.datasets]
        return float(np.mean(times))

    def usd(self, rung: int) -> float:
        """Return the mean over the datasets of what a question costs."""
        return float(np.mean([each.runs[rung].metrics["cost"]["usd"] for each in self.datasets]))

    @property
    def notes(self) -> list[str]:
        """What a reader should know before believing the figures, with the dataset it is of."""
        return [f"{each.about['name']}: {note}" for each in self.datasets for note in each.notes]

    def as_json(self) -> dict[str, Any]:
        """Return the ladder as JSON values."""
        names = [each.name for each in self.ladder.rungs]
        overall = [
            {"name": name, "mean": self.mean(n), **each.as_json()}
            for n, (name, each) in enumerate(zip(names, self.overall, strict=False))
        ]
        return {
            "ladder": self.ladder.name,
            "drop_one": self.ladder.drop_one,
            "metric": self.metric,
            "margin": self.margin,
            "notes": [*self.ladder.notes, *self.notes],
            "datasets": [self._dataset(each) for each in self.datasets],
            "overall": overall,
            "winner": self.winner.as_json(self.ladder.rungs)
            | {"p50_ms": self.p50_ms(self.winner.rung), "usd": self.usd(self.winner.rung)},
            "front": [
                {"name": names[n], "metric": self.mean(n), "p50_ms": self.p50_ms(n)}
                | {"usd": self.usd(n)}
                for n in self.front
            ],
        }

    def _dataset(self, found: OnDataset) -> dict[str, Any]:
        rungs = zip(self.ladder.rungs, found.runs, found.judgements, strict=True)
        return {
            "name": found.about["name"],
            "split": found.about["split"],
            "hash": found.about["hash"],
            "queries": found.about["queries"],
            "rungs": [
                {
                    "name": rung.name,
                    "on": None if rung.on is None else self.ladder.rungs[rung.on].name,
                    "without": rung.without,
                    "stages": [dict(each) for each in rung.tables],
                    "key": rung.pipeline.key,
                    "fingerprint": run.manifest["system"]["fingerprint"],
                    "run": run.folder.relative_to(self.folder).as_posix(),
                    "measures": run.metrics["measures"],
                    **judgement.as_json(),
                    "latency": run.metrics["latency"],
                    "cost": run.metrics["cost"],
                }
                for rung, run, judgement in rungs
            ],
            "seconds": vars(found.seconds) | {"ratio": found.seconds.ratio},
        }


def climbed(
    place: tuple[Path, Ladder], runs: Sequence[Sequence[Run]], metric: str, margin: float
) -> Climbed:
    """Return what the runs of a ladder in its folder say, by dataset and rung."""
    folder, ladder = place
    values: list[list[Values]] = [[run.scores.of(metric) for run in each] for each in runs]
    datasets = tuple(
        OnDataset(tuple(own), tuple(judged_rungs(metric, ladder.rungs, [each], margin)))
        for own, each in zip(runs, values, strict=True)
    )
    overall: list[Judgement] = []
    if len(datasets) > 1:
        overall = judged_rungs(metric, ladder.rungs, values, margin)
    worse = [any(each.judgements[n].worse for each in datasets) for n in range(len(ladder.rungs))]
    best = winner(metric, ladder.rungs, values, worse)
    found = Climbed(folder, ladder, metric, margin, datasets, tuple(overall), best, ())
    every = range(len(ladder.rungs))
    on_front = front(
        [found.mean(n) for n in every], [(found.p50_ms(n), found.usd(n)) for n in every]
    )
    return Climbed(folder, ladder, metric, margin, datasets, tuple(overall), best, tuple(on_front))
