"""Two runs and a ladder over a corpus whose ids and questions try to be markup."""

import json
from dataclasses import asdict
from functools import cached_property
from pathlib import Path

import pytest

from eval.bench import Bench
from eval.compare import compare
from eval.results import read_run
from eval.run import run_benchmark
from retrieval.offline import HashEmbedder, WordSparse
from retrieval.offline_store import ListIndexes
from retrieval.open_kit import Tools
from retrieval.settings import Settings

HOSTILE = '<script>window.hacked=1</script>"><img src=x onerror=hacked=2> | `@you` {{ 7*7 }}'
TOPICS = ("cats", "bread", "trains", "stars", "bees", "rivers", "glass", "chess")


class OfflineTools(Tools):
    """Tools in memory."""

    @cached_property
    def indexes(self):
        return ListIndexes()

    @cached_property
    def embedder(self):
        return HashEmbedder()

    @cached_property
    def sparse(self):
        return WordSparse()


def lines(records) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty documents, sixteen questions; each has a right document, some have two."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "qrels").mkdir()
    documents = [
        {
            "_id": f"{topic}-{n}{HOSTILE if n == 0 else ''}",
            "text": f"{topic} number {n} {topic * n}",
        }
        for topic in TOPICS
        for n in range(5)
    ]
    asked = [
        {"_id": f"q{n}", "text": f"{topic} number {n % 5} {HOSTILE if n == 0 else ''}"}
        for n, topic in enumerate(TOPICS * 2)
    ]
    qrels = [f"q{n}\t{topic}-{n % 4 + 1}\t1" for n, topic in enumerate(TOPICS * 2)]
    qrels += [f"q{n}\t{topic}-0{HOSTILE}\t2" for n, topic in enumerate(TOPICS)]
    (folder / "corpus.jsonl").write_text(lines(documents))
    (folder / "queries.jsonl").write_text(lines(asked))
    (folder / "qrels" / "test.tsv").write_text("\n".join(qrels) + "\n")
    return folder


@pytest.fixture(scope="session")
def runs(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The folders of the runs `sparse` and `hybrid`."""
    folder = tmp_path_factory.mktemp("runs")
    tools = OfflineTools(Settings(data_dir=folder / "data", encoder="hash"))
    for name in ("sparse", "hybrid"):
        run_benchmark(Bench(dataset, name, out=folder / name), tools)
    return folder / "sparse", folder / "hybrid"


@pytest.fixture(scope="session")
def ladder(runs: tuple[Path, Path]) -> Path:
    """A folder with the ladder of the two runs."""
    folder = runs[0].parent
    sparse, hybrid = map(read_run, runs)
    gain = asdict(compare(sparse, hybrid, "nDCG@10").differences[0])
    rungs = [
        {
            "name": name,
            "run": name,
            "measures": run.metrics["measures"],
            "below": below,
            "baseline": below,
            "p_below_adjusted": below and 0.25,
            "latency": run.metrics["latency"],
            "cost": {},
            "verdict": verdict,
        }
        for name, run, below, verdict in (
            ("sparse", sparse, None, "baseline"),
            ("hybrid", hybrid, gain, "not enough queries"),
        )
    ]
    found = {
        "metric": "nDCG@10",
        "datasets": [{"name": "hostile", "queries": 16, "rungs": rungs}],
        "winner": {"name": "hybrid", "mean": 0.5, "baseline": gain, "rule": "the only one"},
        "front": [{"name": "hybrid"}],
    }
    (folder / "ladder.json").write_text(json.dumps(found))
    return folder
