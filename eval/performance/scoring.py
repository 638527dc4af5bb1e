"""A run of 10,000 queries by 100 hits, read from a file, scored with intervals, and written.

The data is drawn at random: 20,000 documents, four judged ones a query.
"""

import json
from pathlib import Path

import numpy as np

from eval.bench import Bench
from eval.performance.measure import Figure, seconds
from eval.score_run import score_run

QUERIES, HITS, DOCUMENTS = 10_000, 100, 20_000


def scoring_figures(folder: Path) -> list[Figure]:
    """Return how long it takes, from the run file to the run's folder."""
    dataset, run = folder / "scored", folder / "system.trec"
    write(dataset, run)
    bench = Bench(dataset=dataset, out=folder / "run")
    taken = seconds(lambda: score_run(bench, run, folder))
    return [Figure(f"{QUERIES:,} queries by {HITS} hits: scored, with intervals", taken, "s", 10)]


def write(dataset: Path, run: Path) -> None:
    """Write a BEIR folder and a TREC run over it."""
    (dataset / "qrels").mkdir(parents=True)
    random = np.random.default_rng(0)
    documents = [{"_id": f"d{i}", "text": f"document {i}"} for i in range(DOCUMENTS)]
    queries = [{"_id": f"q{i}", "text": f"question {i}"} for i in range(QUERIES)]
    judged, found = [], []
    for i in range(QUERIES):
        hits = random.choice(DOCUMENTS, HITS, replace=False)
        relevant = [*random.choice(hits, 3, replace=False), random.integers(DOCUMENTS)]
        judged += [f"q{i}\td{d}\t{random.integers(0, 3)}" for d in relevant]
        found += [f"q{i} Q0 d{d} {n} {HITS - n:.6f} system" for n, d in enumerate(hits, 1)]
    for file, lines in (
        (dataset / "corpus.jsonl", map(json.dumps, documents)),
        (dataset / "queries.jsonl", map(json.dumps, queries)),
        (dataset / "qrels" / "test.tsv", judged),
        (run, found),
    ):
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
