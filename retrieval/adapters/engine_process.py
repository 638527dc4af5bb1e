"""The engine process: one a data directory, started by the first client, gone soon after the last.

It answers one question at a time (the engine holds Python's lock in every call anyway), searches
before writes. What the engine raises goes back to the asker; a panic of the engine ends the
process, since nothing in it can be trusted then: what was acknowledged is in the log of each index
and comes back with the next start.
"""

import argparse
import os
import selectors
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from retrieval.adapters import engine_lock, engine_wire
from retrieval.adapters.engine_clients import Client, Clients
from retrieval.adapters.engine_lock import Lock, Owner
from retrieval.adapters.engine_shards import Shards
from retrieval.errors import AssayError

HELD = 3
PANIC = 70
FLUSH_AFTER_S = 2.0
LEAST_LINGER_S = 0.05


class EngineProcess:
    """The loop of the process."""

    def __init__(self, data_dir: Path, lock: Lock, linger_s: float) -> None:
        """Listen, and say so in the lock file."""
        self._lock = lock
        self._linger_s = max(linger_s, LEAST_LINGER_S)
        listener = engine_lock.listening(lock.place)
        self._address = str(listener.getsockname())
        self._selector = selectors.DefaultSelector()
        self._clients = Clients(self._selector, listener)
        self._shards = Shards(data_dir)
        taken = lock.owner()
        self._taker = taken.taker if taken and taken.state == engine_lock.STARTING else os.getpid()
        self._ended = False
        self._unflushed = False
        self._quiet_since = time.monotonic()
        self._end_on_signals()
        self._say(engine_lock.SERVING)

    def run(self) -> None:
        """Answer until the last client has been gone for the linger time, or a signal ends it."""
        while not self._ended:
            for key, events in self._selector.select(self._patience()):
                key.data(events)
            client = self._clients.next()
            if client is None:
                self._rest()
            else:
                self._answer(client)
                self._quiet_since = time.monotonic()
        self._say(engine_lock.CLOSING)
        self._clients.close()
        engine_lock.remove(self._address, self._lock.place)
        self._outcome("rest", ())
        self._shards.close()

    def _patience(self) -> float:
        """How long to wait for a question, in seconds."""
        if self._clients.asking:
            return 0.0
        if self._unflushed:
            return min(FLUSH_AFTER_S, self._linger_s)
        return self._linger_s

    def _rest(self) -> None:
        """With nothing to answer: flush, and end where no client came in the linger time."""
        now = time.monotonic()
        if self._unflushed and now - self._quiet_since >= FLUSH_AFTER_S:
            self._unflushed = False
            self._outcome("rest", ())
        alone_since = self._clients.alone_since
        self._ended |= alone_since is not None and now - alone_since >= self._linger_s

    def _answer(self, client: Client) -> None:
        operation, arguments = client.question or ("", ())
        self._unflushed |= client.writes
        reply = self._outcome(operation, arguments)
        self._clients.reply(client, reply)

    def _outcome(self, operation: str, arguments: tuple[Any, ...]) -> bytes:
        """Do what was asked; return the reply as it is sent."""
        try:
            return engine_wire.packed((engine_wire.OK, self._operation(operation)(*arguments)))
        except AssayError as error:
            return engine_wire.packed((type(error).__name__, str(error)))
        except Exception as error:  # noqa: BLE001 - the engine has no exceptions of its own
            traceback.print_exc()
            return engine_wire.packed(("StoreError", f"The index engine refused: {error}"))
        except BaseException:  # noqa: BLE001 - a panic of the engine: its locks are poisoned
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(PANIC)

    def _operation(self, name: str) -> Callable[..., Any]:
        own: dict[str, Callable[..., Any]] = {"hello": self._hello, "optimize": self._optimize}
        return own.get(name) or self._shards.operation(name)

    def _hello(self) -> tuple[int, int]:
        return engine_wire.PROTOCOL, os.getpid()

    def _optimize(self, name: str, version: str) -> bool:
        """Build where it pays and nobody else is connected: nothing is answered meanwhile."""
        shard = self._shards.shard(name, version)
        if self._clients.count > 1 or not shard.worth_building:
            return False
        self._say(engine_lock.BUILDING)
        try:
            return shard.build()
        finally:
            self._say(engine_lock.SERVING)

    def _say(self, state: str) -> None:
        self._lock.record(Owner(os.getpid(), self._address, state, self._taker))

    def _end_on_signals(self) -> None:
        """End between two questions, never within one."""
        waker, sleeper = socket.socketpair()
        waker.setblocking(False)
        signal.set_wakeup_fd(waker.fileno())
        self._signals = (waker, sleeper)
        self._selector.register(sleeper, selectors.EVENT_READ, self._end)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def _end(self, events: int) -> None:
        self._ended = True


def main(arguments: list[str] | None = None) -> int:
    """Run the engine process of a data directory; return its exit status."""
    parser = argparse.ArgumentParser(prog="engine_process", description=__doc__)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--linger", type=float, default=10.0, metavar="SECONDS")
    parser.add_argument("--lock", type=int, default=None, metavar="DESCRIPTOR")
    given = parser.parse_args(arguments)
    lock = Lock(given.data_dir, given.lock)
    if not lock.take():
        sys.stderr.write(f"{given.data_dir} is held by process {lock.taker() or 'unknown'}\n")
        return HELD
    EngineProcess(given.data_dir.absolute(), lock, given.linger).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
