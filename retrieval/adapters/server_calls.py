"""Calls to a Qdrant server: each ends by its deadline, as an answer or as one of our errors."""

import json
import math
import random
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import TypeVar

import httpx
from qdrant_client import QdrantClient
from qdrant_client.common.client_exceptions import QdrantException, ResourceExhaustedResponse
from qdrant_client.http.exceptions import (
    ApiException,
    ResponseHandlingException,
    UnexpectedResponse,
)

from retrieval.clock import Clock
from retrieval.errors import (
    AssayError,
    ConfigError,
    DeadlineError,
    NotFoundError,
    StoreError,
    UnavailableError,
)
from retrieval.settings import Settings

Answer = TypeVar("Answer")
RETRIES = 2
CONNECT_S = 3.0
PAUSE_S = 0.1
FAILURES = (
    ApiException,
    QdrantException,
    httpx.HTTPError,
    httpx.InvalidURL,
    httpx.StreamError,
    # A body that is no JSON, and every refusal of the client's own local mode.
    ValueError,
    # The client asserts that an answer is not null.
    AssertionError,
)
PASSING = (408, 425, 429)
"""Refusals that a later try may not meet, as those from 500 on."""

_end: ContextVar[float] = ContextVar("end of the call, on the monotonic clock")


class Connection:
    """A client, and how it is asked: `timeout_s` bounds what no request's clock bounds."""

    def __init__(self, client: QdrantClient, timeout_s: float) -> None:
        """Keep both."""
        self.client = client
        self._timeout_s = timeout_s

    def call(
        self,
        what: str,
        ask: Callable[[int], Answer],
        clock: Clock | None = None,
        retries: int = RETRIES,
    ) -> Answer:
        """Return what the server answers to `ask`, which is given the whole seconds that are left.

        `ask` has to be repeatable: a busy, failing or unreachable server is asked again while
        there is time. `what` begins the text of an error.

        Raises: DeadlineError when the clock ran out; UnavailableError, StoreError, ConfigError,
            NotFoundError.
        """
        left = None if clock is None else clock.remaining()
        end = time.monotonic() + (self._timeout_s if left is None else left)
        tries = 0
        while True:
            try:
                return _asked(ask, end)
            except FAILURES as error:
                failure = failed(what, error)
                if not isinstance(failure, UnavailableError):
                    raise failure from error
                now = time.monotonic()
                if left is not None and now >= end:
                    raise DeadlineError(f"{what}: the request's time ran out.") from error
                wait_s = _told(error) or PAUSE_S * 2**tries * random.uniform(0.5, 1.5)
                if tries == retries or now + wait_s >= end:
                    raise failure from error
            time.sleep(wait_s)
            tries += 1


def connect(settings: Settings) -> QdrantClient:
    """Return a client of the server in the settings; nothing is sent yet.

    Raises: ConfigError for a URL that cannot be one.
    """
    key = settings.qdrant_api_key
    try:
        return QdrantClient(
            url=settings.qdrant_url,
            api_key=None if key is None else key.get_secret_value(),
            check_compatibility=False,
            # The client gives these to httpx: its own timeouts are whole seconds, and it keeps no
            # connection to a server on the same machine.
            limits=httpx.Limits(max_connections=100, max_keepalive_connections=20),
            event_hooks={"request": [_bound], "response": [_bound_body]},
        )
    except (ValueError, httpx.InvalidURL) as error:
        raise ConfigError(
            f"Setting qdrant_url {settings.qdrant_url!r} is not the URL of a server ({error})."
            " It looks like http://localhost:6333."
        ) from error


def failed(what: str, error: Exception) -> AssayError:
    """Return what an exception of the client means."""
    if isinstance(error, ResponseHandlingException) and isinstance(error.source, Exception):
        error = error.source
    wait_s = _told(error) or 1.0
    if isinstance(error, QdrantException):
        return UnavailableError(f"{what}: the Qdrant server is busy ({error}).", wait_s)
    if isinstance(error, UnexpectedResponse):
        return _refused(what, error.status_code or 0, _message(error.content), wait_s)
    if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL):
        return ConfigError(f"{what}: {error}. Set ASSAY_QDRANT_URL, as http://localhost:6333.")
    why = f"{type(error).__name__}: {str(error)[:200]}"
    if isinstance(error, httpx.TransportError):
        return UnavailableError(
            f"{what}: the Qdrant server does not answer ({why}). Is ASSAY_QDRANT_URL right?"
        )
    return StoreError(f"{what}: the Qdrant server's answer cannot be used ({why}).")


def _refused(what: str, status: int, message: str | None, wait_s: float) -> AssayError:
    """What a status other than success means; a message of None is not Qdrant's."""
    text = f"{what}: the Qdrant server answers {status}" + (f" ({message})" if message else "")
    if status in (401, 403):
        return ConfigError(f"{text}. Set ASSAY_QDRANT_API_KEY to a key that may do this.")
    if status >= 500 or status in PASSING:
        return UnavailableError(f"{text}.", wait_s)
    if status == 404 and message:
        return NotFoundError(f"{text}.", "index")
    hint = "" if message else " No Qdrant server says so: is ASSAY_QDRANT_URL right?"
    return StoreError(f"{text}.{hint}")


def _message(content: bytes) -> str | None:
    """The reason in a body of Qdrant's."""
    try:
        return str(json.loads(content)["status"]["error"])
    except (ValueError, KeyError, TypeError):
        return None


def _told(error: Exception) -> float | None:
    """The wait in seconds that the server asks for."""
    if isinstance(error, ResourceExhaustedResponse):
        return float(error.retry_after_s)
    if isinstance(error, UnexpectedResponse):
        value = error.headers.get("retry-after", "")
        return float(value) if value.isascii() and value.isdigit() else None
    return None


def _asked(ask: Callable[[int], Answer], end: float) -> Answer:
    token = _end.set(end)
    try:
        return ask(max(1, math.ceil(end - time.monotonic())))
    finally:
        _end.reset(token)


def _bound(request: httpx.Request) -> None:
    """Give a request the time that is left of its call."""
    left = _end.get(math.inf) - time.monotonic()
    if left <= 0:
        raise httpx.ReadTimeout("no time is left", request=request)
    if left < math.inf:
        timeout = httpx.Timeout(left, connect=min(left, CONNECT_S))
        request.extensions["timeout"] = timeout.as_dict()


def _bound_body(response: httpx.Response) -> None:
    if isinstance(response.stream, httpx.SyncByteStream):
        response.stream = _Body(response.stream, _end.get(math.inf))


class _Body(httpx.SyncByteStream):
    """A body that ends by its deadline: httpx counts the time from one piece to the next only."""

    def __init__(self, stream: httpx.SyncByteStream, end: float) -> None:
        self._stream = stream
        self._end = end

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._stream:
            if time.monotonic() > self._end:
                raise httpx.ReadTimeout("the answer came too slowly")
            yield piece

    def close(self) -> None:
        self._stream.close()
