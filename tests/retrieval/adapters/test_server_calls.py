"""The server's store when the server, the network or the answer is at fault: one error, in time."""

import json
import socket
import struct
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from qdrant_client.common.client_exceptions import QdrantException, ResourceExhaustedResponse
from qdrant_client.http.exceptions import (
    ApiException,
    ResponseHandlingException,
    UnexpectedResponse,
)

from retrieval.adapters.server_calls import FAILURES, failed
from retrieval.adapters.store_server import ServerIndexes
from retrieval.clock import Clock
from retrieval.errors import (
    AssayError,
    ConfigError,
    DeadlineError,
    NotFoundError,
    StoreError,
    UnavailableError,
)
from retrieval.kit import Kit, Match, Store
from retrieval.offline import HashEmbedder, WordSparse, documents, offline_manifest, passage
from retrieval.settings import Settings
from retrieval.types import Chunk

# The client's local mode says that it knows no payload indexes and searches exactly.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Payload indexes have no effect"),
    pytest.mark.filterwarnings("ignore:Local mode performs exact"),
    pytest.mark.filterwarnings("ignore:Api key is used with an insecure connection"),
]
Fault = Callable[[Any], None]
DEADLINE_S = 0.3
SLACK_S = 0.5
"""With the deadline less than a second, which is the least that the client itself can wait."""
PROBE = HashEmbedder().passages(["words"])[0]


def says(status: int, body: Any, **headers: str) -> Fault:
    """An answer; text stands for a body that is not JSON."""
    data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda to: to.send(status, data, named)


def refusal(status: int, **headers: str) -> Fault:
    return says(status, {"status": {"error": "a reason"}, "time": 0.0}, **headers)


def silent(to: Any) -> None:
    to.server.closing.wait(3 * DEADLINE_S)
    to.close_connection = True


def resets(to: Any) -> None:
    to.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    to.connection.close()
    to.close_connection = True


def hangs_up(to: Any) -> None:
    to.close_connection = True


def truncates(to: Any) -> None:
    to.send(200, b'{"result": [', {"Content-Length": "1000"})
    to.close_connection = True


def drips(to: Any) -> None:
    to.send(200, b"{", {"Content-Length": "1000"})
    to.close_connection = True
    for _ in range(40):
        to.wfile.flush()
        if to.server.closing.wait(DEADLINE_S / 10):
            return
        to.wfile.write(b" ")


@pytest.fixture(scope="module")
def indexes(rest: Any) -> Iterator[ServerIndexes]:
    found = ServerIndexes(Settings(qdrant_url=rest.url))
    yield found
    found.close()


@pytest.fixture(scope="module")
def filled(indexes: ServerIndexes) -> Store:
    store = indexes.create(offline_manifest("filled", 1.0, {"year": "int"}))
    return put(store, passage("d", "words"))


@pytest.fixture
def store(filled: Store, rest: Any) -> Iterator[Store]:
    rest.asked.clear()
    yield filled
    rest.faults.clear()


def put(store: Store, *chunks: Chunk) -> Store:
    store.replace(documents(Kit(HashEmbedder(), WordSparse(), store), chunks, 1.0))
    return store


def search(store: Store, timeout_s: float = 5.0) -> list[Match]:
    (found,) = store.search([PROBE], None, 5, Clock(timeout_s))
    return found


PASSING = {
    "429": refusal(429),
    "429 that names a moment": refusal(429, Retry_After="0"),
    "500": refusal(500),
    "502 of a proxy": says(502, "<html>Bad gateway</html>"),
    "503": refusal(503),
    "a reset connection": resets,
    "a closed connection": hangs_up,
    "a truncated body": truncates,
}


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
def test_a_passing_fault_is_asked_again_and_a_lasting_one_is_unavailable(
    store: Store, rest: Any, fault: Fault
) -> None:
    rest.faults.extend([fault, fault])
    assert [match.chunk.document_id for match in search(store)] == ["d"]
    assert len(rest.asked) == 3
    rest.faults.extend([fault] * 10)
    with pytest.raises(UnavailableError, match="filled") as caught:
        search(store)
    assert caught.value.retry_after_s > 0
    assert len(rest.asked) == 6


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
def test_writing_survives_a_passing_fault(store: Store, rest: Any, fault: Fault) -> None:
    rest.faults.append(fault)
    put(store, passage("d", "words"))
    assert store.count() == 1


LASTING: dict[str, tuple[Fault, type[AssayError], str]] = {
    "400": (refusal(400), StoreError, "a reason"),
    "401": (refusal(401), ConfigError, "ASSAY_QDRANT_API_KEY"),
    "403": (says(403, "Forbidden"), ConfigError, "ASSAY_QDRANT_API_KEY"),
    "404": (refusal(404), NotFoundError, "a reason"),
    "404 of something else": (says(404, "<html>"), StoreError, "ASSAY_QDRANT_URL"),
    "409": (refusal(409), StoreError, "a reason"),
    "413": (says(413, "too large"), StoreError, "413"),
    "a redirect": (says(307, "", Location="/elsewhere"), StoreError, "307"),
    "no JSON": (says(200, "<html>Welcome</html>"), StoreError, "cannot be used"),
    "an empty body": (says(200, ""), StoreError, "cannot be used"),
    "JSON of another kind": (says(200, {"result": 5}), StoreError, "cannot be used"),
    "null": (says(200, {"result": None}), StoreError, "cannot be used"),
    "no bytes of text": (lambda to: to.send(200, b"\xff\xfe"), StoreError, "cannot be used"),
    "an answer too few": (says(200, {"result": []}), StoreError, "0 answered"),
    "a point of someone else": (
        says(200, {"result": [{"points": [{"id": 1, "version": 0, "score": 1.0}]}]}),
        StoreError,
        "Assay did not write it",
    ),
}


@pytest.mark.parametrize(("fault", "error", "words"), LASTING.values(), ids=LASTING)
def test_a_lasting_fault_is_told_at_once(
    store: Store, rest: Any, fault: Fault, error: type[AssayError], words: str
) -> None:
    rest.faults.append(fault)
    with pytest.raises(error, match=words) as caught:
        search(store)
    assert type(caught.value) is error
    assert len(rest.asked) == 1
    assert len(search(store)) == 1


@pytest.mark.parametrize("fault", [silent, drips])
def test_a_slow_answer_ends_with_the_request(store: Store, rest: Any, fault: Fault) -> None:
    rest.faults.append(fault)
    start = time.monotonic()
    with pytest.raises(DeadlineError):
        search(store, DEADLINE_S)
    assert time.monotonic() - start < DEADLINE_S + SLACK_S
    assert len(rest.asked) == 1


@pytest.mark.parametrize("fault", [silent, drips])
def test_without_a_deadline_a_slow_answer_ends_with_the_setting(
    store: Store, rest: Any, fault: Fault
) -> None:
    indexes = ServerIndexes(Settings(qdrant_url=rest.url, store_timeout_s=DEADLINE_S))
    rest.faults.append(fault)
    start = time.monotonic()
    with pytest.raises(UnavailableError):
        indexes.names()
    assert time.monotonic() - start < DEADLINE_S + SLACK_S
    indexes.close()


def test_the_wait_that_a_server_asks_for_is_kept(store: Store, rest: Any) -> None:
    rest.faults.append(refusal(429, Retry_After="1"))
    start = time.monotonic()
    assert len(search(store)) == 1
    assert time.monotonic() - start >= 1.0


@pytest.mark.parametrize("status", [429, 503])
def test_a_wait_beyond_the_deadline_is_passed_on(store: Store, rest: Any, status: int) -> None:
    rest.faults.append(refusal(status, Retry_After="7"))
    with pytest.raises(UnavailableError) as caught:
        search(store)
    assert (caught.value.retry_after_s, len(rest.asked)) == (7.0, 1)


def test_a_wait_that_is_no_number_of_seconds_is_no_reason_to_stop(store: Store, rest: Any) -> None:
    rest.faults.append(refusal(429, Retry_After="Wed, 21 Oct 2026 07:28:00 GMT"))
    assert len(search(store)) == 1


def test_a_write_that_is_not_applied_in_time_is_not_taken_for_done(store: Store, rest: Any) -> None:
    late = {"operation_id": 1, "status": "wait_timeout"}
    rest.faults.append(says(200, {"result": [late, late]}))
    with pytest.raises(UnavailableError, match="too slow"):
        put(store, passage("d", "words"))


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    indexes = ServerIndexes(Settings(qdrant_url=url, store_timeout_s=DEADLINE_S))
    with pytest.raises(UnavailableError, match="ASSAY_QDRANT_URL"):
        indexes.names()
    indexes.close()
    with pytest.raises(StoreError):
        indexes.names()


@pytest.mark.parametrize(
    "url", ["ftp://localhost:6333", "http://[", "http://a b:1", "http://:99999"]
)
def test_a_url_that_cannot_be_one_is_a_fault_of_the_settings(url: str) -> None:
    with pytest.raises(ConfigError, match=r"qdrant_url|QDRANT_URL"):
        ServerIndexes(Settings(qdrant_url=url, store_timeout_s=DEADLINE_S)).names()


def exceptions(base: type[BaseException]) -> list[type[BaseException]]:
    return [base, *(found for each in base.__subclasses__() for found in exceptions(each))]


def test_every_exception_of_the_client_has_a_meaning() -> None:
    headers = httpx.Headers()
    known = {
        UnexpectedResponse: UnexpectedResponse(418, "", b"", headers),
        ResponseHandlingException: ResponseHandlingException(ValueError("body")),
        ResourceExhaustedResponse: ResourceExhaustedResponse("busy", 3),
        httpx.HTTPStatusError: httpx.HTTPStatusError(
            "status", request=httpx.Request("GET", "http://a"), response=httpx.Response(500)
        ),
    }
    silent = {httpx.StreamConsumed, httpx.StreamClosed, httpx.ResponseNotRead, httpx.RequestNotRead}
    roots = (ApiException, QdrantException, httpx.HTTPError, httpx.InvalidURL, httpx.StreamError)
    found = [kind for root in roots for kind in exceptions(root)]
    assert len(found) > 25
    for kind in found:
        error = known.get(kind) or (kind() if kind in silent else kind("text"))  # type: ignore[call-overload]
        assert isinstance(error, FAILURES), kind
        assert isinstance(failed("Asking", error), AssayError), kind
        wrapped = failed("Asking", ResponseHandlingException(error))  # type: ignore[arg-type]
        assert type(wrapped) is type(failed("Asking", error)), kind
