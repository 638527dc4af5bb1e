"""The endpoint's encoder against a local server that speaks the protocol, and fails often."""

import base64
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
import numpy as np
import openai
import pytest

from retrieval.adapters.embedder import open_embedder
from retrieval.adapters.embedder_answer import failed
from retrieval.adapters.embedder_http import LIMIT, HttpEmbedder
from retrieval.adapters.endpoint import FAILURES
from retrieval.clock import Clock
from retrieval.errors import AssayError, ConfigError, DeadlineError, ProviderError
from retrieval.open_kit import Tools
from retrieval.settings import Settings

DIMENSION = 3
DEADLINE_S = 0.4
Rows = list[dict[str, Any]]


def vector(text: str) -> list[float]:
    return [float(len(text)), float(text.count("a")), 1.0]


class Endpoint(ThreadingHTTPServer):
    """Answers `/v1/embeddings` with floats or base64; `faults` are used up one a request."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.base64 = False
        self.change: Callable[[Rows], object] = lambda rows: rows
        self.faults: deque[Callable[[Answering], None]] = deque()
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def rows(self, texts: list[str]) -> Rows:
        found: Rows = []
        for index, text in enumerate(texts):
            data: Any = vector(text)
            if self.base64:
                data = base64.b64encode(np.array(data, dtype="<f4").tobytes()).decode()
            found.append({"object": "embedding", "index": index, "embedding": data})
        return found


class Answering(BaseHTTPRequestHandler):
    """One connection to the endpoint."""

    server: Endpoint
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append({"path": self.path, **body})
        self.server.keys.append(self.headers["Authorization"])
        if self.server.faults:
            self.server.faults.popleft()(self)
        else:
            rows = self.server.change(self.server.rows(body["input"]))
            usage = {"prompt_tokens": 1, "total_tokens": 1}
            self.send(200, {"object": "list", "data": rows, "model": "m", "usage": usage})

    def send(self, status: int, body: object, headers: dict[str, str] | None = None) -> None:
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        pass


def says(status: int, **headers: str) -> Callable[[Answering], None]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda to: to.send(status, {"error": {"message": "a reason"}}, named)


def silent(to: Answering) -> None:
    to.server.closing.wait(5)
    to.close_connection = True


def dripping(to: Answering) -> None:
    """A body that never ends, a byte at a time: no single read takes long."""
    to.send_response(200)
    to.send_header("Content-Length", "100000")
    to.end_headers()
    while not to.server.closing.wait(0.02):
        to.wfile.write(b" ")


def cut(to: Answering) -> None:
    to.send_response(200)
    to.send_header("Content-Length", "1000")
    to.end_headers()
    to.wfile.write(b'{"data": [')
    to.close_connection = True


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    server = Endpoint()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.closing.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def embedder(endpoint: Endpoint) -> Iterator[HttpEmbedder]:
    yield from opened(endpoint)


def opened(endpoint: Endpoint, **changes: Any) -> Iterator[HttpEmbedder]:
    where = Settings(embeddings_url=endpoint.url, encoder="some-model", **changes)
    found = open_embedder(where)
    assert isinstance(found, HttpEmbedder)
    yield found
    found.close()


def expected(texts: list[str]) -> Any:
    rows = np.array([vector(text) for text in texts])
    return pytest.approx(rows / np.linalg.norm(rows, axis=1, keepdims=True), abs=1e-6)


@pytest.mark.parametrize("encoded", [False, True], ids=["floats", "base64"])
def test_vectors_have_unit_length_in_either_encoding(
    encoded: bool, endpoint: Endpoint, embedder: HttpEmbedder
) -> None:
    endpoint.base64 = encoded
    texts = ["a cat", "bread", "a train"]
    assert embedder.queries(texts, Clock(10.0)) == expected(texts)
    assert embedder.passages(texts) == expected(texts)
    assert embedder.passages(texts).dtype == np.float32
    assert {each["model"] for each in endpoint.requests} == {"some-model"}
    assert {each["path"] for each in endpoint.requests} == {"/v1/embeddings"}


def test_the_order_is_restored_by_index(endpoint: Endpoint, embedder: HttpEmbedder) -> None:
    endpoint.change = lambda rows: rows[::-1]
    texts = ["a cat", "bread", "a train"]
    assert embedder.passages(texts) == expected(texts)


def test_an_endpoint_without_indexes_is_taken_in_order(
    endpoint: Endpoint, embedder: HttpEmbedder
) -> None:
    endpoint.change = lambda rows: [{"embedding": row["embedding"]} for row in rows]
    assert embedder.passages(["a", "bb"]) == expected(["a", "bb"])


def test_the_dimension_is_learned_by_one_call(endpoint: Endpoint, embedder: HttpEmbedder) -> None:
    assert embedder.dimension == DIMENSION
    assert embedder.passages([]).shape == (0, DIMENSION)
    assert embedder.identity == {
        "name": "some-model",
        "hash": None,
        "dimension": DIMENSION,
        "query_prompt": "",
        "passage_prompt": "",
        "limit": LIMIT,
    }
    assert len(endpoint.requests) == 1
    assert embedder.describe() == {"backend": "http", "url": endpoint.url}


def test_texts_go_in_batches_of_bounded_size(endpoint: Endpoint, embedder: HttpEmbedder) -> None:
    texts = ["a" * number for number in range(1, 151)]
    assert embedder.passages(texts) == expected(texts)
    assert [len(each["input"]) for each in endpoint.requests] == [64, 64, 22]
    endpoint.requests.clear()
    embedder.passages(["a " * 60_000] * 4)
    assert all(sum(map(len, each["input"])) <= 200_000 for each in endpoint.requests)


def test_a_text_is_cut_at_the_limit_and_never_empty(
    endpoint: Endpoint, embedder: HttpEmbedder
) -> None:
    embedder.passages(["cat " * (LIMIT + 100), "", "  "])
    long, *blank = endpoint.requests[0]["input"]
    assert long == ("cat " * LIMIT).rstrip()
    assert blank == [".", "."]


def test_prompts_and_the_key_are_sent(endpoint: Endpoint) -> None:
    options = {"query_prompt": "query: ", "passage_prompt": "passage: "}
    for found in opened(endpoint, embeddings_api_key="secret", **options):
        found.queries(["cats"], Clock(10.0))
        found.passages(["cats"])
        assert found.token_counts(["cats"]) == [len(found.token_spans("passage: cats"))]
    sent = [text for each in endpoint.requests for text in each["input"]]
    assert sent == ["query: cats", "passage: cats"]
    assert set(endpoint.keys) == {"Bearer secret"}


def test_tokens_are_counted_as_words_of_five_letters_and_single_signs(
    embedder: HttpEmbedder,
) -> None:
    text = "Retrieval, in 2024: 東京!"
    tokens = ["Retri", "eval", ",", "in", "202", "4", ":", "東", "京", "!"]
    assert [text[start:end] for start, end in embedder.token_spans(text)] == tokens
    assert embedder.token_counts([text, ""]) == [len(tokens), 0]


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_a_passing_failure_is_tried_once_more(
    status: int, endpoint: Endpoint, embedder: HttpEmbedder
) -> None:
    endpoint.faults.append(says(status))
    assert embedder.passages(["a"]) == expected(["a"])
    endpoint.faults.extend([says(status), says(status)])
    with pytest.raises(ProviderError, match=rf"{endpoint.url}.*{status}.*a reason"):
        embedder.passages(["a"])
    assert len(endpoint.requests) == 4


def test_a_wait_that_the_endpoint_asks_for_is_kept_if_there_is_time(
    endpoint: Endpoint, embedder: HttpEmbedder
) -> None:
    endpoint.faults.append(says(429, Retry_After="1"))
    began = time.monotonic()
    embedder.queries(["a"], Clock(10.0))
    assert time.monotonic() - began >= 1.0
    endpoint.faults.append(says(429, Retry_After="5"))
    began = time.monotonic()
    with pytest.raises(ProviderError, match="429"):
        embedder.queries(["a"], Clock(2.0))
    assert time.monotonic() - began < 1.0


@pytest.mark.parametrize(
    ("status", "kind", "text"),
    [
        (400, ProviderError, "a reason"),
        (422, ProviderError, "a reason"),
        (401, ConfigError, "embeddings_api_key"),
        (403, ConfigError, "embeddings_api_key"),
        (404, ConfigError, "embeddings_url and encoder"),
    ],
)
def test_a_refusal_is_not_tried_again(
    status: int, kind: type[AssayError], text: str, endpoint: Endpoint, embedder: HttpEmbedder
) -> None:
    endpoint.faults.append(says(status))
    with pytest.raises(kind, match=text):
        embedder.queries(["a"], Clock(10.0))
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda rows: rows[:1], "1 vectors"),
        (lambda rows: [*rows, rows[0]], "3 vectors"),
        (lambda rows: [rows[0], rows[0]], "2 vectors at"),
        (lambda rows: [rows[0], {**rows[1], "embedding": [1.0]}], "differ in length"),
        (lambda rows: [{**row, "embedding": []} for row in rows], "empty"),
        (lambda rows: [{**row, "embedding": [0.0, 0.0]} for row in rows], "zeros"),
        (lambda rows: [{**row, "embedding": [float("nan"), 1.0]} for row in rows], "not finite"),
        (lambda rows: [{**row, "embedding": [1e60, 1.0]} for row in rows], "not finite"),
        (lambda rows: [{**row, "embedding": [None, 1.0]} for row in rows], "not finite"),
        (lambda rows: [{**row, "embedding": ["x"]} for row in rows], "no list of embeddings"),
        (lambda rows: [{**row, "embedding": "=x="} for row in rows], "no list of embeddings"),
        (lambda rows: [{**row, "embedding": [[1.0]]} for row in rows], "no list of embeddings"),
        (lambda rows: [{"index": 0}, {"index": 1}], "no list of embeddings"),
        (lambda rows: [1, 2], "no list of embeddings"),
        (lambda rows: None, "no list of embeddings"),
    ],
)
def test_an_answer_that_cannot_be_is_an_error(
    change: Callable[[Rows], object], text: str, endpoint: Endpoint, embedder: HttpEmbedder
) -> None:
    endpoint.change = change
    with pytest.raises(ProviderError, match=text):
        embedder.passages(["a", "b"])


@pytest.mark.parametrize("body", ["", "{", "[]", "<html>", '{"data": {}}'])
def test_a_body_that_is_no_answer_is_an_error(
    body: str, endpoint: Endpoint, embedder: HttpEmbedder
) -> None:
    endpoint.faults.append(lambda to: to.send(200, body))
    with pytest.raises(ProviderError, match=endpoint.url):
        embedder.passages(["a"])


def test_another_dimension_than_before_is_an_error(
    endpoint: Endpoint, embedder: HttpEmbedder
) -> None:
    embedder.passages(["a"])
    endpoint.change = lambda rows: [{**row, "embedding": [1.0, 2.0]} for row in rows]
    with pytest.raises(ProviderError, match="length 2, and 3 before"):
        embedder.passages(["a"])


@pytest.mark.parametrize("fault", [silent, dripping])
def test_questions_and_passages_end_with_their_deadline(
    fault: Callable[[Answering], None], endpoint: Endpoint, embedder: HttpEmbedder
) -> None:
    endpoint.faults.extend([fault] * 4)
    for embed in (embedder.queries, embedder.passages):
        began = time.monotonic()
        with pytest.raises(DeadlineError, match=endpoint.url):
            embed(["a"], Clock(DEADLINE_S))
        assert time.monotonic() - began < DEADLINE_S + 1.0
    for embed in (embedder.queries, embedder.passages):
        with pytest.raises(DeadlineError):
            embed(["a"], Clock(0.0))


def test_a_cut_answer_and_a_dead_endpoint_are_errors(
    endpoint: Endpoint, embedder: HttpEmbedder
) -> None:
    endpoint.faults.extend([cut, cut])
    with pytest.raises(ProviderError, match="cannot be reached"):
        embedder.passages(["a"])
    for found in opened(endpoint):
        endpoint.shutdown()
        endpoint.server_close()
        with pytest.raises(ProviderError, match="cannot be reached"):
            found.queries(["a"], Clock(5.0))


def test_tools_let_go_of_an_endpoint_that_they_opened(endpoint: Endpoint) -> None:
    settings = Settings(embeddings_url=endpoint.url, encoder="some-model")
    tools = Tools(settings)
    assert tools.embedder.dimension == DIMENSION
    assert "embeddings_url" in [each.name for each in threading.enumerate()]
    tools.close()
    assert "embeddings_url" not in [each.name for each in threading.enumerate()]
    Tools(settings).close()


@pytest.mark.parametrize("url", ["localhost:80/v1", "ftp://localhost"])
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="embeddings_url"):
        open_embedder(Settings(embeddings_url=url))


def exceptions(module: Any, base: type[Exception]) -> list[type[Exception]]:
    every = [each for each in list(vars(module).values()) if isinstance(each, type)]
    return [each for each in every if issubclass(each, base)]


def test_every_exception_of_the_client_is_caught_and_mapped() -> None:
    client = exceptions(openai, openai.OpenAIError)
    transport = exceptions(httpx2, httpx2.HTTPError)
    assert len(client) > 10
    assert len(transport) > 10
    assert all(issubclass(each, FAILURES) for each in (*client, *transport))
    request = httpx2.Request("POST", "http://localhost")
    for status in (400, 401, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504):
        response = httpx2.Response(status, request=request)
        found = failed(openai.APIStatusError("a reason", response=response, body=None))
        assert found.refused == (status in (401, 403, 404))
        assert (found.again_s is not None) == (status in (408, 409, 429) or status >= 500)
    assert failed(openai.APIConnectionError(request=request)).again_s == 0.0
