"""A real server in a process of its own, and a client that keeps its connection."""

import http.client
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

START_S = 60.0


class Reply(NamedTuple):
    """An answer, its milliseconds, and those of them that the client itself computed."""

    answer: Any
    ms: float
    own_ms: float


class Client:
    """One connection that is kept, as a service's own client would."""

    def __init__(self, port: int) -> None:
        """Connect on the first request."""
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def post(self, path: str, body: Any) -> Reply:
        """Return the answer and what it took until all of it was read."""
        sent = json.dumps(body)
        start, own = time.perf_counter(), time.thread_time()
        self._connection.request("POST", path, sent, {"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        text = answer.read()
        own_ms = (time.thread_time() - own) * 1000
        ms = (time.perf_counter() - start) * 1000
        if answer.status != 200:
            raise RuntimeError(f"POST {path}: {answer.status} {text[:300]!r}")
        return Reply(json.loads(text), ms, own_ms)


@contextmanager
def server(data_dir: Path) -> Iterator[tuple[int, int]]:
    """Run `assay serve` on a free port until the block ends; gives the port and the process id."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "service.cli", "serve", "--port", str(port)]
    process = subprocess.Popen(
        [*command, "--data-dir", str(data_dir)], stdout=subprocess.DEVNULL, stderr=None
    )
    try:
        _wait_ready(port, process)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_ready(port: int, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end and process.poll() is None:
        with suppress(OSError):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        time.sleep(0.1)
    raise RuntimeError(f"assay serve was not ready within {START_S:g} s.")
