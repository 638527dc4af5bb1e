"""A benchmark: a dataset through a pipeline, as `/query` runs it, to numbers with intervals."""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from eval.answers import Answer, Asking, Served, System
from eval.bench import Bench, Watch
from eval.corpus import Corpus, Judged, judged
from eval.dataset import Dataset, load_dataset
from eval.indexing import cut_of, index_corpus, index_for, passages_of
from eval.reference import Bm25Reference
from eval.results import Run, open_folder, summary, write_run
from eval.scores import Scores
from eval.scoring import per_query, score
from eval.statistics import CONFIDENCE, RESAMPLES
from eval.surroundings import machine, packages
from eval.unanswerable import abstention, best_scores
from ingestion.load import LoadOptions, load
from retrieval.config import load_pipeline
from retrieval.manifest import digest
from retrieval.open_kit import Tools


def run_benchmark(bench: Bench, tools: Tools, watch: Watch | None = None) -> Run:
    """Measure a pipeline on a dataset, write the run into its folder, and return it.

    The corpus is indexed first, where it is not yet.

    Raises: AssayError where something is missing or cannot be used, and where a stage fails:
    nothing is measured that is not served.
    """
    watch, start = watch or Watch(), time.monotonic()
    dataset = load_dataset(bench.dataset, bench.split)
    corpus = Corpus(dataset.judged_documents)
    folder = open_folder(bench.out or _new_folder(bench, dataset, tools.settings.data_dir))
    opened, indexed = _opened(bench, dataset, corpus, (tools, watch))
    kept = judged(dataset, corpus)
    system = opened()
    answers = _answers(Asking(bench.depth, bench.drop_self), system, kept, watch)
    scored = score(kept, answers, bench.cutoffs)
    about = {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": time.monotonic() - start,
        "dataset": _about(dataset, corpus, kept),
        "options": {
            "cutoffs": list(bench.cutoffs),
            "drop_self": bench.drop_self,
            "seed": bench.seed,
            "resamples": RESAMPLES,
            "confidence": CONFIDENCE,
        },
        "system": system.describe(),
        "encoder": getattr(tools.embedder, "describe", dict)(),
        "indexed": indexed,
        "packages": packages(),
        "surroundings": machine(),
    }
    run = Run(folder, about, _metrics(bench, kept, answers, scored.scores), scored.scores)
    ranked = {query.id: answers[query.id].documents for query in kept.queries}
    write_run(run, per_query(kept, answers, scored), ranked)
    return run


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
    name = index_for(dataset, cut, tools)
    report = index_corpus(items, (name, cut), tools, watch.indexing)
    for line in report.lines():
        watch.said(line)
    return lambda: Served(pipeline, tools.kit(name)), report.as_json()


def _new_folder(bench: Bench, dataset: Dataset, data_dir: Path) -> Path:
    """Return a folder that no other run has: dataset, system, time in UTC."""
    system = bench.reference or Path(bench.pipeline).stem
    now = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")[:-3]
    return data_dir / "runs" / f"{dataset.name}-{system}-{now}"


def _answers(asking: Asking, system: System, kept: Judged, watch: Watch) -> dict[str, Answer]:
    """Return the answers by query; the first question is asked once before, to warm up."""
    queries = (*kept.queries, *kept.unanswerable)
    asking.answer(system, queries[0])
    answers = {}
    for number, query in enumerate(queries, 1):
        answers[query.id] = asking.answer(system, query)
        watch.asked(number, len(queries))
    return answers


def _about(dataset: Dataset, corpus: Corpus, kept: Judged) -> dict[str, Any]:
    hashes = dataset.hashes | {"corpus": corpus.hash}
    return {
        "name": dataset.name,
        "folder": str(dataset.folder.resolve()),
        "form": dataset.form,
        "split": dataset.split,
        "hash": digest(hashes),
        "hashes": hashes,
        "documents": len(corpus.ids),
        "queries": len(kept.queries),
        "unanswerable": len(kept.unanswerable),
        "judgments": sum(len(kept.judgments[query.id]) for query in kept.queries),
        "findings": [asdict(each) | {"line": each.line} for each in kept.findings],
    }


def _metrics(
    bench: Bench, kept: Judged, answers: Mapping[str, Answer], scores: Scores
) -> dict[str, Any]:
    """Return the contents of `metrics.json`; unanswerable questions are in no mean."""
    found = {
        "queries": len(kept.queries),
        "measures": summary(scores, RESAMPLES, bench.seed),
        "latency": _latency([each for each in answers.values() if each.ms]),
        "shallow": sum(
            len(each.documents) < bench.depth and not each.exhausted for each in answers.values()
        ),
    }
    if kept.unanswerable:
        best = {id: best_scores(each.hits) for id, each in answers.items()}
        found["unanswerable"] = abstention(
            [best[query.id] for query in kept.queries],
            [best[query.id] for query in kept.unanswerable],
        )
    return found


def _latency(answers: list[Answer]) -> dict[str, Any]:
    """Return queries a second, one at a time, and quantiles in ms, also by stage."""
    times = np.array([each.ms for each in answers])
    if not times.size:
        return {"queries": 0}
    stages: dict[str, list[float]] = {}
    for each in answers:
        for stage, ms in each.stages:
            stages.setdefault(stage, []).append(ms)
    return {
        "queries": times.size,
        "queries_per_s": float(1000 * times.size / times.sum()),
        "mean_ms": float(times.mean()),
        "p50_ms": float(np.percentile(times, 50)),
        "p95_ms": float(np.percentile(times, 95)),
        "stages_p50_ms": {stage: float(np.percentile(ms, 50)) for stage, ms in stages.items()},
    }
