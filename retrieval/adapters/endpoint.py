"""What the adapters of OpenAI-compatible endpoints share: a client, and how a call is made.

Calls run on one event loop in a thread of its own, where a deadline really ends them: while a name
is looked up, a connection is made, a header or a body drips. Nothing is left behind.
"""

import asyncio
import random
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

import httpx2
import openai
from openai import AsyncAPIResponse, AsyncOpenAI
from pydantic import SecretStr

from retrieval.errors import ConfigError, ProviderError

FAILURES = (openai.OpenAIError, httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL)
"""Everything that a call through the client can raise."""
PASSING = (408, 409, 425, 429)
"""Refusals that a later try may not meet, as those from 500 on."""
PAUSE_S = 0.2
SHOWN = 200
Result = TypeVar("Result")
Opening = AbstractAsyncContextManager[AsyncAPIResponse[Any]]


class CallError(ProviderError):
    """A call that failed. `again_s`: a wait in seconds after which it may succeed; None: never.

    `made`: whether the endpoint was asked at all.
    """

    made = True

    def __init__(
        self,
        message: str,
        again_s: float | None = None,
        cost: Mapping[str, float] | None = None,
    ) -> None:
        """Keep the reason, the wait, and what was spent."""
        super().__init__(message, cost)
        self.again_s = again_s


class Endpoint:
    """The client of one endpoint, and the thread that its calls run on, started by the first."""

    def __init__(self, setting: str, url: str | None, key: SecretStr | None) -> None:
        """Check the URL, which a setting named; nothing is sent yet. Raises: ConfigError."""
        if not (url or "").startswith(("http://", "https://")):
            raise ConfigError(
                f"Setting {setting} {url!r}: a URL is needed, as http://localhost/v1."
            )
        self._name = setting
        self._starting = threading.Lock()
        self.client = AsyncOpenAI(
            base_url=url,
            # A local server asks for none, and the client does not start without one.
            api_key="none" if key is None else key.get_secret_value(),
            max_retries=0,
            # The loop's own timeout ends a call: these would count from one byte to the next.
            timeout=None,
        )

    def run(self, call: Coroutine[Any, Any, Result]) -> Result:
        """Return what a call gives, or raise what it raises."""
        with self._starting:
            loop = self._loop
        return asyncio.run_coroutine_threadsafe(call, loop).result()

    def close(self) -> None:
        """Let go of the connections and of the thread; there are no calls after it."""
        with self._starting:
            loop: asyncio.AbstractEventLoop | None = self.__dict__.pop("_loop", None)
            if loop is not None:
                asyncio.run_coroutine_threadsafe(self.client.close(), loop).result()
                loop.call_soon_threadsafe(loop.stop)
                self._thread.join()
                loop.close()

    @cached_property
    def _loop(self) -> asyncio.AbstractEventLoop:
        loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=loop.run_forever, name=self._name, daemon=True)
        self._thread.start()
        return loop


async def body(opening: Opening, largest: int) -> bytes:
    """Return the body of an answer. Raises: CallError where it is too long, FAILURES."""
    async with opening as response:
        found = bytearray()
        async for part in response.iter_bytes():
            found += part
            if len(found) > largest:
                raise CallError(f"its answer is longer than {largest} bytes")
        return bytes(found)


async def twice(once: Callable[[], Awaitable[Result]], end: float) -> Result:
    """Make a call, and once more where that may help and there is time until `end`.

    Where the second one may not be made, the error is that of the first, which says more.
    """
    try:
        return await once()
    except CallError as error:
        if error.again_s is None:
            raise
        wait_s = max(error.again_s, PAUSE_S * random.uniform(0.5, 1.5))
        if time.monotonic() + wait_s >= end:
            raise
        first = error
    await asyncio.sleep(wait_s)
    try:
        return await once()
    except CallError as error:
        if error.made:
            raise
    raise first


class Refusal(NamedTuple):
    """The status of an endpoint's answer, its reason, and a wait as of `CallError`."""

    status: int
    reason: str
    again_s: float | None

    @classmethod
    def of(cls, error: openai.APIStatusError) -> "Refusal":
        """Return what the endpoint said: the message in the body, or its beginning."""
        told = error.body.get("message") if isinstance(error.body, dict) else None
        passing = error.status_code >= 500 or error.status_code in PASSING
        again_s = _wait(error.response.headers.get("retry-after", "")) if passing else None
        return cls(error.status_code, str(told or error.message)[:SHOWN], again_s)


def unreached(error: Exception) -> str:
    """Return why an endpoint cannot be reached."""
    return f"cannot be reached ({type(error).__name__}: {str(error.__cause__ or error)[:SHOWN]})"


def _wait(told: str) -> float:
    """The wait in seconds that an endpoint asks for, 0 where it says none."""
    return float(told) if told.isascii() and told.isdigit() else 0.0
