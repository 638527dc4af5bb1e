"""What bounds the calls to a language model: a circuit breaker, and what one question may spend.

Neither waits nor locks: both are used from one thread, that of the event loop.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from retrieval.adapters.endpoint import CallError

FAILURES = 5
OPEN_S = 15.0


class LlmError(CallError):
    """A call that failed.

    `well` is what it says about the endpoint: True, it works and only this question or answer does
    not; False, it does not work; None, nothing.
    """

    def __init__(
        self, message: str, well: bool | None = None, again_s: float | None = None
    ) -> None:
        """Keep the reason, what it says, and the wait."""
        super().__init__(message, again_s)
        self.well = well


class NotMadeError(LlmError):
    """A call that a limit refused, so that the endpoint was not asked."""

    made = False


class Breaker:
    """Refuses calls after `FAILURES` failures in a row; after `OPEN_S` one call tries again."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """Start closed."""
        self._now = now
        self._failures = 0
        self._closed_at = 0.0
        self._trying = False

    def enter(self) -> None:
        """Let a call through, or refuse it. Raises: NotMadeError that says when one may."""
        if self._failures < FAILURES:
            return
        wait_s = self._closed_at - self._now()
        if wait_s > 0 or self._trying:
            when = f"in {max(wait_s, 1):.0f} s"
            raise NotMadeError(
                f"the endpoint failed {self._failures} times in a row; it is tried again {when}"
            )
        self._trying = True

    def leave(self, well: bool | None) -> None:
        """Count how a call ended; None says nothing about the endpoint."""
        self._trying = False
        if well is None:
            return
        self._failures = 0 if well else self._failures + 1
        if self._failures >= FAILURES:
            self._closed_at = self._now() + OPEN_S


@dataclass
class Budget:
    """What is left of one question's calls and tokens."""

    calls: int
    tokens: int

    def reserve(self, tokens: int) -> None:
        """Take one call and the most tokens that it can use. Raises: NotMadeError."""
        if self.calls < 1:
            raise NotMadeError("the question has used all of its calls (llm_calls)")
        if tokens > self.tokens:
            raise NotMadeError(
                f"up to {tokens} tokens are needed and {self.tokens} are left for the question"
                " (llm_tokens)"
            )
        self.calls -= 1
        self.tokens -= tokens

    def give_back(self, tokens: int) -> None:
        """Return the tokens that a call did not use."""
        self.tokens += tokens
