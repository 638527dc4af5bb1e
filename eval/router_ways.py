"""A dataset's questions, asked in several ways: without a route, by the true domain, routed.

The `route` stage itself is put into a pipeline, so that what is measured is what is served.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from eval.answers import Answer, Served
from eval.bench import Bench, Watch
from eval.dataset import load_dataset
from eval.prepared import Prepared, prepared
from eval.questions import Query
from eval.router_examples import DOMAIN, field_of, questions
from eval.router_training import Fit, Labelled, Training, folds, train
from eval.scores import Scores
from eval.scoring import score
from retrieval.config import load_pipeline
from retrieval.errors import InputError
from retrieval.filters import And, AnyOf, Equals, Filter
from retrieval.kit import Kit
from retrieval.open_kit import Tools
from retrieval.pipeline import Pipeline, states
from retrieval.stages.route import Route
from retrieval.types import Domain, Search

PLAIN, ORACLE = "no route", "oracle"
FOREIGN_AT = 10
"""So many first hits are looked at for those of other domains."""


@dataclass(frozen=True)
class RoutedDataset:
    """A dataset, a pipeline, and the routes to try.

    Queries carry their domain at `label`; documents have theirs from their ingestion. `routes` by
    name are stages that stand together; they get the `router`, or, without such a file, one that
    is fitted for each of `fold_count` parts of the queries on those of the other parts (0: none).
    """

    folder: Path
    routes: Mapping[str, tuple[Route, ...]]
    label: str = DOMAIN
    pipeline: str = "hybrid"
    split: str | None = None
    router: Path | None = None
    fold_count: int = 0
    fit: Fit = field(default_factory=Fit)

    def __post_init__(self) -> None:
        """Check the folds. Raises: InputError."""
        if self.fold_count < 0 or self.fold_count == 1:
            raise InputError(f"folds: 2 or more, or 0, got {self.fold_count}.")


@dataclass(frozen=True)
class Routed:
    """What a way of asking did with one question.

    `domains` are what its first route found, `narrowed` those that it was narrowed to; `foreign` is
    the share of its first 10 hits that lie in other domains than its own.
    """

    domains: tuple[Domain, ...]
    narrowed: tuple[str, ...]
    foreign: float


@dataclass(frozen=True)
class Ways:
    """The questions' true domains, and by way the scores and what became of each question."""

    truth: Mapping[str, str]
    scores: Mapping[str, Scores]
    routed: Mapping[str, Mapping[str, Routed]]


@dataclass(frozen=True)
class Way(Served):
    """A pipeline that remembers what became of each question, by its text.

    `own` are the questions' true domains; `filtered`: whether they are searched in those alone.
    """

    own: Mapping[str, str] = field(default_factory=dict)
    filtered: bool = False
    seen: dict[str, Routed] = field(default_factory=dict)

    def __call__(self, query: str, limit: int) -> tuple[Search, ...]:
        """Run the pipeline, without a deadline."""
        filter = Equals("domain", self.own[query]) if self.filtered else None
        search = Search.of(query, limit, filter)
        found = states(self.pipeline, search, self.kit.at(None, None, strict=True))
        if query not in self.seen:
            self.seen[query] = _routed(found[-1], self.own[query])
        return found


def asked_ways(asked: RoutedDataset, tools: Tools, watch: Watch) -> Ways:
    """Ask a dataset in every way; its corpus is indexed first where it is not yet.

    Raises: AssayError where something is missing; InputError where a query has no label.
    """
    ready = prepared(
        Bench(asked.folder, asked.pipeline), load_dataset(asked.folder, asked.split), tools, watch
    )
    pipeline = load_pipeline(asked.pipeline, tools.settings.pipelines_dir)
    queries = ready.asked.kept.queries
    truth = {
        each.id: field_of({"metadata": dict(each.meta)}, asked.label, f"query {each.id}")
        for each in queries
    }
    _check_domains(set(truth.values()), ready.kit)
    own = {each.text: truth[each.id] for each in queries}
    total = len(queries) * (2 + len(asked.routes))
    asking = _Asking(ready, watch, total)
    scores, routed = {}, {}
    for name, filtered in ((PLAIN, False), (ORACLE, True)):
        way = Way(pipeline, ready.kit, own, filtered)
        scores[name], routed[name] = asking.scored([(way, queries)])
    with TemporaryDirectory() as folder:
        files = list(_files(asked, queries, (truth, ready.kit), Path(folder)))
        for name, routes in asked.routes.items():
            parts = []
            for file, part in files:
                known = [replace(each, router=str(file or "")) for each in routes]
                parts.append((Way(with_routes(pipeline, known), ready.kit, own), part))
            scores[name], routed[name] = asking.scored(parts)
    return Ways(truth, scores, routed)


@dataclass
class _Asking:
    """Asks, and tells how far that is."""

    ready: Prepared
    watch: Watch
    total: int
    done: int = 0

    def scored(
        self, parts: Sequence[tuple[Way, Sequence[Query]]]
    ) -> tuple[Scores, dict[str, Routed]]:
        """Return the scores of all questions, each asked in the way of its part."""
        answers: dict[str, Answer] = {}
        routed = {}
        for way, queries in parts:
            for query in queries:
                answers[query.id] = self.ready.asking.answer(way, query)
                routed[query.id] = way.seen.get(query.text, Routed((), (), 0.0))
                self.done += 1
                self.watch.asked(self.done, self.total)
        return score(self.ready.asked.kept, answers).scores, routed


def with_routes(pipeline: Pipeline, routes: Sequence[Route]) -> Pipeline:
    """Return the pipeline with routes: hard ones first, soft ones after what makes the hits."""
    at = 1 + next(n for n, stage in enumerate(pipeline.stages) if "hits" in stage.writes)
    hard = [each for each in routes if each.how == "hard"]
    soft = [each for each in routes if each.how == "soft"]
    return Pipeline(pipeline.name, (*hard, *pipeline.stages[:at], *soft, *pipeline.stages[at:]))


def _routed(found: Search, own: str) -> Routed:
    first = found.hits[:FOREIGN_AT]
    foreign = sum(hit.chunk.domain != own for hit in first) / len(first) if first else 0.0
    return Routed(found.domains, _narrowed(found.filter), foreign)


def _narrowed(filter: Filter | None) -> tuple[str, ...]:
    """Return the domains of the last condition that a hard route added."""
    if isinstance(filter, And) and filter.parts:
        filter = filter.parts[-1]
    return tuple(map(str, filter.values)) if isinstance(filter, AnyOf) else ()


def _check_domains(domains: set[str], kit: Kit) -> None:
    """Refuse labels that no document has: an oracle would find nothing. Raises: InputError."""
    missing = sorted(each for each in domains if not kit.store.count(Equals("domain", each)))
    if missing:
        raise InputError(
            f"Index {kit.store.manifest.name!r}: no document is of the domain"
            f" {', '.join(missing[:5])}, which queries are labelled with. A document's domain is"
            " its metadata.domain.",
            "dataset",
        )


def _files(
    asked: RoutedDataset, queries: Sequence[Query], place: tuple[Mapping[str, str], Kit], to: Path
) -> Iterator[tuple[Path | None, Sequence[Query]]]:
    """Yield each router file, or none, with the queries that are asked with it."""
    if asked.router is not None or not asked.fold_count:
        yield asked.router, queries
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
