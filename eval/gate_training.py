"""A gate fitted on judged questions, and what it keeps and saves on others.

Every question is asked twice, with the gate closed and open; the stages before it run once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from eval.answers import Answer, Served, System
from eval.bench import Bench, Watch
from eval.compare import Difference, difference
from eval.dataset import load_dataset
from eval.fitted import fitted_notes, fitted_sets
from eval.gate_fit import Cases, Flags, Threshold, fitted
from eval.prefixes import Prefixes, Sharing, shared_by
from eval.prepared import Prepared, prepared
from eval.scoring import score
from eval.statistics import CONFIDENCE, RESAMPLES
from retrieval.config import build_pipeline, pipeline_tables
from retrieval.errors import ConfigError, InputError
from retrieval.inside import Inside
from retrieval.open_kit import Tools
from retrieval.pipeline import Pipeline
from retrieval.stages.gate import Gate, QueryClass, Signals, signals
from retrieval.types import Search

FOLDS = 2
EVERY: tuple[QueryClass, ...] = ("keywords", "question", "several")


@dataclass(frozen=True)
class GateTraining:
    """What a gate is fitted on: a dataset, and a pipeline with one gate that holds costly stages.

    `loss` is how much of the measure's mean may be lost against a gate that is always open.
    """

    bench: Bench
    metric: str = "nDCG@10"
    loss: float = 0.005
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the range. Raises: InputError."""
        if not 0 <= self.loss < 1:
            raise InputError(f"loss: from 0 up to 1, got {self.loss}.", "loss")


@dataclass(frozen=True)
class TrainedGate:
    """A threshold fitted on all questions (`tables`: the pipeline with it), and the evidence.

    The evidence is cross-fitted: each half of the questions is decided by the other's threshold.
    `kept` is the share of the costly stages' gain that the gate keeps, with its 95% interval, None
    where they gain nothing. `ms` is what those stages took for a question, on average.
    """

    tables: Sequence[Mapping[str, Any]]
    key: str
    about: Mapping[str, Any]
    threshold: Threshold
    halves: tuple[Threshold, ...]
    opened: float
    kept: tuple[float, float, float] | None
    differences: Mapping[str, Difference]
    ms: float

    def lines(self) -> list[str]:
        """Return the evidence and the thresholds as lines to print."""
        about, against = self.about, self.differences
        always, never = against["always open"], against["never open"]
        kept = "the stages behind it gain nothing that is sure: there is nothing to keep"
        if self.kept is not None:
            share, low, high = self.kept
            kept = f"{share:.0%} of what they gain is kept [{low:.0%}, {high:.0%}]"
        return [
            f"{about['name']} ({about['split']}): {always.queries} questions, each decided by"
            " the threshold of the other half",
            *(f"note: {each}" for each in about["notes"]),
            f"{about['metric']}: never open {never.baseline:.4f}, always open"
            f" {always.baseline:.4f}, gate {always.candidate:.4f}",
            *(f"  against {name}: {_change(each)}" for name, each in against.items()),
            f"open for {self.opened:.0%}: {1 - self.opened:.0%} of the calls saved; {kept}",
            f"the stages behind the gate take {self.ms:.1f} ms for a question",
            *(f"half {n}: {_shown(each)}" for n, each in enumerate(self.halves, 1)),
            f"fitted on all, for a loss of up to {about['loss']}: {_shown(self.threshold)}",
        ]

    def as_json(self) -> dict[str, Any]:
        """Return the evidence and the thresholds as JSON values."""
        return {
            "dataset": dict(self.about),
            "threshold": self.threshold._asdict(),
            "halves": [each._asdict() for each in self.halves],
            "opened": self.opened,
            "calls_saved": 1 - self.opened,
            "kept": None if self.kept is None else list(self.kept),
            "against": {name: asdict(each) for name, each in self.differences.items()},
            "ms": self.ms,
        }


def train_gate(training: GateTraining, tools: Tools, watch: Watch | None = None) -> TrainedGate:
    """Return the fitted gate of a pipeline, and what it is worth.

    The corpus is indexed first, where it is not yet. Raises: ConfigError for a pipeline without
    one gate at its top; InputError for too few questions; whatever a stage raises.
    """
    watch, bench = watch or Watch(), training.bench
    name, tables = pipeline_tables(bench.pipeline, tools.settings.pipelines_dir)
    pipeline = build_pipeline(name, tables)
    place = _place(pipeline)
    tools.load_models(Inside(name, (*pipeline.stages, *_gate(pipeline, place).then)))
    dataset = load_dataset(bench.dataset, bench.split, bench.queries)
    ready = prepared(bench, dataset, tools, watch)
    metric = ready.measure(training.metric)
    count = len(ready.asked.kept.queries)
    if count < 2 * FOLDS:
        raise InputError(f"{ready.name}: {count} questions are too few to fit on.", "dataset")
    asked = _asked(ready, pipeline, place, watch)
    closed, opened = (
        score(ready.asked.kept, answers, bench.cutoffs).scores.of(metric)
        for answers in (asked.closed, asked.open)
    )
    cases = Cases(_gate(pipeline, place), asked.signals, closed, opened)
    decided, halves = cross_fitted(cases, training)
    at = fitted(cases, training.loss)
    own = [dict(each) for each in tables]
    own[place] |= at.parameters()
    about = ready.asked.about() | {"metric": metric, "loss": training.loss, "pipeline": name}
    about["notes"] = fitted_notes(fitted_sets(pipeline.stages), about)
    return TrainedGate(
        own,
        build_pipeline(name, own).key,
        about,
        at,
        halves,
        float(decided.mean()),
        kept_share(cases, decided, training.seed),
        compared(metric, cases, decided),
        asked.ms,
    )


@dataclass(frozen=True)
class _Asked:
    """The answers by question with the gate closed and open, its signals in the same order.

    `ms` is what the stages behind it took, on average.
    """

    closed: Mapping[str, Answer]
    open: Mapping[str, Answer]
    signals: Sequence[Signals]
    ms: float


class _Seen:
    """A pipeline to be asked that keeps the search which came to its gate, of the first call."""

    def __init__(self, system: System, place: int) -> None:
        self._system, self._place = system, place
        self.states: list[Search] = []

    @property
    def name(self) -> str:
        return self._system.name

    def describe(self) -> dict[str, Any]:
        return self._system.describe()

    def __call__(self, query: str, limit: int) -> tuple[Search, ...]:
        states = self._system(query, limit)
        self.states.append(states[self._place - 1])
        return states


def _asked(ready: Prepared, pipeline: Pipeline, place: int, watch: Watch) -> _Asked:
    gate = _gate(pipeline, place)
    shut, wide = replace(gate, always=(), never=EVERY), replace(gate, always=EVERY, never=())
    pipelines = [_with(pipeline, place, each) for each in (shut, wide)]
    prefixes = Prefixes(ready.kit, shared_by(pipelines))
    closed, opened = (
        _Seen(Sharing(Served(each, ready.kit), prefixes), place) for each in pipelines
    )
    found: tuple[dict[str, Answer], dict[str, Answer]] = ({}, {})
    seen, ms = [], []
    queries = ready.asked.kept.queries
    for number, query in enumerate(queries, 1):
        closed.states.clear()
        for answers, system in zip(found, (closed, opened), strict=True):
            answers[query.id] = ready.asking.answer(system, query)
        if closed.states:
            seen.append(signals(closed.states[0], gate.first))
            ms.append(found[1][query.id].trace[place].ms)
        else:
            seen.append(signals(Search(query.text), gate.first))
        prefixes.forget()
        watch.asked(number, len(queries))
    return _Asked(*found, seen, float(np.mean(ms)))


def cross_fitted(cases: Cases, training: GateTraining) -> tuple[Flags, tuple[Threshold, ...]]:
    """Return for which questions the gate opens, by the threshold of the other half, and those."""
    random = np.random.default_rng(training.seed)
    half = random.permutation(len(cases.closed)) % FOLDS
    decided = np.zeros(len(half), dtype=bool)
    found = []
    for each in range(FOLDS):
        at = fitted(cases.part(half != each), training.loss)
        decided[half == each] = cases.part(half == each).opened(at)
        found.append(at)
    return decided, tuple(found)


def compared(metric: str, cases: Cases, decided: Flags) -> dict[str, Difference]:
    """Return the gate against one that is always open, never, and at random as often."""
    quality = cases.quality(decided)
    share = float(decided.mean())
    by_chance = cases.closed + share * (cases.open - cases.closed)
    baselines = {"always open": cases.open, "never open": cases.closed, "by chance": by_chance}
    return {name: difference(metric, each, quality) for name, each in baselines.items()}


def kept_share(cases: Cases, decided: Flags, seed: int) -> tuple[float, float, float] | None:
    """Return the share of the gain that is kept, and its 95% interval by resampled questions.

    None where the costly stages gain nothing, or where some resampled questions have no gain, so
    that there is nothing to have a share of.
    """
    gain = cases.open - cases.closed
    own = cases.quality(decided) - cases.closed
    random = np.random.default_rng(seed)
    drawn = random.integers(0, len(gain), (RESAMPLES, len(gain)))
    gains, owns = gain[drawn].mean(axis=1), own[drawn].mean(axis=1)
    tail = 100 * (1 - CONFIDENCE) / 2
    if np.percentile(gains, tail) <= 0:
        return None
    low, high = np.percentile(owns[gains > 0] / gains[gains > 0], [tail, 100 - tail])
    return float(own.mean() / gain.mean()), float(low), float(high)


def _change(each: Difference) -> str:
    sure = "" if each.low is None else f" [{each.low:+.4f}, {each.high:+.4f}]"
    return f"{each.difference:+.4f}{sure}, p {each.p:.4f}"


def _shown(at: Threshold) -> str:
    return f"{at.signal} {at.value:g}" if at.signal else "no signal"


def _place(pipeline: Pipeline) -> int:
    places = [at for at, stage in enumerate(pipeline.stages) if isinstance(stage, Gate)]
    if len(places) != 1 or not _gate(pipeline, places[0]).then:
        raise ConfigError(
            f"Pipeline {pipeline.name!r}: one gate with stages in `then` is needed, not inside"
            f" another stage; it has {len(places)}."
        )
    return places[0]


def _gate(pipeline: Pipeline, place: int) -> Gate:
    gate = pipeline.stages[place]
    assert isinstance(gate, Gate)
    return gate


def _with(pipeline: Pipeline, place: int, gate: Gate) -> Pipeline:
    stages = (*pipeline.stages[:place], gate, *pipeline.stages[place + 1 :])
    return Pipeline(pipeline.name, stages)
