"""A benchmark: a dataset through a pipeline, as `/query` runs it, to numbers with intervals."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from eval.answers import Answer, Asking, Served, System, untimed
from eval.bench import Bench, Watch
from eval.corpus import Corpus, judged
from eval.dataset import Dataset, load_dataset
from eval.indexing import cut_of, passages_of
from eval.measured import Asked, measured
from eval.prepared import Prepared, prepared
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
    watch = watch or Watch()
    dataset = load_dataset(bench.dataset, bench.split, bench.queries)
    name = bench.reference or Path(bench.pipeline).stem
    bench = replace(bench, out=_folder(bench, dataset.name, name, tools))
    if bench.reference:
        return _measured(*_reference(bench, dataset, tools), watch)
    pipeline = load_pipeline(bench.pipeline, tools.settings.pipelines_dir)
    tools.load_models(pipeline)
    return run_on(prepared(bench, dataset, tools, watch), bench, tools, watch)


def run_on(ready: Prepared, bench: Bench, tools: Tools, watch: Watch) -> Run:
    """Measure the pipeline of `bench`, into the folder `bench.out`, on a dataset that is ready.

    The language model is that of `tools`. Raises: AssayError as `run_benchmark`.
    """
    pipeline = load_pipeline(bench.pipeline, tools.settings.pipelines_dir)
    tools.load_models(pipeline)
    system = Served(pipeline, replace(ready.kit, llm=tools.llm))
    return _measured(replace(ready.asked, bench=bench), system, watch)


def _folder(bench: Bench, dataset: str, name: str, tools: Tools) -> Path:
    return open_folder(bench.out or new_folder(tools.settings.data_dir, dataset, name))


def _measured(asked: Asked, system: System, watch: Watch) -> Run:
    start = time.monotonic()
    answers = _answers(asked, system, watch)
    also = {"seconds": time.monotonic() - start, **asked.also}
    assert asked.bench.out is not None
    return measured(replace(asked, also=also), system, answers, asked.bench.out)


def _reference(bench: Bench, dataset: Dataset, tools: Tools) -> tuple[Asked, System]:
    """Return what is asked, its corpus read, and the lexical baseline over its passages."""
    corpus = Corpus(dataset.judged_documents)
    cut = cut_of(dataset, bench.chunker, bench.embed)
    items = corpus.seen(load([dataset.corpus], LoadOptions()))
    passages = passages_of(items, cut, tools.embedder)
    also: dict[str, Any] = {"encoder": getattr(tools.embedder, "describe", dict)(), "indexed": None}
    asked = Asked(bench, dataset, corpus, judged(dataset, corpus), also)
    return asked, Bm25Reference(passages, cut.about)


def _answers(asked: Asked, system: System, watch: Watch) -> dict[str, Answer]:
    """Return the answers by query; the first question is asked once before, to warm up."""
    bench, kept = asked.bench, asked.kept
    asking = Asking(bench.depth, bench.drop_self, kept.judgments, len(asked.corpus.ids))
    queries = (*kept.queries, *kept.unanswerable)
    asking.answer(system, queries[0])
    answers = {}
    for number, query in enumerate(queries, 1):
        answer = asking.answer(system, query)
        answers[query.id] = answer if bench.timed else untimed(answer)
        watch.asked(number, len(queries))
    return answers
