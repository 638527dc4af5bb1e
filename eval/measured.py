"""From answers to a run: scores, intervals, latency, and the manifest of what was measured."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from eval.answers import COSTS, Answer, Described
from eval.bench import Bench
from eval.corpus import Corpus, Judged
from eval.dataset import Dataset
from eval.results import Run, summary, write_run
from eval.scores import Scores
from eval.scoring import per_query, score
from eval.statistics import CONFIDENCE, RESAMPLES
from eval.surroundings import machine, packages
from eval.unanswerable import abstention, best_scores
from retrieval.manifest import digest


@dataclass(frozen=True)
class Asked:
    """What was asked, and how: a dataset, its judgments as they hold in its corpus.

    `also` are further entries of the run's manifest.
    """

    bench: Bench
    dataset: Dataset
    corpus: Corpus
    kept: Judged
    also: Mapping[str, Any] = field(default_factory=dict)

    def about(self) -> dict[str, Any]:
        """Return what a manifest says of the dataset."""
        hashes = self.dataset.hashes | {"corpus": self.corpus.hash}
        return {
            "name": self.dataset.name,
            "folder": str(self.dataset.folder.resolve()),
            "form": self.dataset.form,
            "split": self.dataset.split,
            "asked_split": self.dataset.asked,
            "wording": self.dataset.wording,
            "hash": digest(hashes),
            "hashes": hashes,
            "question_digest": self.dataset.question_digest,
            "documents": len(self.corpus.ids),
            "queries": len(self.kept.queries),
            "unanswerable": len(self.kept.unanswerable),
            "judgments": sum(len(self.kept.judgments[each.id]) for each in self.kept.queries),
            "findings": [asdict(each) | {"line": each.line} for each in self.kept.findings],
        }

    def options(self) -> dict[str, Any]:
        """Return what a manifest says of how it was asked and measured."""
        return {
            "cutoffs": list(self.bench.cutoffs),
            "drop_self": self.bench.drop_self,
            "seed": self.bench.seed,
            "resamples": RESAMPLES,
            "confidence": CONFIDENCE,
        }


def measured(asked: Asked, system: Described, answers: Mapping[str, Answer], folder: Path) -> Run:
    """Return the run of a system's answers, by query, after it was written into its folder."""
    scored = score(asked.kept, answers, asked.bench.cutoffs)
    about = {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        **asked.also,
        "dataset": asked.about(),
        "options": asked.options(),
        "system": system.describe(),
        "packages": packages(),
        "surroundings": machine(),
    }
    run = Run(folder, about, _metrics(asked, answers, scored.scores), scored.scores)
    ranked = {query.id: answers[query.id].documents for query in asked.kept.queries}
    write_run(run, per_query(asked.kept, answers, scored), ranked)
    return run


def _metrics(asked: Asked, answers: Mapping[str, Answer], scores: Scores) -> dict[str, Any]:
    """Return the contents of `metrics.json`; unanswerable questions are in no mean."""
    kept = asked.kept
    found = {
        "queries": len(kept.queries),
        "measures": summary(scores, RESAMPLES, asked.bench.seed),
        "latency": latency([each for each in answers.values() if each.ms]),
        "cost": _cost(list(answers.values())),
        "shallow": sum(
            len(each.documents) < asked.bench.depth and not each.exhausted
            for each in answers.values()
        ),
    }
    if kept.unanswerable:
        best = {id: best_scores(each.hits) for id, each in answers.items()}
        found["unanswerable"] = abstention(
            [best[query.id] for query in kept.queries],
            [best[query.id] for query in kept.unanswerable],
        )
    return found


def latency(answers: list[Answer]) -> dict[str, Any]:
    """Return queries a second, one at a time, and quantiles in ms, also by stage."""
    times = np.array([each.ms for each in answers])
    if not times.size:
        return {"queries": 0}
    stages: dict[str, list[float]] = {}
    for each in answers:
        for step in each.trace:
            stages.setdefault(step.stage, []).append(step.ms)
    return {
        "queries": times.size,
        "queries_per_s": float(1000 * times.size / times.sum()),
        "mean_ms": float(times.mean()),
        "p50_ms": float(np.percentile(times, 50)),
        "p95_ms": float(np.percentile(times, 95)),
        "stages_p50_ms": {stage: float(np.percentile(ms, 50)) for stage, ms in stages.items()},
        "stages_p95_ms": {stage: float(np.percentile(ms, 95)) for stage, ms in stages.items()},
    }


def _cost(answers: list[Answer]) -> dict[str, float]:
    """Return what language models cost for a question, on average."""
    return {name: float(np.mean([each.cost.get(name, 0.0) for each in answers])) for name in COSTS}
