"""A real server on a free port: clients at the same time, cut connections, an end in peace."""

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from urllib.parse import quote

import httpx
import pytest
import uvicorn

from service.app import create_app
from service.commands.serve import listening, url_of
from service.server import Server


@pytest.fixture
def url(settings, tools, fill):
    """The address of a running server whose index is filled."""
    settings = settings.model_copy(update={"port": 0})
    server = uvicorn.Server(uvicorn.Config(create_app(settings, tools), log_level="warning"))
    listener = listening(settings)
    thread = Thread(target=server.run, args=([listener],))
    thread.start()
    address = url_of(settings.host, listener)
    with httpx.Client(base_url=address) as client:
        fill(client)
    yield address
    server.should_exit = True
    thread.join(10)
    listener.close()
    assert not thread.is_alive()


def test_two_clients_at_the_same_time_get_the_same_passages_and_scores(url):
    questions = ["How do I parse JSON?", "with statement", "finally", "rows of a file"]

    def asked(_):
        with httpx.Client(base_url=url) as client:
            answers = [
                client.post("/query", json={"query": each, "index": "demo"}).json()
                for each in questions * 5
            ]
        return [[(hit["id"], hit["score"]) for hit in each["hits"]] for each in answers]

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(asked, range(2))
    for one, other in zip(first, second, strict=True):
        assert [id for id, _ in one] == [id for id, _ in other]
        assert [score for _, score in one] == pytest.approx([s for _, s in other], abs=1e-6)


def test_queries_are_answered_while_documents_come_in(url, documents):
    def post(number):
        body = {"index": f"busy-{number % 2}", "documents": documents}
        return httpx.post(f"{url}/documents", json=body, timeout=30).status_code

    def ask(_):
        return httpx.post(f"{url}/query", json={"query": "JSON", "index": "demo"}).status_code

    with ThreadPoolExecutor(4) as pool:
        posts, asks = pool.map(post, range(6)), pool.map(ask, range(20))
        assert set(posts) == {200}
        assert set(asks) == {200}


def sent(url, data):
    """Return what a server answers to raw bytes until it closes the connection."""
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), 5) as connection:
        connection.sendall(data)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


HEAD = b"POST /documents HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
HALF = HEAD + b"Content-Length: 1000\r\n\r\n{"
"""A request whose body does not come."""


@pytest.mark.parametrize(
    "told",
    [b"Content-Length: 1000000000\r\n", b"Content-Length: 200001\r\nExpect: 100-continue\r\n"],
)
def test_a_large_body_is_refused_before_it_is_sent(url, told):
    answer = sent(url, HEAD + told + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 413")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["status"] == 413


def test_a_client_that_sends_a_large_body_first_still_reads_why_it_is_refused(url):
    headers = {"Content-Type": "application/json"}
    told = httpx.post(f"{url}/documents", content=b" " * 2_000_000, headers=headers)
    untold = httpx.post(
        f"{url}/documents", content=(b" " * 100_000 for _ in range(20)), headers=headers
    )
    for answer in (told, untold):
        assert answer.status_code == 413
        assert answer.json()["errors"][0]["allowed"] == "at most 200000 bytes"


def test_a_client_that_goes_away_leaves_a_service_that_answers_and_logs_no_failure(url, caplog):
    host, _, port = url.removeprefix("http://").partition(":")
    for _ in range(5):
        with socket.create_connection((host, int(port)), 5) as connection:
            connection.sendall(HALF)
    answer = httpx.post(f"{url}/query", json={"query": "JSON", "index": "demo"})
    assert answer.status_code == 200
    assert [each.getMessage() for each in caplog.records if each.levelname == "ERROR"] == []


def test_ids_that_look_like_addresses_come_through_a_server_as_they_are(url, documents):
    # The test client decodes a path twice, so that ids with escapes in them need a real one.
    ids = ["a%0Ab", "%2F", "100%25", "..", "../x", "a/../b", "//", "a\nb", "🦊"]
    body = {"index": "odd", "documents": [{**documents[0], "id": id} for id in ids]}
    assert httpx.post(f"{url}/documents", json=body).status_code == 200
    for id in ids:
        path = quote(id, safe="").replace(".", "%2E")
        gone = httpx.delete(f"{url}/documents/{path}", params={"index": "odd"}).json()
        assert gone == {"index": "odd", "document_id": id, "chunks_removed": 1}


def test_a_request_that_does_not_end_in_time_is_a_503_problem_when_the_server_stops(
    settings, tools
):
    app = create_app(settings, tools)
    config = uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=0.2)
    server = Server(config, app.state.assay.stop)
    listener = listening(settings.model_copy(update={"port": 0}))
    port = listener.getsockname()[1]
    thread = Thread(target=server.run, args=([listener],))
    thread.start()
    with socket.create_connection((settings.host, port), 5) as connection:
        connection.sendall(HALF)
        while not server.server_state.tasks:
            time.sleep(0.01)
        server.should_exit = True
        head, _, body = b"".join(iter(lambda: connection.recv(65_536), b"")).partition(b"\r\n\r\n")
    thread.join(10)
    assert not thread.is_alive()
    assert head.startswith(b"HTTP/1.1 503")
    assert b"retry-after: 1" in head.lower()
    assert b"application/problem+json" in head
    assert "stops" in json.loads(body)["detail"]
