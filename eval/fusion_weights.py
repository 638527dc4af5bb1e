"""The share of the dense leg by domain, fitted on judged questions, and what it is worth on others.

Every question is searched once; its rankings are then fused at each share of a grid.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.answers import Answer
from eval.bench import Bench, Watch
from eval.compare import Difference, difference
from eval.dataset import load_dataset
from eval.fitted import fitted_notes, fitted_sets
from eval.prepared import Prepared, prepared
from eval.results import grid
from eval.router_examples import DOMAIN, field_of
from eval.router_training import folds
from eval.scoring import score
from retrieval.config import build_pipeline, pipeline_tables
from retrieval.errors import ConfigError, InputError
from retrieval.open_kit import Tools
from retrieval.pipeline import Pipeline, states
from retrieval.stages.fuse import Fuse
from retrieval.types import Search

FOLDS = 2
SHARES = tuple(number / 20 for number in range(21))
AS_GIVEN, ONE, BY_ROUTE, BY_LABEL = "as given", "one for all", "by domain", "by the true domain"
Grid = NDArray[np.float64]
"""The measure of each question (columns) at each share of `SHARES` (rows)."""


@dataclass(frozen=True)
class FusionTraining:
    """What shares are fitted on: a dataset with domains, and a pipeline with one `fuse`.

    `route` is the table of the stage that says the domains, where the pipeline has none before
    its `fuse`. `label` is where queries carry theirs. `prior` is the weight, in questions, with
    which all questions speak for a domain beside its own.
    """

    bench: Bench
    route: Mapping[str, Any]
    label: str = DOMAIN
    metric: str = "nDCG@10"
    prior: float = 20.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the range. Raises: InputError."""
        if self.prior < 0:
            raise InputError(f"prior: 0 or more, got {self.prior}.", "prior")


@dataclass(frozen=True)
class Fitted:
    """The share of the dense leg for all questions, and those for the questions of each domain."""

    alpha: float
    domains: Mapping[str, float]


@dataclass(frozen=True)
class FusionWeights:
    """Shares fitted on all questions (`tables`: the pipeline with them), and the evidence.

    The evidence is cross-fitted: each half of the questions is fused by the other's shares.
    `against` are differences by the way that shares are chosen, to those `AS_GIVEN`; `beside` is
    that of shares by domain to one fitted share for all.
    """

    tables: Sequence[Mapping[str, Any]]
    key: str
    about: Mapping[str, Any]
    fitted: Fitted
    halves: tuple[Fitted, ...]
    counts: Mapping[str, int]
    against: Mapping[str, Difference]
    beside: Difference

    def lines(self) -> list[str]:
        """Return the evidence and the shares as lines to print."""
        about = self.about
        rows = [["share of the dense leg", about["metric"], "change [95%]", "p"]]
        rows += [[name, *_cells(each)] for name, each in self.against.items()]
        halves = [f"half {n}" for n in range(1, len(self.halves) + 1)]
        table = [["domain", "questions", "fitted on all", *halves]]
        every = (self.fitted, *self.halves)
        for name, count in {"one for all": sum(self.counts.values()), **self.counts}.items():
            alphas = [f"{each.domains.get(name, each.alpha):.2f}" for each in every]
            table.append([name, str(count), *alphas])
        verdict = "by domain beside one for all: "
        change = f"{self.beside.difference:+.4f}"
        return [
            f"{about['name']} ({about['split']}): {self.beside.queries} questions, each fused by"
            " the shares of the other half",
            *(f"note: {each}" for each in about["notes"]),
            *grid(rows),
            f"{verdict}{change}{_ends(self.beside)}, p {self.beside.p:.4f}",
            "",
            *grid(table),
        ]

    def as_json(self) -> dict[str, Any]:
        """Return the evidence and the shares as JSON values."""
        return {
            "dataset": dict(self.about),
            "fitted": asdict(self.fitted),
            "halves": list(map(asdict, self.halves)),
            "questions": dict(self.counts),
            "against": {name: asdict(each) for name, each in self.against.items()},
            "by domain beside one for all": asdict(self.beside),
        }


def fit_fusion(training: FusionTraining, tools: Tools, watch: Watch | None = None) -> FusionWeights:
    """Return the fitted shares of a pipeline's fusion, and what they are worth.

    The corpus is indexed first, where it is not yet. Raises: ConfigError for a pipeline without
    one `fuse` at its top; InputError for a query without a domain, and for too few questions.
    """
    watch, bench = watch or Watch(), training.bench
    name, tables = pipeline_tables(bench.pipeline, tools.settings.pipelines_dir)
    own = [dict(each) for each in tables]
    place = _place(build_pipeline(name, own))
    if not any(each["use"] == "route" for each in own[:place]):
        own, place = [dict(training.route), *own], place + 1
    pipeline = build_pipeline(name, own)
    ready = prepared(bench, load_dataset(bench.dataset, bench.split), tools, watch)
    asked = _Asked(ready, pipeline, place, ready.measure(training.metric))
    truth = tuple(
        field_of({"metadata": dict(each.meta)}, training.label, f"query {each.id}")
        for each in ready.asked.kept.queries
    )
    if len(truth) < 2 * FOLDS:
        raise InputError(f"{ready.name}: {len(truth)} questions are too few to fit on.", "dataset")
    searches = asked.searches(watch)
    found = np.array([asked.values(searches, Fitted(each, {})) for each in SHARES])
    chosen = shares_of(found, truth, training.prior)
    values, halves = _cross_fitted(asked, searches, (found, truth), training)
    own[place] |= {"alpha": chosen.alpha, "domains": dict(chosen.domains)}
    about = ready.asked.about() | {"metric": asked.metric, "pipeline": name}
    about["notes"] = fitted_notes(fitted_sets(pipeline.stages), about)
    return FusionWeights(
        own,
        build_pipeline(name, own).key,
        about,
        chosen,
        halves,
        {domain: truth.count(domain) for domain in sorted(set(truth))},
        {way: difference(asked.metric, values[AS_GIVEN], each) for way, each in values.items()},
        difference(asked.metric, values[ONE], values[BY_ROUTE]),
    )


def shares_of(found: Grid, truth: Sequence[str], prior: float) -> Fitted:
    """Return the best share for all questions, and for those of each domain.

    A domain's is the best for its n questions, of weight 1 each, together with the mean of all
    questions, of weight `prior`: what few questions say counts little. Of equally good shares the
    one next to that for all is taken, for all the one next to 1/2.
    """
    whole = found.mean(axis=1)
    one = _best(whole, 0.5)
    domains = {}
    for each in sorted(set(truth)):
        at = np.array([domain == each for domain in truth])
        domains[each] = _best(found[:, at].sum(axis=1) + prior * whole, one)
    return Fitted(one, domains)


@dataclass(frozen=True)
class _Asked:
    """Asks a dataset's questions up to the fusion, and fuses them."""

    ready: Prepared
    pipeline: Pipeline
    place: int
    metric: str

    @property
    def fuse(self) -> Fuse:
        stage = self.pipeline.stages[self.place]
        assert isinstance(stage, Fuse)
        return stage

    def searches(self, watch: Watch) -> list[Search]:
        """Return what comes to the fusion, by question."""
        front = Pipeline(self.pipeline.name, self.pipeline.stages[: self.place + 1])
        kit, depth = self.ready.kit.at(None, None, strict=True), self.ready.asked.bench.depth
        queries = self.ready.asked.kept.queries
        found = []
        for number, each in enumerate(queries, 1):
            found.append(states(front, Search.of(each.text, depth), kit)[self.place - 1])
            watch.asked(number, len(queries))
        return found

    def values(self, searches: Sequence[Search], shares: Fitted) -> NDArray[np.float64]:
        """Return the measure of each question, fused by these shares and its route's domains."""
        fuse = replace(self.fuse, alpha=shares.alpha, domains=tuple(shares.domains.items()))
        return self.scored([fuse(each, self.ready.kit) for each in searches])

    def scored(self, fused: Sequence[Search]) -> NDArray[np.float64]:
        """Return the measure of each question."""
        answers: dict[str, Answer] = {}
        for query, search in zip(self.ready.asked.kept.queries, fused, strict=True):
            cut = replace(search, hits=search.hits[: search.limit])
            answers[query.id] = self.ready.asking.taken(query, (cut,), 0.0)
        kept, cutoffs = self.ready.asked.kept, self.ready.asked.bench.cutoffs
        return score(kept, answers, cutoffs).scores.of(self.metric)


def _cross_fitted(
    asked: _Asked,
    searches: Sequence[Search],
    cases: tuple[Grid, tuple[str, ...]],
    training: FusionTraining,
) -> tuple[dict[str, NDArray[np.float64]], tuple[Fitted, ...]]:
    """Return the measure of each question by the shares of the other half, by way, and those."""
    found, truth = cases
    half = folds(truth, training.seed, FOLDS)
    values = {AS_GIVEN: asked.scored([asked.fuse(each, asked.ready.kit) for each in searches])}
    values |= {way: np.zeros(len(truth)) for way in (ONE, BY_ROUTE, BY_LABEL)}
    halves = []
    for number in range(FOLDS):
        fitted = shares_of(
            found[:, half != number],
            [domain for domain, its in zip(truth, half, strict=True) if its != number],
            training.prior,
        )
        at = half == number
        values[ONE][at] = found[SHARES.index(fitted.alpha), at]
        values[BY_ROUTE][at] = asked.values(searches, fitted)[at]
        for row in np.flatnonzero(at):
            share = fitted.domains.get(truth[row], fitted.alpha)
            values[BY_LABEL][row] = found[SHARES.index(share), row]
        halves.append(fitted)
    return values, tuple(halves)


def _best(goal: NDArray[np.float64], near: float) -> float:
    best = goal.max()
    good = [share for share, value in zip(SHARES, goal, strict=True) if value >= best - 1e-12]
    return min(good, key=lambda share: (abs(share - near), share))


def _place(pipeline: Pipeline) -> int:
    places = [at for at, stage in enumerate(pipeline.stages) if isinstance(stage, Fuse)]
    if len(places) != 1 or places[0] == 0:
        raise ConfigError(
            f"Pipeline {pipeline.name!r}: one 'fuse' behind the legs is needed, not inside another"
            f" stage; it has {len(places)}."
        )
    return places[0]


def _cells(each: Difference) -> list[str]:
    return [f"{each.candidate:.4f}", f"{each.difference:+.4f}{_ends(each)}", f"{each.p:.4f}"]


def _ends(each: Difference) -> str:
    return "" if each.low is None else f" [{each.low:+.4f}, {each.high:+.4f}]"
