"""Turns at the processor: questions go before passages, and waiting questions go together."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Condition, Lock

import numpy as np
from numpy.typing import NDArray

from retrieval.adapters.embedder_batches import Item, Runtime
from retrieval.clock import Clock

PATIENCE_S = 2.0
"""How long passages let questions go before them: a flood of these must not stop ingestion."""


class Gate:
    """One question batch, or up to `slots` passage batches; a question waits for one slot.

    It starts beside the passages that still run in the other slots, and none follow until it ends.
    `asked` tells whether there were questions at all.
    """

    def __init__(self, slots: int, patience_s: float = PATIENCE_S) -> None:
        """Start with everything free."""
        self._slots = slots
        self._patience_s = patience_s
        self._turn = Condition()
        self._passages = 0
        self._asking = False
        self._waiting = 0
        self._overdue = 0
        self.asked = False

    @contextmanager
    def question(self, clock: Clock) -> Iterator[None]:
        """Wait for the turn of a question. Raises: DeadlineError when its time runs out."""
        with self._turn:
            self.asked = True
            self._waiting += 1
            try:
                while not self._free() or self._overdue:
                    self._turn.wait(clock.remaining())
                clock.remaining()
                self._asking = True
            finally:
                self._waiting -= 1
                self._turn.notify_all()
        try:
            yield
        finally:
            with self._turn:
                self._asking = False
                self._turn.notify_all()

    @contextmanager
    def passages(self) -> Iterator[None]:
        """Wait for the turn of a batch of passages; when only questions had it, long enough."""
        with self._turn:
            while not self._turn.wait_for(self._quiet, self._patience_s):
                if not self._passages:
                    break
            self._overdue += 1
            try:
                self._turn.wait_for(self._free)
            finally:
                self._overdue -= 1
            self._passages += 1
        try:
            yield
        finally:
            with self._turn:
                self._passages -= 1
                self._turn.notify_all()

    def _free(self) -> bool:
        return not self._asking and self._passages < self._slots

    def _quiet(self) -> bool:
        return self._free() and not self._waiting


class Waiting:
    """One caller's questions, and their vectors once somebody computed them."""

    def __init__(self, items: Sequence[Item]) -> None:
        """Keep the questions."""
        self.items = list(items)
        self.done = False
        self.rows = np.empty((0, 0), dtype=np.float32)


class Together:
    """Whoever gets the turn computes for those who wait too: one batch instead of many."""

    def __init__(self, gate: Gate, runtime: Runtime) -> None:
        """Compute in turns of a gate, in batches of the size that suits the runtime."""
        self._gate = gate
        self._runtime = runtime
        self._lock = Lock()
        self._queue: list[Waiting] = []

    def rows(self, items: Sequence[Item], clock: Clock) -> NDArray[np.float32]:
        """Return one row an item, in order. Raises: DeadlineError, and ProviderError."""
        mine = Waiting(items)
        with self._lock:
            self._queue.append(mine)
        try:
            with self._gate.question(clock):
                if not mine.done:
                    self._compute(mine)
        finally:
            self._leave([mine])
        return mine.rows

    def _compute(self, mine: Waiting) -> None:
        """Compute this caller's rows and those of the first others; a failure is this caller's."""
        with self._lock:
            batch = [mine, *(each for each in self._queue if each is not mine)]
        while len(batch) > 1 and _padded(batch) > self._runtime.batch_tokens:
            batch.pop()
        rows = self._runtime.run([item for each in batch for item in each.items], "query")
        start = 0
        for each in batch:
            each.rows = rows[start : start + len(each.items)]
            each.done = True
            start += len(each.items)
        self._leave(batch)

    def _leave(self, batch: Sequence[Waiting]) -> None:
        with self._lock:
            self._queue = [each for each in self._queue if each not in batch]


def _padded(batch: Sequence[Waiting]) -> int:
    lengths = [len(item.ids) for each in batch for item in each.items]
    return len(lengths) * max(lengths)
