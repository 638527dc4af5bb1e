"""A bounded queue between two threads that can be ended from the outside."""

from collections import deque
from collections.abc import Iterator
from threading import Condition
from typing import Generic, TypeVar

T = TypeVar("T")


class LaneStopped(Exception):
    """The work that a lane belongs to was stopped; what was in it is gone."""


class Lane(Generic[T]):
    """Items in order, together no heavier than a capacity, unless a single one is."""

    def __init__(self, capacity: int) -> None:
        """Start empty; weights are in the unit of the capacity."""
        self._capacity = capacity
        self._items: deque[tuple[T, int]] = deque()
        self._weight = 0
        self._finished = False
        self._stopped = False
        self._changed = Condition()

    def put(self, item: T, weight: int) -> None:
        """Add an item, as soon as there is room for it. Raises: LaneStopped."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._stopped or not self._items or self._weight + weight <= self._capacity
            )
            self._go_on()
            self._items.append((item, weight))
            self._weight += weight
            self._changed.notify_all()

    def finish(self) -> None:
        """Say that no more items come."""
        with self._changed:
            self._finished = True
            self._changed.notify_all()

    def stop(self) -> None:
        """Drop all items and wake whoever waits."""
        with self._changed:
            self._stopped = True
            self._items.clear()
            self._changed.notify_all()

    def take(self, timeout_s: float | None = None) -> tuple[T, ...]:
        """Return the next item as a tuple of one, or none where time or the items ran out.

        Raises: LaneStopped.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._items or self._finished or self._stopped, timeout_s
            )
            self._go_on()
            if not self._items:
                return ()
            item, weight = self._items.popleft()
            self._weight -= weight
            self._changed.notify_all()
            return (item,)

    @property
    def drained(self) -> bool:
        """Whether nothing is in it and nothing more comes."""
        with self._changed:
            return self._finished and not self._items

    def __iter__(self) -> Iterator[T]:
        """Yield items until the last one. Raises: LaneStopped."""
        while not self.drained:
            yield from self.take()

    def _go_on(self) -> None:
        if self._stopped:
            raise LaneStopped
