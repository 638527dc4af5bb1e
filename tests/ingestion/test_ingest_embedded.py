"""Ingestion into the real embedded engine, from a process that is killed at any moment."""

import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingestion.document import Document
from ingestion.ingest import delete_documents, ingest
from ingestion.job import Job
from ingestion.load import Loaded
from retrieval.clock import Clock
from retrieval.kit import Match
from retrieval.open_kit import Tools
from retrieval.settings import load_settings

ROOT = Path(__file__).parents[2]
DOCUMENTS = 90
KILLS = 3
CHILD = """
import os, signal, sys, threading
from pathlib import Path
from ingestion import prepare
from ingestion.ingest import ingest
from ingestion.job import Job
from retrieval.open_kit import Tools
from retrieval.settings import load_settings
sys.path.insert(0, sys.argv[3])
from test_ingest_embedded import items

prepare.BATCH_CHUNKS = 32
tools = Tools(load_settings(data_dir=Path(sys.argv[1]), encoder="hash"))
delay = float(sys.argv[2])
if delay:
    threading.Timer(delay, os.kill, (os.getpid(), signal.SIGKILL)).start()
report = ingest(Job(items(), "docs", chunker={"use": "sentences", "tokens": 12}), tools)
print(report.seconds)
tools.close()
os._exit(0)
"""


def items(version: int = 1) -> list[Loaded]:
    """Documents of 1 to 20 chunks with words of their own."""
    chosen = random.Random(version)
    found = []
    for i in range(DOCUMENTS):
        words = [f"word{chosen.randrange(500)}" for _ in range(chosen.randrange(1, 160))]
        text = " ".join(f"{word}." if j % 5 == 4 else word for j, word in enumerate(words))
        meta = {"number": i, "even": i % 2 == 0, "when": "2024-05-01"}
        found.append(Loaded(Document(f"d{i}", text, title=f"Title {i}", meta=meta), "x", i))
    return found


@pytest.fixture
def tools(tmp_path: Path) -> Iterator[Tools]:
    opened = offline(tmp_path / "here")
    yield opened
    opened.close()


def offline(data_dir: Path) -> Tools:
    return Tools(load_settings(data_dir=data_dir, encoder="hash"))


def child(data_dir: Path, kill_after_s: float) -> "subprocess.CompletedProcess[str]":
    command = [
        sys.executable,
        "-c",
        CHILD,
        str(data_dir),
        str(kill_after_s),
        str(ROOT / "tests/ingestion"),
    ]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


def contents(tools: Tools) -> tuple[int, dict[str, list[object]], list[list[Match]]]:
    """Everything that the index holds: chunks in order, vectors, and what both legs find."""
    store = tools.indexes.open("docs")
    found: dict[str, list[object]] = {}
    for i in range(DOCUMENTS):
        chunks = store.chunks(f"d{i}")
        vectors = store.vectors([chunk.id for chunk in chunks])
        found[f"d{i}"] = [(chunk, vectors[chunk.id].tobytes()) for chunk in chunks]
    query = "word1 word2 word3 title"
    probes = [tools.embedder.queries([query], Clock())[0], tools.sparse.query(query)]
    return store.count(), found, store.search(probes, None, 50, Clock())


@pytest.mark.skipif(sys.platform == "win32", reason="the embedded engine needs Linux or macOS")
def test_a_job_killed_at_any_moment_and_run_again_equals_one_that_was_not(
    tools: Tools, tmp_path: Path
) -> None:
    whole = child(tmp_path / "here", 0)
    assert whole.returncode == 0, whole.stderr
    seconds = float(whole.stdout)
    moments = random.Random(7)
    place, killed = tmp_path / "killed", 0
    for number in range(KILLS):
        ended = child(place, moments.uniform(0.05, seconds))
        assert ended.returncode in (0, -signal.SIGKILL), ended.stderr
        if ended.returncode == 0 and number < KILLS - 1:
            # It was faster than the first time, and all is stored: anew, and killed sooner.
            place, killed, seconds = tmp_path / f"killed-{number}", 0, seconds / 2
        else:
            killed += ended.returncode != 0
    assert killed > 0
    again = offline(place)
    try:
        report = ingest(Job(items(), "docs"), again)
        assert report.documents == DOCUMENTS
        assert contents(again) == contents(tools)
        assert ingest(Job(items(), "docs"), again).unchanged == DOCUMENTS
    finally:
        again.close()


def test_documents_come_change_and_go_in_the_embedded_engine(tools: Tools) -> None:
    job = Job(items(), "docs", chunker={"use": "sentences", "tokens": 12})
    first = ingest(job, tools)
    store = tools.indexes.open("docs")
    assert store.count() == first.chunks > DOCUMENTS
    assert store.manifest.fields == {"number": "int", "even": "bool", "when": "date"}
    changed = ingest(Job(items(version=2)[:60], "docs", sync=True), tools)
    assert (changed.removed, changed.documents) == (30, 60)
    assert store.count() == first.chunks + changed.chunks - changed.chunks_removed
    for loaded in items(version=2)[:60]:
        chunks = store.chunks(loaded.item.id)  # type: ignore[union-attr]
        assert [loaded.item.text[slice(*chunk.span)] for chunk in chunks] == [  # type: ignore[union-attr]
            chunk.text for chunk in chunks
        ]
    gone = delete_documents(tools, "docs", ["d0", "d1"], "default")
    assert gone > 0
    assert store.chunks("d0") == []
    assert ingest(Job(items(version=2)[:60], "docs"), tools).new == 2
