"""A run file of another system, scored like a run of our own, so that both can be compared."""

import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from eval.answers import Answer
from eval.bench import Bench, Watch
from eval.corpus import Corpus, Judged, judged
from eval.dataset import Dataset, load_dataset
from eval.measured import Asked, measured
from eval.questions import Finding, Query, findings
from eval.results import Run, new_folder, open_folder, trec_id
from eval.run_file import RunFile, read_run_file
from eval.standing import ANSWER, Listed, standing
from ingestion.load import LoadOptions, load
from retrieval.errors import InputError
from retrieval.types import Hit

EVERY = 1000
"""After so many documents a watch hears how far the corpus is read."""


def score_run(bench: Bench, file: Path, data_dir: Path, watch: Watch | None = None) -> Run:
    """Score a run file on a dataset, write it into a folder as a run, and return that.

    Queries that the run lacks count 0 (trec_eval -c). What it names and the dataset does not know
    is reported.

    Raises: NotFoundError, InputError where something is missing or cannot be used, where run and
    dataset have no query or no document in common, and where judgments are on spans and the run
    is not.
    """
    with collected_later():
        return _scored(bench, file, data_dir, watch or Watch())


@contextmanager
def collected_later() -> Iterator[None]:
    """Put off garbage collection: it would walk a million hits many times and find nothing."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _scored(bench: Bench, file: Path, data_dir: Path, watch: Watch) -> Run:
    dataset = load_dataset(bench.dataset, bench.split)
    run = read_run_file(file)
    if dataset.form == "spans" and not run.has_spans:
        raise InputError(
            f"{bench.dataset}: its judgments are on spans, and {file.name} names documents only."
            " Give JSON lines with start and end, or --split for judgments on documents.",
            "run",
        )
    folder = open_folder(bench.out or new_folder(data_dir, dataset.name, run.name))
    corpus = _read(dataset, watch)
    run = replace(run, hits=_as_written(run, dataset, corpus))
    kept = judged(dataset, corpus)
    kept = replace(kept, findings=kept.findings + run.findings + _unknown(run, kept, corpus))
    answers = {
        query.id: _answer(query, run.hits.get(query.id, ()), (bench, kept))
        for query in (*kept.queries, *kept.unanswerable)
    }
    return measured(Asked(bench, dataset, corpus, kept), run, answers, folder)


def _read(dataset: Dataset, watch: Watch) -> Corpus:
    """Return what is kept of a dataset's documents."""
    corpus = Corpus(dataset.judged_documents)
    for number, each in enumerate(corpus.seen(load([dataset.corpus], LoadOptions())), 1):
        if number % EVERY == 0:
            watch.read(number, each.bytes)
    return corpus


def _as_written(run: RunFile, dataset: Dataset, corpus: Corpus) -> dict[str, tuple[Hit, ...]]:
    """Return the hits with the dataset's ids where a TREC file has to write their spaces as %20."""
    spaced = [id for id in corpus.ids if trec_id(id) != id]
    documents = {trec_id(id): id for id in spaced if trec_id(id) not in corpus.ids}
    queries = {trec_id(query.id): query.id for query in dataset.queries}
    hits = {queries.get(id, id): found for id, found in run.hits.items()}
    if not documents:
        return hits
    return {id: tuple(_renamed(hit, documents) for hit in found) for id, found in hits.items()}


def _renamed(hit: Hit, documents: dict[str, str]) -> Hit:
    id = documents.get(hit.chunk.document_id)
    return hit if id is None else hit._replace(chunk=replace(hit.chunk, document_id=id))


def _unknown(run: RunFile, kept: Judged, corpus: Corpus) -> tuple[Finding, ...]:
    """Return what run and dataset do not share. Raises: InputError where they share nothing."""
    asked = {query.id: None for query in (*kept.queries, *kept.unanswerable)}
    unasked = [id for id in run.hits if id not in asked]
    missing = [id for id in asked if id not in run.hits]
    if len(missing) == len(asked):
        raise InputError(
            f"{run.file}: none of its {len(run.hits)} queries ({_some(run.hits)}) is one of the"
            f" {len(asked)} that are asked ({_some(asked)}).",
            "run",
        )
    named = {hit.chunk.document_id for found in run.hits.values() for hit in found}
    unknown = sorted(named - corpus.ids)
    if len(unknown) == len(named):
        raise InputError(
            f"{run.file}: none of its {len(named)} documents ({_some(unknown)}) is one of the"
            f" {len(corpus.ids)} in the corpus ({_some(sorted(corpus.ids))}).",
            "run",
        )
    return (
        *findings("queries of the run are not asked in this split (left out)", unasked),
        *findings("queries are not in the run (count 0, as in trec_eval -c)", missing),
        *findings("documents of the run are not in the corpus (irrelevant)", unknown),
    )


def _some(ids: Iterable[str]) -> str:
    return ", ".join(list(ids)[:3])


def _answer(query: Query, found: Sequence[Hit], how: tuple[Bench, Judged]) -> Answer:
    """Return a query's hits as an answer, as deep as the measures look."""
    bench, kept = how
    if bench.drop_self:
        found = [hit for hit in found if hit.chunk.document_id != query.id]
    hits = tuple(found)[: bench.depth]
    documents = tuple(dict.fromkeys([hit.chunk.document_id for hit in found]))[: bench.depth]
    listed = Listed(ANSWER, tuple([hit.chunk for hit in hits]))
    judged_there = standing(kept.judgments.get(query.id, ()), [listed])
    return Answer(hits, documents=documents, judged=judged_there)
