"""The client of the engine process: it starts the process where none runs, and asks it.

The engine holds Python's lock in every call (`optimize` for a minute), panics on malformed input,
and is damaged by a second opener; so one process of its own owns a data directory, and every
command of the user asks that one. See `engine_process` for the other side.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock as Mutex
from typing import Any

from retrieval import errors
from retrieval.adapters import engine_lock, engine_wire
from retrieval.adapters.engine_lock import Lock, Owner
from retrieval.errors import BusyError, StoreError, UnavailableError

LINGER_S = 10.0
START_S = 30.0
STRANGER_S = 2.0
"""How long a holder of the lock that does not answer may be one that is about to."""
HELLO_S = 5.0
IDLE_CONNECTIONS = 32
ROOT = Path(__file__).resolve().parents[2]


class Detached(subprocess.Popen[bytes]):
    """A process that outlives this one on purpose, and so without a warning."""

    def __del__(self) -> None:
        """Leave it running."""


_started: list[Detached] = []


class Engine:
    """The engine process of one data directory, as its clients see it. Safe to share by threads.

    `linger_s`: how long a process that this client starts stays after its last client has gone.
    """

    def __init__(self, data_dir: Path, linger_s: float = LINGER_S) -> None:
        """Remember where; nothing is started before the first question."""
        self.data_dir = data_dir.absolute()
        self._linger_s = linger_s
        self._idle: list[socket.socket] = []
        self._mutex = Mutex()
        self._process = os.getpid()

    def ask(self, operation: str, *arguments: Any, timeout_s: float | None = None) -> Any:
        """Return the engine's answer. Raises: as `begin` and what it returns."""
        return self.begin(operation, *arguments, timeout_s=timeout_s)()

    def begin(
        self, operation: str, *arguments: Any, timeout_s: float | None = None
    ) -> Callable[[], Any]:
        """Send a question; what is returned waits for the answer, once.

        Raises, both: UnavailableError where the engine ended or did not answer in time; BusyError
            where another program holds the data directory; what the engine itself answers with.
        """
        end = None if timeout_s is None else time.monotonic() + timeout_s
        connection = self._waiting() or self._connect(end)
        with self._kept(connection, answered=False):
            connection.settimeout(engine_wire.left(end))
            connection.sendall(engine_wire.packed((operation, arguments)))

        def wait() -> Any:
            with self._kept(connection, answered=True):
                status, answer = engine_wire.receive(connection, end)
            if status == engine_wire.OK:
                return answer
            raise getattr(errors, status, StoreError)(answer)

        return wait

    def pid(self) -> int | None:
        """Return the id of the running engine process, or None; starts nothing."""
        if not (self.data_dir / "engine" / "lock").exists():
            return None
        with Lock(self.data_dir) as lock:
            owner = None if lock.take() else lock.owner()
        return owner.pid if owner and owner.alive else None

    def close(self) -> None:
        """Close the connections that wait; those in use close when they are answered."""
        with self._mutex:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _waiting(self) -> socket.socket | None:
        """An open connection that nobody uses. One inherited by a fork belongs to the parent."""
        if self._process != os.getpid():
            self._process = os.getpid()
            self._mutex = Mutex()
            self.close()
        while True:
            with self._mutex:
                if not self._idle:
                    return None
                connection = self._idle.pop()
            connection.setblocking(False)
            try:
                connection.recv(1, socket.MSG_PEEK)
            except BlockingIOError:
                return connection
            except OSError:
                pass
            connection.close()

    @contextmanager
    def _kept(self, connection: socket.socket, answered: bool) -> Iterator[None]:
        """Keep a connection for the next question once it has answered, close it if it fails."""
        usable = False
        try:
            yield
            usable = True
        except TimeoutError as error:
            raise UnavailableError(
                f"The index engine of {self.data_dir} did not answer in time; it is busy."
            ) from error
        except (OSError, EOFError, ValueError) as error:
            raise UnavailableError(
                f"The index engine of {self.data_dir} ended before it answered. It starts again"
                f" with the next call; {self.data_dir / 'engine' / 'log'} may say why it ended."
            ) from error
        finally:
            if answered or not usable:
                self._keep(connection, usable)

    def _keep(self, connection: socket.socket, usable: bool) -> None:
        with self._mutex:
            if usable and len(self._idle) < IDLE_CONNECTIONS:
                self._idle.append(connection)
                return
        connection.close()

    def _connect(self, end: float | None) -> socket.socket:
        """A new connection; the process is started if nobody holds the lock."""
        now = time.monotonic()
        end = now + START_S if end is None else min(end, now + START_S)
        child: Detached | None = None
        seen: tuple[Owner | None, int | None] = (None, None)
        since = now
        while now < end:
            with Lock(self.data_dir) as lock:
                owner = lock.owner()
                connection = self._greeted(owner, end)
                if connection:
                    return connection
                if child is not None and child.poll():
                    raise StoreError(f"The index engine could not start: {self._last_words()}")
                if lock.take():
                    child = self._spawn(lock)
                elif owner and owner.state == engine_lock.BUILDING:
                    raise UnavailableError(
                        f"The index engine of {self.data_dir} (process {owner.pid}) is building an"
                        " index, and answers when it is done.",
                        retry_after_s=10.0,
                    )
                elif seen != (owner, lock.taker()):
                    seen, since = (owner, lock.taker()), now
                elif now - since > STRANGER_S:
                    self._refuse(*seen)
            time.sleep(0.01)
            now = time.monotonic()
        raise UnavailableError(f"The index engine of {self.data_dir} is not ready yet.")

    def _refuse(self, owner: Owner | None, taker: int | None) -> None:
        """Raise BusyError for a holder of the lock that is no engine, or answers no more."""
        ours = owner if owner and owner.alive and taker in (None, owner.taker) else None
        if ours and ours.state in (engine_lock.STARTING, engine_lock.CLOSING):
            return
        who = ours.pid if ours else taker
        raise BusyError(
            f"The data directory {self.data_dir} is held by"
            f" {f'process {who}' if who else 'another process'}, which does not answer as an"
            " index engine. Stop that process, or set data_dir to another directory. Nothing"
            " in it was touched."
        )

    def _greeted(self, owner: Owner | None, end: float) -> socket.socket | None:
        """A connection to the recorded owner, or None where nobody listens there.

        Raises: UnavailableError where it listens and is busy, BusyError where it is of another
            version.
        """
        if owner is None or not owner.address or owner.state == engine_lock.BUILDING:
            return None
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        patience = min(end, time.monotonic() + HELLO_S)
        greeted = False
        try:
            connection.settimeout(engine_wire.left(patience))
            connection.connect(owner.address)
            connection.sendall(engine_wire.packed(("hello", ())))
            status, answer = engine_wire.receive(connection, patience)
            greeted = status == engine_wire.OK and answer[0] == engine_wire.PROTOCOL
        except (TimeoutError, BlockingIOError) as error:
            raise UnavailableError(
                f"The index engine of {self.data_dir} (process {owner.pid}) is busy."
            ) from error
        except (OSError, EOFError):
            return None
        except (ValueError, TypeError, IndexError):
            greeted = False
        finally:
            if not greeted:
                connection.close()
        if not greeted:
            raise BusyError(
                f"The data directory {self.data_dir} is held by process {owner.pid}, an engine of"
                " another version of Assay. Stop it, or set data_dir to another directory."
            )
        return connection

    def _spawn(self, lock: Lock) -> Detached:
        """Start the process, which inherits the lock, in a session of its own: Ctrl-C ends us."""
        _started[:] = [child for child in _started if child.poll() is None]
        lock.record(Owner(os.getpid(), "", engine_lock.STARTING, os.getpid()))
        command = [sys.executable, "-m", "retrieval.adapters.engine_process", str(self.data_dir)]
        command += ["--linger", str(self._linger_s), "--lock", str(lock.descriptor)]
        with (lock.place / "log").open("wb") as log:
            child = Detached(
                command,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(lock.descriptor,),
                start_new_session=True,
            )
        _started.append(child)
        return child

    def _last_words(self) -> str:
        lines = (self.data_dir / "engine" / "log").read_text(errors="replace").split("\n")
        said = [line for line in lines if line.strip()]
        return said[-1] if said else "it said nothing."
