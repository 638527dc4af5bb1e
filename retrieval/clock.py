"""The time that one request has, shared by all that it does."""

import time

from retrieval.errors import DeadlineError


class Clock:
    """The time that one request has. Every provider and engine call asks it for its timeout."""

    def __init__(self, timeout_s: float | None = None) -> None:
        """Start now; None never ends."""
        self._end = None if timeout_s is None else time.monotonic() + timeout_s

    def remaining(self) -> float | None:
        """Return the seconds that are left, or None without a deadline.

        Raises: DeadlineError when none are left.
        """
        if self._end is None:
            return None
        left = self._end - time.monotonic()
        if left <= 0:
            raise DeadlineError("The request's time ran out.")
        return left


FOREVER = Clock()
"""No deadline: that of ingestion and of measurements."""
