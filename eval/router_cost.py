"""What routing does to a dataset's measures, and what each wrong route costs.

The `route` stage itself is put into a pipeline, so that what is measured is what is served. Beside
it stand the same pipeline without a route, and an oracle that filters by the query's own label.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from eval.answers import Answer, Asking, Served
from eval.bench import Watch
from eval.compare import Difference, difference
from eval.corpus import Corpus, judged
from eval.dataset import load_dataset
from eval.indexing import cut_of, index_corpus, index_for
from eval.questions import Query
from eval.results import grid
from eval.router_examples import field_of, questions, text_at
from eval.router_training import Fit, Labelled, Training, folds, train
from eval.scores import Scores
from eval.scoring import score
from ingestion.document import Document
from ingestion.load import Loaded, LoadOptions, load
from retrieval.config import load_pipeline
from retrieval.errors import InputError
from retrieval.filters import AnyOf, Equals, Filter
from retrieval.kit import Kit
from retrieval.open_kit import Tools
from retrieval.pipeline import Pipeline, states
from retrieval.stages.route import Route
from retrieval.types import Search

MEASURES = ("nDCG@10", "R@100")
DEPTH = 100
PLAIN, ORACLE = "no route", "oracle"


@dataclass(frozen=True)
class RoutedDataset:
    """A dataset, a pipeline, and the routes to try.

    Queries and documents carry their domain at `label` (`metadata.domain`); a document without
    one is in no domain.
    `routes` are hard and soft ones by name, without a router. Without a `router` file one is
    fitted for each of `fold_count` parts of the queries, on the queries of the other parts.
    """

    folder: Path
    label: str
    routes: Mapping[str, Route]
    pipeline: str = "hybrid"
    split: str | None = None
    router: Path | None = None
    fold_count: int = 2
    fit: Fit = field(default_factory=Fit)

    def __post_init__(self) -> None:
        """Check the folds. Raises: InputError."""
        if self.fold_count < 2:
            raise InputError(f"folds: 2 or more, got {self.fold_count}.")


@dataclass(frozen=True)
class WrongRoute:
    """Questions of one domain that a hard route narrowed to others, and what that changed.

    `changes` are mean differences to no route, by measure.
    """

    truth: str
    called: str
    queries: int
    changes: Mapping[str, float]


@dataclass(frozen=True)
class RouteCosts:
    """The measures of each way, as differences to no route, and the wrong routes of hard ones.

    `narrowed` is the share of questions that a hard route narrowed, by its name.
    """

    differences: Mapping[str, tuple[Difference, ...]]
    narrowed: Mapping[str, float]
    wrong: Mapping[str, tuple[WrongRoute, ...]]

    def as_json(self) -> dict[str, Any]:
        """Return the costs as JSON values."""
        return asdict(self)

    def lines(self) -> list[str]:
        """Return the costs as lines to print."""
        header = [""]
        for measure in MEASURES:
            header += [measure, "change [95%]", "p"]
        rows = [header]
        for name, found in self.differences.items():
            rows.append([name, *(cell for each in found for cell in _cells(each))])
        lines = grid(rows)
        for name, wrong in self.wrong.items():
            lines += ["", f"{name}: {self.narrowed[name]:.1%} of the questions are narrowed"]
            table = [["wrong: truth", "called", "queries", *MEASURES]]
            table += [
                [w.truth, w.called, str(w.queries), *(f"{w.changes[m]:+.4f}" for m in MEASURES)]
                for w in wrong
            ]
            lines += grid(table) if wrong else ["no wrong route"]
        return lines


@dataclass(frozen=True)
class Way(Served):
    """A pipeline that remembers which domains each question, by its text, was narrowed to.

    `filters` are those that questions come with.
    """

    filters: Mapping[str, Filter] = field(default_factory=dict)
    narrowed: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def __call__(self, query: str, limit: int) -> tuple[Search, ...]:
        """Run the pipeline, without a deadline."""
        search = Search.of(query, limit, self.filters.get(query))
        found = states(self.pipeline, search, self.kit.at(None, None, strict=True))
        filter = found[-1].filter
        to = filter.values if isinstance(filter, AnyOf) else ()
        self.narrowed[query] = tuple(map(str, to))
        return found


def route_costs(asked: RoutedDataset, tools: Tools, watch: Watch | None = None) -> RouteCosts:
    """Measure every way on a dataset, which is indexed first where it is not yet.

    Raises: AssayError where something is missing; InputError where a query has no label.
    """
    dataset = load_dataset(asked.folder, asked.split)
    corpus = Corpus(dataset.judged_documents)
    pipeline = load_pipeline(asked.pipeline, tools.settings.pipelines_dir)
    cut = cut_of(dataset, None, None)
    name = index_for(dataset, cut, tools)
    items = corpus.seen(_in_domains(load([dataset.corpus], LoadOptions()), asked.label))
    index_corpus(items, (name, cut), tools, (watch or Watch()).indexing)
    kept, kit = judged(dataset, corpus), tools.kit(name)
    truth = {
        each.id: field_of({"metadata": dict(each.meta)}, asked.label, f"query {each.id}")
        for each in kept.queries
    }
    own: dict[str, Filter] = {each.text: Equals("domain", truth[each.id]) for each in kept.queries}
    answers = {
        PLAIN: _answers(Way(pipeline, kit), kept.queries),
        ORACLE: _answers(Way(pipeline, kit, own), kept.queries),
    }
    narrowed: dict[str, dict[str, tuple[str, ...]]] = {}
    with TemporaryDirectory() as folder:
        parts = list(_parts(asked, kept.queries, (truth, kit), Path(folder)))
        for name, route in asked.routes.items():
            answers[name] = {}
            to: dict[str, tuple[str, ...]] = {}
            for file, queries in parts:
                way = Way(routed(pipeline, replace(route, router=str(file))), kit)
                answers[name] |= _answers(way, queries)
                to |= {each.id: way.narrowed.get(each.text, ()) for each in queries}
            if route.how == "hard":
                narrowed[name] = to
    scores = {name: score(kept, each).scores for name, each in answers.items()}
    return RouteCosts(
        {
            name: tuple(difference(m, scores[PLAIN].of(m), each.of(m)) for m in MEASURES)
            for name, each in scores.items()
        },
        {
            name: float(np.mean([bool(each) for each in to.values()]))
            for name, to in narrowed.items()
        },
        {name: _wrong(scores[PLAIN], scores[name], truth, to) for name, to in narrowed.items()},
    )


def routed(pipeline: Pipeline, route: Route) -> Pipeline:
    """Return the pipeline with a route: a hard one first, a soft one after what makes the hits."""
    stages = pipeline.stages
    at = 0
    if route.how == "soft":
        at = 1 + next(number for number, each in enumerate(stages) if "hits" in each.writes)
    return Pipeline(pipeline.name, (*stages[:at], route, *stages[at:]))


def _in_domains(items: Iterable[Loaded], label: str) -> Iterator[Loaded]:
    """Give the documents with the domains that their metadata says."""
    for each in items:
        document = each.item
        if isinstance(document, Document):
            domain = text_at({"metadata": dict(document.meta)}, label)
            each = each._replace(item=replace(document, domain=domain))
        yield each


def _parts(
    asked: RoutedDataset, queries: Sequence[Query], place: tuple[Mapping[str, str], Kit], to: Path
) -> Iterator[tuple[Path, list[Query]]]:
    """Give each router file with the queries that are asked with it."""
    if asked.router is not None:
        yield asked.router, list(queries)
        return
    truth, kit = place
    labels = tuple(truth[each.id] for each in queries)
    rows = questions([each.text for each in queries], kit.embedder)
    examples = Labelled(rows, labels, labels)
    fold = folds(labels, asked.fit.seed, asked.fold_count)
    training = Training(asked.fit, kit.embedder.identity, {"files": ["queries of the other folds"]})
    for number in range(asked.fold_count):
        file = to / f"{number}.router"
        train(training, examples.at(np.flatnonzero(fold != number))).save(file)
        yield file, [each for each, its in zip(queries, fold, strict=True) if its == number]


def _answers(way: Way, queries: Sequence[Query]) -> dict[str, Answer]:
    return {each.id: Asking(DEPTH).answer(way, each) for each in queries}


def _wrong(
    plain: Scores,
    found: Scores,
    truth: Mapping[str, str],
    narrowed: Mapping[str, tuple[str, ...]],
) -> tuple[WrongRoute, ...]:
    """Return the narrowed questions whose domain was shut out, by what happened, most first."""
    pairs: dict[tuple[str, str], list[int]] = {}
    for row, id in enumerate(plain.query_ids):
        if narrowed[id] and truth[id] not in narrowed[id]:
            pairs.setdefault((truth[id], ", ".join(narrowed[id])), []).append(row)
    changes = {measure: found.of(measure) - plain.of(measure) for measure in MEASURES}
    return tuple(
        WrongRoute(*pair, len(rows), {m: float(each[rows].mean()) for m, each in changes.items()})
        for pair, rows in sorted(pairs.items(), key=lambda each: (-len(each[1]), each[0]))
    )


def _cells(each: Difference) -> tuple[str, str, str]:
    between = "" if each.low is None else f" [{each.low:+.4f}, {each.high:+.4f}]"
    return f"{each.candidate:.4f}", f"{each.difference:+.4f}{between}", f"{each.p:.4f}"
