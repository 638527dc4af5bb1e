"""Parsers of risky formats, in a process of their own with limits of time and memory.

A file may make a parser loop, eat all memory or crash. Then that process ends, the file is reported
with the reason, and the next file gets a fresh one. Both sides speak JSON, which, unlike a pickle,
cannot run anything. Needs a POSIX system.
"""

import contextlib
import importlib
import json
import math
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from ingestion.document import Document, Failure, Heading
from ingestion.sources import MEGABYTE, LoadOptions, Source
from retrieval.errors import InputError

START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]);"
    " from ingestion.parser_process import serve; serve(int(sys.argv[2]), json.loads(sys.argv[3]))"
)
GRACE_S = 5
"""How much later a parser ends itself whose parent, gone or stopped, cannot."""
REASON_LIMIT = 300


class _LostError(InputError):
    """The process ended or ran out of memory, perhaps for what it parsed before."""


class ParserProcess:
    """A process that parses one file after the other, started when it is first needed."""

    def __init__(self, options: LoadOptions) -> None:
        """Keep the limits; nothing is started yet."""
        self._options = options
        self._running: _Running | None = None

    def __enter__(self) -> Self:
        """Return this process."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the process."""
        self._stop()

    def parse(self, loader: str, source: Source) -> list[Document | Failure]:
        """Return what a loader module gives for a file.

        Raises: InputError with the reason, if it gives nothing or breaks a limit.
        """
        fresh = self._running is None
        try:
            return self._ask(loader, source)
        except _LostError:
            if fresh:
                raise
        return self._ask(loader, source)

    def _ask(self, loader: str, source: Source) -> list[Document | Failure]:
        self._running = running = self._running or _Running(self._options)
        request = [loader, str(source.path), source.name, source.size]
        try:
            running.connection.send_bytes(json.dumps(request).encode())
            if not running.connection.poll(self._options.timeout_s):
                self._stop()
                limit = f"{self._options.timeout_s:g} s"
                raise InputError(f"parsing took longer than {limit}: split it, or raise the limit")
            reply = json.loads(running.connection.recv_bytes())
        except (EOFError, OSError) as error:
            said = running.last_words()
            self._stop()
            limit = f"{self._options.max_memory_mb} MB of memory"
            raise _LostError(f"its parser crashed ({said}): damaged, or {limit} too few") from error
        if reply["lost"]:
            self._stop()
            raise _LostError(reply["refused"])
        if reply["refused"]:
            raise InputError(reply["refused"])
        return [_item(fields) for fields in reply["items"]]

    def _stop(self) -> None:
        if self._running:
            self._running.end()
            self._running = None


class _Running:
    """A started process, the connection to it, and where it writes what goes wrong."""

    def __init__(self, options: LoadOptions) -> None:
        self.connection, theirs = Pipe()
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 closed at the end
        command = [sys.executable, "-c", START, json.dumps(sys.path)]
        with theirs:
            self._process = subprocess.Popen(
                [*command, str(theirs.fileno()), json.dumps(asdict(options))],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
            )

    def last_words(self) -> str:
        """Return the signal or the last line that it ended with."""
        try:
            code = self._process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            return "no answer"
        if code < 0:
            return signal.Signals(-code).name
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1][:REASON_LIMIT] if lines else f"exit code {code}"

    def end(self) -> None:
        """End the process, whatever it does."""
        self.connection.close()
        self._process.kill()
        self._process.wait()
        self._errors.close()


def _item(fields: Mapping[str, Any]) -> Document | Failure:
    if "reason" in fields:
        return Failure(**fields)
    headings = tuple(Heading(*heading) for heading in fields["headings"])
    return Document(**{**fields, "headings": headings})


def serve(descriptor: int, limits: Mapping[str, Any]) -> None:
    """Parse what is asked for on a connection until it is closed: the process itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides, and may want the answer
    options = LoadOptions(**limits)
    memory = int(options.max_memory_mb * MEGABYTE)
    with contextlib.suppress(ValueError, OSError):  # where the system has no such limit
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    connection = Connection(descriptor)
    while True:
        try:
            loader, path, name, size = json.loads(connection.recv_bytes())
        except EOFError:
            return
        signal.alarm(math.ceil(options.timeout_s + GRACE_S))
        connection.send_bytes(_reply(loader, Source(Path(path), name, size), options))
        signal.alarm(0)


def _reply(loader: str, source: Source, options: LoadOptions) -> bytes:
    reply: dict[str, Any] = {"items": [], "refused": "", "lost": False}
    try:
        module = importlib.import_module(loader)
        with source.path.open("rb") as file:
            items = module.load(file, source, options)
            reply["items"] = [
                asdict(item) if isinstance(item, Document) else item._asdict() for item in items
            ]
        return json.dumps(reply).encode()
    except InputError as error:
        refused = str(error)
    except MemoryError:
        reply["lost"] = True
        limit = f"{options.max_memory_mb} MB of memory"
        refused = f"parsing needs more than {limit}: split it, or raise the limit"
    except RecursionError:
        refused = "nested too deep"
    except Exception as error:  # noqa: BLE001 the edge of the process: parsers raise anything
        refused = f"its parser failed ({type(error).__name__}: {error})"[:REASON_LIMIT]
    return json.dumps({**reply, "items": [], "refused": refused}).encode()
