"""What tuning found: the cross-validated figure, its optimism, and how stable the choice is."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eval.compare import Difference, difference
from eval.fitted import fitted_notes, fitted_sets
from eval.ladder_verdict import difference_json, significant
from eval.results import few, grid
from eval.statistics import Values, intervals
from eval.tuning_space import Choice, Space


@dataclass(frozen=True)
class Fold:
    """A part of the questions, and the values that were chosen on all others.

    `train` and `test` are the means with these values there and here, `untuned` those without
    tuning, in the same order.
    """

    queries: int
    choice: Choice
    train: float
    test: float
    untuned: tuple[float, float]


@dataclass(frozen=True)
class Mean:
    """A mean over questions with its 95% interval; none for one question."""

    mean: float
    low: float | None
    high: float | None

    @classmethod
    def of(cls, values: Values) -> "Mean":
        """Return the mean of values."""
        low, high = (float(end[0]) for end in intervals(values[:, None]))
        if np.isnan(low):
            return cls(float(values.mean()), None, None)
        return cls(float(values.mean()), low, high)

    def text(self, sign: str = "") -> str:
        """Return it as text."""
        interval = "" if self.low is None else f" [{self.low:{sign}.4f}, {self.high:{sign}.4f}]"
        return f"{self.mean:{sign}.4f}{interval}"


@dataclass(frozen=True)
class Tuned:
    """A tuned pipeline. The values of `untuned`, `held_out` and `seen` are those of the questions.

    `held_out`: each question with the values that were chosen without it; `seen`: with those that
    were chosen with it, the mean over the folds that had it. `final` are the values chosen on all
    questions, `best` their mean there. `refused` counts combinations by the reason.
    """

    metric: str
    dataset: Mapping[str, Any]
    space: Space
    folds: tuple[Fold, ...]
    untuned: Values
    held_out: Values
    seen: Values
    final: Choice
    best: float
    tried: int
    refused: Mapping[str, int]

    @property
    def change(self) -> Difference:
        """What tuning brings: questions with values chosen without them, against the untuned."""
        return difference(self.metric, self.untuned, self.held_out)

    @property
    def optimism(self) -> Mean:
        """What a question gains by being tuned on: train minus test, question by question.

        The difficulty of a fold is not in it: both figures are of the same questions.
        """
        return Mean.of(self.seen - self.held_out)

    @property
    def notes(self) -> list[str]:
        """What a reader should know of the pipeline before believing the figures."""
        sets: dict[str, str] = {}
        for choice in (self.space.untuned, *(fold.choice for fold in self.folds), self.final):
            sets |= fitted_sets(self.space.pipeline(choice).stages)
        return fitted_notes(sets, self.dataset)

    @property
    def advice(self) -> str:
        """What to do with it."""
        gained = significant(self.change, self.change.p)
        if gained > 0:
            return "take the tuned values: they are significantly better on other questions"
        worse = "significantly worse" if gained < 0 else "not significantly better"
        return f"keep the untuned values: tuned ones are {worse} on other questions"

    def about(self) -> list[str]:
        """Return what a pipeline file says of how it was tuned."""
        values = ", ".join(f"{k} = {v}" for k, v in self.space.named(self.final).items())
        change = self.change
        return [
            f"{self.space.name}, tuned on the {len(self.untuned)} questions of"
            f" {self.dataset['name']} ({self.dataset['split']}): {values}",
            f"its own figure is the cross-validated one, {self.metric}"
            f" {Mean.of(self.held_out).text()}, {change.difference:+.4f} against the untuned"
            f" pipeline, p {change.p:.4f}; {self.best:.4f} on the questions it was tuned on is"
            " optimistic",
            *self.notes,
            f"dataset {str(self.dataset['hash'])[:12]}, pipeline key"
            f" {self.space.pipeline(self.final).key}",
        ]

    def as_json(self) -> dict[str, Any]:
        """Return the result as JSON values."""
        final = self.space.pipeline(self.final)
        return {
            "metric": self.metric,
            "dataset": {name: self.dataset[name] for name in ("name", "split", "hash", "queries")},
            "pipeline": self.space.name,
            "parameters": [
                {"name": each.name, "low": each.values[0], "high": each.values[-1]}
                | {"values": None if each.ordered else list(each.values)}
                | {"untuned": each.untuned, "final": self.final[n]}
                | {"folds": [fold.choice[n] for fold in self.folds]}
                for n, each in enumerate(self.space.parameters)
            ],
            "folds": [
                vars(fold) | {"choice": self.space.named(fold.choice)} for fold in self.folds
            ],
            "untuned": vars(Mean.of(self.untuned)),
            "cross_validated": vars(Mean.of(self.held_out)),
            "change": difference_json(self.change),
            "optimism": vars(self.optimism),
            "notes": self.notes,
            "advice": self.advice,
            "final": {
                "choice": self.space.named(self.final),
                "train": self.best,
                "key": final.key,
                "stages": self.space.tables_with(self.final),
            },
            "tried": self.tried,
            "refused": dict(self.refused),
        }

    def lines(self) -> list[str]:
        """Return the result as lines to print."""
        change = self.change
        title = f"{self.dataset['name']} ({self.dataset['split']}): {len(self.untuned)} queries"
        return [
            f"{title}, {len(self.folds)} folds, {self.tried} combinations tried",
            *(f"note: {each}" for each in few(len(self.untuned))),
            *(f"refused {count}: {why}" for why, count in self.refused.items()),
            *(f"note: {each}" for each in self.notes),
            "",
            *grid(self._table()),
            "",
            *(self._stability(n) for n in range(len(self.space.parameters))),
            "",
            f"untuned          {self.metric} {Mean.of(self.untuned).text()}",
            f"cross-validated  {self.metric} {Mean.of(self.held_out).text()}",
            f"change           {change.difference:+.4f}{_interval(change)}, p {change.p:.4f}"
            f" (randomisation), {change.helped}/{change.hurt}/{change.unchanged} queries helped,"
            f" hurt, unchanged; shows {_number(change.detectable)}: {change.verdict}",
            f"optimism         {self.optimism.text('+')} (train minus test, of the same questions)",
            "",
            f"with values tuned on all questions: {self.best:.4f} on these very questions; the"
            " figure to quote is the cross-validated one",
            f"advice: {self.advice}",
        ]

    def _table(self) -> list[list[str]]:
        names = [each.name for each in self.space.parameters]
        rows = [["fold", *names, "train", "test", "untuned train", "untuned test"]]
        for number, fold in enumerate(self.folds, 1):
            means = (fold.train, fold.test, *fold.untuned)
            rows.append([f"{number}", *map(str, fold.choice), *(f"{each:.4f}" for each in means)])
        mean = np.mean([(f.train, f.test, *f.untuned) for f in self.folds], axis=0)
        rows.append(["mean", *("" for _ in names), *(f"{each:.4f}" for each in mean)])
        rows.append(["all", *map(str, self.final), f"{self.best:.4f}", "", "", ""])
        return rows

    def _stability(self, number: int) -> str:
        """Say how often folds agree on a parameter, and how far they lie apart."""
        parameter = self.space.parameters[number]
        values: Sequence[Any] = [fold.choice[number] for fold in self.folds]
        _, count = Counter(values).most_common(1)[0]
        line = f"{parameter.name}: {parameter.untuned} untuned, {self.final[number]} chosen on all"
        if not parameter.ordered:
            return f"{line}; {count} of {len(values)} folds agree"
        low, high = min(values), max(values)
        width = (high - low) / (parameter.values[-1] - parameter.values[0])
        return f"{line}; folds from {low} to {high}, {100 * width:.0f}% of the range"


def _interval(found: Difference) -> str:
    return "" if found.low is None else f" [{found.low:+.4f}, {found.high:+.4f}]"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
