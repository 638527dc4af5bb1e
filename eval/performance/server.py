"""A real server in a process of its own, and a client that keeps its connection."""

import http.client
import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from pathlib import Path
from typing import Any

START_S = 60.0


class Client:
    """One connection that is kept, as a service's own client would."""

    def __init__(self, port: int) -> None:
        """Connect on the first request."""
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def post(self, path: str, body: Any) -> tuple[Any, float]:
        """Return the answer and the milliseconds until all of it was read."""
        sent = json.dumps(body)
        start = time.perf_counter()
        self._connection.request("POST", path, sent, {"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        text = answer.read()
        ms = (time.perf_counter() - start) * 1000
        if answer.status != 200:
            raise RuntimeError(f"POST {path}: {answer.status} {text[:300]!r}")
        return json.loads(text), ms


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


@contextmanager
def bare_server(answer: Any) -> Iterator[int]:
    """Give the port of a process that sends one answer to whatever it is asked, until the end.

    What a client takes for it is the client's own work and the way there and back.
    """
    body = json.dumps(answer).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sent = f"{head}\r\n\r\n".encode() + body
        process = get_context("spawn").Process(target=_send, args=(listener, sent), daemon=True)
        process.start()
        try:
            yield listener.getsockname()[1]
        finally:
            process.terminate()
            process.join()


def _send(listener: socket.socket, answer: bytes) -> None:
    connection, _ = listener.accept()
    asked = b""
    while data := connection.recv(2**16):
        asked += data
        head, end, body = asked.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        if end and length and len(body) >= int(length[1]):
            connection.sendall(answer)
            asked = b""


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
