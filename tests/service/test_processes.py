"""Commands as processes: quick help, signals, pipes that close, and a server that ends in peace."""

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[2]
ASSAY = [sys.executable, "-m", "service.cli"]


@pytest.fixture
def environment(tmp_path):
    """The environment of a command that keeps everything below a folder of its own."""
    kept = {name: it for name, it in os.environ.items() if not name.startswith("ASSAY_")}
    return kept | {
        "ASSAY_DATA_DIR": str(tmp_path / "data"),
        "ASSAY_ENCODER": "hash",
        "PYTHONPATH": str(ROOT),
    }


@pytest.fixture
def started(environment, tmp_path):
    """A function that starts a command; what still runs at the end is killed."""
    running = []
    # What a shell starts in the background ignores Ctrl-C, and so would all that it starts.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def start(*words, **more):
        process = subprocess.Popen(
            [*ASSAY, *map(str, words)],
            env=environment,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **more,
        )
        running.append(process)
        return process

    yield start
    for process in running:
        if process.poll() is None:
            process.kill()
        process.communicate()
    signal.signal(signal.SIGINT, before)


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from service.cli import app\n"
        "heavy = {'torch', 'numpy', 'fastapi', 'pydantic', 'qdrant_client', 'retrieval', 'eval'}\n"
        "print(heavy & set(sys.modules))"
    )
    outcome = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (outcome.stdout, outcome.stderr) == ("set()\n", "")


def test_a_query_needs_no_service_and_no_evaluation(environment, tmp_path):
    code = (
        "import sys; from service.cli import app\n"
        "app(['query', 'x', '--index', 'none'], standalone_mode=False)\n"
        "print({'fastapi', 'scipy', 'torch'} & set(sys.modules))"
    )
    outcome = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "There is no index 'none'" in outcome.stderr
    assert outcome.stdout == "set()\n"


def url_from(process):
    """Return the address that a starting server prints."""
    return process.stderr.readline().split()[3].rstrip(",")


def wait_ready(url):
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if httpx.get(f"{url}/readyz").status_code == 200:
            return
        time.sleep(0.05)
    raise AssertionError("not ready")


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_server_lives_at_once_gets_ready_and_ends_in_peace(started, sent, code):
    server = started("serve", "--port", 0)
    url = url_from(server)
    assert httpx.get(f"{url}/livez").status_code == 200
    wait_ready(url)
    body = {"index": "notes", "documents": [{"id": "a/b c.md", "text": "Cats sleep."}]}
    assert httpx.post(f"{url}/documents", json=body).status_code == 200
    answer = httpx.post(f"{url}/query", json={"query": "cats", "index": "notes"}).json()
    assert [hit["document_id"] for hit in answer["hits"]] == ["a/b c.md"]
    beside = started("query", "cats", "--index", "notes", "--json")
    assert json.loads(beside.communicate()[0])["hits"][0]["id"] == answer["hits"][0]["id"]
    server.send_signal(sent)
    _, said = server.communicate(timeout=20)
    assert server.returncode == code
    assert "Traceback" not in said


def wait_exists(path):
    end = time.monotonic() + 30
    while time.monotonic() < end and not path.exists():
        time.sleep(0.02)


def test_a_server_that_stops_ends_ingestion_at_its_next_batch_and_says_so(started, tmp_path):
    server = started("serve", "--port", 0)
    url = url_from(server)
    wait_ready(url)
    text = "Cats sleep on warm window sills. " * 100
    documents = [{"id": str(number), "text": f"{number}. {text}"} for number in range(1000)]
    chunker = {"use": "fixed", "tokens": 16}
    body = {"index": "rows", "documents": documents, "chunker": chunker}
    with ThreadPoolExecutor(1) as pool:
        posted = pool.submit(httpx.post, f"{url}/documents", json=body, timeout=60)
        wait_exists(tmp_path / "data" / "indexes" / "rows" / "manifest.json")
        server.send_signal(signal.SIGTERM)
        _, said = server.communicate(timeout=20)
        answer = posted.result()
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) >= 1
    assert "What is stored is kept" in answer.json()["detail"]
    assert server.returncode == 0
    assert "Cancel" not in said
    assert "Traceback" not in said


def test_a_server_whose_settings_cannot_work_says_so_and_ends(started):
    server = started("serve", "--port", 0, "--set", "encoder=no/such-model")
    _, said = server.communicate(timeout=60)
    assert server.returncode in {1, 2}
    assert "no/such-model" in said
    assert "Traceback" not in said


def test_a_port_that_is_taken_is_one_line(started):
    server = started("serve", "--port", 0)
    url = url_from(server)
    second = started("serve", "--port", url.rpartition(":")[2])
    _, said = second.communicate(timeout=20)
    assert second.returncode == 2
    assert said.startswith("Error: port: cannot listen")


def test_a_reader_that_goes_away_is_no_traceback(started):
    process = started("settings", "--json")
    process.stdout.close()
    process.stdout = None
    process.wait(20)
    said = process.stderr.read()
    assert "Traceback" not in said
    assert "BrokenPipe" not in said


def test_an_interrupted_ingestion_says_what_is_kept(started, tmp_path):
    rows = tmp_path / "rows.jsonl"
    with rows.open("w") as file:
        for number in range(30_000):
            file.write(json.dumps({"id": str(number), "text": f"Passage {number}."}) + "\n")
    first = started("ingest", rows, "--index", "rows", "--chunker", "whole")
    wait_exists(tmp_path / "data" / "indexes" / "rows" / "manifest.json")
    first.send_signal(signal.SIGINT)
    _, said = first.communicate(timeout=60)
    assert first.returncode == 130
    assert "kept" in said
    assert "Traceback" not in said
