"""Tuning without fooling oneself: values are chosen on some questions and measured on others.

Nested cross-validation: each fold's questions are measured with values that a search chose on all
other folds. A combination of values holds nothing that was fitted, so that its mean over those
questions is what an inner cross-validation over them would give.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eval.bench import Bench, Watch
from eval.dataset import load_dataset
from eval.prepared import Prepared, prepared
from eval.promotion import write_pipeline
from eval.results import new_folder
from eval.statistics import EQUAL, Values
from eval.tuning_result import Fold, Tuned
from eval.tuning_search import Index, search
from eval.tuning_space import Choice, Space, space_of
from eval.tuning_trials import Trials
from retrieval.config import pipeline_tables
from retrieval.errors import InputError
from retrieval.open_kit import Tools

RESULT, PIPELINE = "tune.json", "pipeline.toml"
REFUSED = -1.0
"""The goal of a combination that the stages refuse: below every measure."""


@dataclass(frozen=True)
class Tuning:
    """What is tuned: a pipeline's parameters, as texts such as `fuse.alpha=0..1`, on a dataset.

    `trials` is the most combinations that one search tries; there is one for each fold, and one
    for all questions. `out` is a folder, one is made under the data directory where it is None.
    """

    bench: Bench
    parameters: tuple[str, ...]
    metric: str = "nDCG@10"
    folds: int = 5
    trials: int = 60
    out: Path | None = None

    def __post_init__(self) -> None:
        """Check the ranges. Raises: InputError."""
        for name, least, most in (("folds", 2, 100), ("trials", 2, 10_000)):
            if not least <= getattr(self, name) <= most:
                found = getattr(self, name)
                raise InputError(f"{name}: {least} to {most}, got {found}.", name)

    def check_folds(self, queries: int) -> None:
        """Check that each fold gets a question. Raises: InputError."""
        if queries < self.folds:
            raise InputError(
                f"{self.folds} folds need as many judged questions, got {queries}.", "folds"
            )


class Tuner:
    """Chooses values on some of the questions; each combination is measured once for all folds."""

    def __init__(self, tuning: Tuning, ready: Prepared, space: Space, watch: Watch) -> None:
        """Try nothing yet. Raises: InputError for a measure that the dataset has not."""
        self.tuning = tuning
        self.space = space
        self.metric = ready.measure(tuning.metric)
        self.trials = Trials(ready, space, self.metric)
        self._watch = watch
        self._asked = 0
        self._sizes = [len(each.values) for each in space.parameters]

    def values(self, choice: Choice) -> Values:
        """Return the measure of each question with values that were not refused."""
        found = self.trials.values(choice)
        assert found is not None
        return found

    def choose(self, rest: NDArray[np.bool_]) -> Choice:
        """Return the best values on some questions, of those that a search on them tried.

        The untuned values are tried too; of equally good ones, those nearest to them are taken.
        """
        best = (-np.inf, "")
        total = min(self.tuning.trials, prod(self._sizes)) * (self.tuning.folds + 1)

        def goal(index: Index) -> float:
            nonlocal best
            values = self.trials.values(self._choice(index))
            mean = REFUSED if values is None else float(values[rest].mean())
            best = max(best, (mean, f"best {mean:.4f}"))
            self._asked += 1
            self._watch.tuned(self._asked, total, best[1])
            return mean

        tried = [self._choice(each) for each in search(goal, self._sizes, self.tuning.trials)]
        found = [each for each in tried if self.trials.values(each) is not None]
        candidates = [self.space.untuned, *found]
        means = [float(self.values(each)[rest].mean()) for each in candidates]
        near = [c for c, m in zip(candidates, means, strict=True) if m >= max(means) - EQUAL]
        return min(near, key=self._distance)

    def _choice(self, index: Index) -> Choice:
        return tuple(each.values[at] for each, at in zip(self.space.parameters, index, strict=True))

    def _distance(self, choice: Choice) -> tuple[int, float]:
        """Return how many values were changed, and how far those in ranges moved in all."""
        changed, moved = 0, 0.0
        for parameter, value in zip(self.space.parameters, choice, strict=True):
            changed += value != parameter.untuned
            if parameter.ordered and isinstance(parameter.untuned, int | float):
                width = parameter.values[-1] - parameter.values[0]
                moved += abs(value - parameter.untuned) / width
        return changed, moved


def tune(tuning: Tuning, tools: Tools, watch: Watch | None = None) -> tuple[Tuned, Path]:
    """Tune a pipeline, write the result and the tuned pipeline; return it and their folder.

    Parameters and folds are checked before anything is indexed. Raises: AssayError.
    """
    watch, bench = watch or Watch(), tuning.bench
    name, tables = pipeline_tables(bench.pipeline, tools.settings.pipelines_dir)
    space = space_of(name, tables, tuning.parameters)
    tools.load_models(space.pipeline(space.untuned))
    dataset = load_dataset(bench.dataset, bench.split, bench.queries)
    tuning.check_folds(len(dataset.judgments))
    folder = _opened(
        tuning.out or new_folder(tools.settings.data_dir, dataset.name, f"{name}-tuned")
    )
    ready = prepared(bench, dataset, tools, watch)
    queries = len(ready.asked.kept.queries)
    tuning.check_folds(queries)
    tuner = Tuner(tuning, ready, space, watch)
    dealt = np.random.default_rng(bench.seed).permutation(queries) % tuning.folds
    found = _cross_validated(tuner, dealt, ready.asked.about())
    _write(folder, found)
    return found, folder


def _cross_validated(tuner: Tuner, dealt: NDArray[np.int64], about: dict[str, object]) -> Tuned:
    """Return what tuning brings on questions that were dealt over folds."""
    untuned = tuner.values(tuner.space.untuned)
    held_out, seen = np.empty_like(untuned), np.zeros_like(untuned)
    folds = []
    for fold in range(tuner.tuning.folds):
        own = dealt == fold
        choice = tuner.choose(~own)
        values = tuner.values(choice)
        held_out[own] = values[own]
        seen[~own] += values[~own] / (tuner.tuning.folds - 1)
        folds.append(
            Fold(
                int(own.sum()),
                choice,
                float(values[~own].mean()),
                float(values[own].mean()),
                (float(untuned[~own].mean()), float(untuned[own].mean())),
            )
        )
    final = tuner.choose(np.ones_like(dealt, dtype=bool))
    return Tuned(
        metric=tuner.metric,
        dataset=about,
        space=tuner.space,
        folds=tuple(folds),
        untuned=untuned,
        held_out=held_out,
        seen=seen,
        final=final,
        best=float(tuner.values(final).mean()),
        tried=tuner.trials.count,
        refused=tuner.trials.refused,
    )


def _opened(folder: Path) -> Path:
    """Make the folder. Raises: InputError for one that holds something else."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        other = sorted({each.name for each in folder.iterdir()} - {RESULT, PIPELINE})
    except OSError as error:
        raise InputError(f"{folder} cannot be made: {error.strerror}.", "out") from error
    if other:
        raise InputError(
            f"{folder} holds {other[0]!r}, which tuning did not write; give another folder.", "out"
        )
    return folder


def _write(folder: Path, found: Tuned) -> None:
    text = json.dumps(found.as_json(), ensure_ascii=False, indent=2)
    (folder / RESULT).write_text(text + "\n", encoding="utf-8")
    tables: Sequence[dict[str, object]] = found.space.tables_with(found.final)
    key = found.space.pipeline(found.final).key
    write_pipeline(folder / PIPELINE, tables, found.about(), key)
