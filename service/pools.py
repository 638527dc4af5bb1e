"""Worker threads: so many requests of one kind at a time, so many in line, the rest come back."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Any, TypeVar

from retrieval.errors import UnavailableError

Result = TypeVar("Result")


class Pool:
    """A bounded pool for one kind of request, so that no kind starves another."""

    def __init__(self, name: str, size: int, line: int) -> None:
        """Run `size` at a time and keep at most `line` waiting."""
        self._threads = ThreadPoolExecutor(size, thread_name_prefix=f"assay-{name}")
        self._name, self._most, self._inside = name, size + line, 0
        self._lock = Lock()

    async def run(self, work: Callable[[], Result]) -> Result:
        """Return what the work gives, in a thread of the pool.

        Raises: UnavailableError where the line is full; whatever the work raises.
        """
        with self._lock:
            if self._inside >= self._most:
                raise UnavailableError(f"{self._most} {self._name} are running or waiting.")
            self._inside += 1
        future = self._threads.submit(work)
        # Counted when the work ends, not when its client goes: a thread cannot be taken back.
        future.add_done_callback(self._leave)
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Let running work end and start none of what waits."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _leave(self, _: Future[Any]) -> None:
        with self._lock:
            self._inside -= 1
