"""A benchmark: a dataset through a pipeline, as `/query` runs it, to numbers with intervals."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from eval.answers import Answer, Asking, Served, System
from eval.bench import Bench, Watch
from eval.corpus import Corpus, Judged, judged
from eval.dataset import Dataset, load_dataset
from eval.indexing import cut_of, index_corpus, index_for, passages_of
from eval.measured import Asked, measured
from eval.reference import Bm25Reference
from eval.results import Run, new_folder, open_folder
from ingestion.load import LoadOptions, load
from retrieval.config import load_pipeline
from retrieval.open_kit import Tools


def run_benchmark(bench: Bench, tools: Tools, watch: Watch | None = None) -> Run:
    """Measure a pipeline on a dataset, write the run into its folder, and return it.

    The corpus is indexed first, where it is not yet.

    Raises: AssayError where something is missing or cannot be used, and where a stage fails:
    nothing is measured that is not served.
    """
    watch, start = watch or Watch(), time.monotonic()
    dataset = load_dataset(bench.dataset, bench.split, bench.queries)
    corpus = Corpus(dataset.judged_documents)
    name = bench.reference or Path(bench.pipeline).stem
    folder = open_folder(bench.out or new_folder(tools.settings.data_dir, dataset.name, name))
    opened, indexed = _opened(bench, dataset, corpus, (tools, watch))
    kept = judged(dataset, corpus)
    system = opened()
    answers = _answers(Asking(bench.depth, bench.drop_self, kept.judgments), system, kept, watch)
    also = {
        "seconds": time.monotonic() - start,
        "encoder": getattr(tools.embedder, "describe", dict)(),
        "indexed": indexed,
    }
    return measured(Asked(bench, dataset, corpus, kept, also), system, answers, folder)


def _opened(
    bench: Bench, dataset: Dataset, corpus: Corpus, place: tuple[Tools, Watch]
) -> tuple[Callable[[], System], dict[str, Any] | None]:
    """Read the corpus and index it; return how to open what is measured, and what was indexed."""
    tools, watch = place
    cut = cut_of(dataset, bench.chunker, bench.embed)
    items = corpus.seen(load([dataset.corpus], LoadOptions()))
    if bench.reference:
        passages = passages_of(items, cut, tools.embedder)
        return partial(Bm25Reference, passages, cut.about), None
    pipeline = load_pipeline(bench.pipeline, tools.settings.pipelines_dir)
    tools.load_models(pipeline)
    name = index_for(dataset, cut, tools)
    report = index_corpus(items, (name, cut), tools, watch.indexing)
    for line in report.lines():
        watch.said(line)
    return lambda: Served(pipeline, tools.kit(name)), report.as_json()


def _answers(asking: Asking, system: System, kept: Judged, watch: Watch) -> dict[str, Answer]:
    """Return the answers by query; the first question is asked once before, to warm up."""
    queries = (*kept.queries, *kept.unanswerable)
    asking.answer(system, queries[0])
    answers = {}
    for number, query in enumerate(queries, 1):
        answers[query.id] = asking.answer(system, query)
        watch.asked(number, len(queries))
    return answers
