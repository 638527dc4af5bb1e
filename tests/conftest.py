"""One offline kit for tests about neither models nor stores: 12 passages, 6 questions.

And a local chat endpoint that answers, or fails, as it is told.
"""

import json
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hypothesis import settings
from pydantic import SecretStr

from retrieval.kit import Kit
from retrieval.offline import offline_kit
from retrieval.settings import Settings

# A busy machine is no failure: timings are measured in benchmarks.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

PASSAGES = {
    "cats/sleep.md": "Cats sleep up to sixteen hours a day, most of all on warm window sills.",
    "cats/food.md": "A grown cat eats two small meals a day; milk upsets its stomach.",
    "cats/history.md": "Cats were first kept in the Near East, where they guarded stored grain.",
    "bread/dough.md": "Bread dough is flour, water, salt and yeast, kneaded until it is smooth.",
    "bread/oven.md": "Bake the loaf in a very hot oven; steam gives it a thin crust.",
    "bread/history.md": "Flat bread was baked on hot stones fourteen thousand years ago.",
    "trains/speed.md": "The fastest train on rails reached 574 kilometres an hour in France.",
    "trains/gauge.md": (
        "Standard gauge, 1435 millimetres between the rails, is used by most trains."
    ),
    "trains/history.md": "The first public railway with steam trains opened in England in 1825.",
    "stars/sun.md": "The sun is a star of middle age; its light needs eight minutes to reach us.",
    "stars/names.md": "Most bright stars have Arabic names, such as Aldebaran and Rigel.",
    "stars/death.md": "A heavy star ends as a supernova and leaves a neutron star or a black hole.",
}
QUESTIONS = {
    "where do cats sleep?": "cats/sleep.md",
    "what is in bread dough?": "bread/dough.md",
    "how fast is the fastest train?": "trains/speed.md",
    "how long does light from the sun take?": "stars/sun.md",
    "which names do bright stars have?": "stars/names.md",
    "when did the first railway open?": "trains/history.md",
}


@pytest.fixture
def kit() -> Kit:
    """A hash encoder, word terms and a list store that hold the twelve passages."""
    return offline_kit(PASSAGES)


@pytest.fixture
def questions() -> dict[str, str]:
    """Six questions, each with the document that answers it."""
    return dict(QUESTIONS)


class Chat(BaseHTTPRequestHandler):
    """One request to the endpoint."""

    protocol_version = "HTTP/1.1"
    server: "ChatServer"

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.requests.append(request)
            self.server.keys.append(self.headers["Authorization"])
            say = self.server.script.popleft() if self.server.script else self.server.always
        try:
            say(self)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class ChatServer(ThreadingHTTPServer):
    """A chat endpoint on this machine: `script` answers first, then `always`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Chat)
        self.lock = threading.Lock()
        self.closing = threading.Event()
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.script: deque[Callable[[Chat], None]] = deque()
        self.always: Callable[[Chat], None] = as_asked

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def settings(self, **others: Any) -> Settings:
        named = {"llm_url": self.url, "llm_model": "small", "llm_api_key": SecretStr("secret-key")}
        return Settings(**{**named, **others})


def completion(content: str | None, **others: Any) -> bytes:
    """The body of a chat completion."""
    message = {"role": "assistant", "content": content, "refusal": others.get("refusal")}
    choice = {"index": 0, "message": message, "finish_reason": others.get("finish", "stop")}
    usage = others.get("usage", {"prompt_tokens": 100, "completion_tokens": 20})
    body = {"object": "chat.completion", "choices": [choice], "usage": usage}
    return json.dumps(body).encode()


def as_asked(to: Chat) -> None:
    """Answer with the JSON of the schema that came with the request, or with plain words."""
    format = to.server.requests[-1].get("response_format")
    if format is None:
        to.send(200, completion("plain words"))
        return
    fields = format["json_schema"]["schema"]["properties"]
    data = {name: ["warm bread"] if "items" in kind else "warm" for name, kind in fields.items()}
    to.send(200, completion(json.dumps(data)))


@pytest.fixture
def chat() -> Iterator[ChatServer]:
    server = ChatServer()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.closing.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def says() -> Callable[..., Callable[[Chat], None]]:
    """A function that gives an answer with this content, or with this status."""

    def answer(content: str | None = None, status: int = 200, **others: Any) -> Any:
        headers = others.pop("headers", {})
        body = others.pop("body", None) or completion(content, **others)
        return lambda to: to.send(status, body, **headers)

    return answer


def _drip(to: Chat) -> None:
    to.send_response(200)
    to.send_header("Content-Length", "100000")
    to.end_headers()
    while not to.server.closing.wait(0.02):
        to.wfile.write(b" ")


def _drip_header(to: Chat) -> None:
    to.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not to.server.closing.wait(0.02):
        to.wfile.write(b"a")


def _silent(to: Chat) -> None:
    to.server.closing.wait()
    to.close_connection = True


def _hang_up(to: Chat) -> None:
    to.connection.close()
    to.close_connection = True


FAULTS: dict[str, Callable[[Chat], None]] = {
    "silent": _silent,
    "slow drip": _drip,
    "slow header": _drip_header,
    "hangs up": _hang_up,
    "429": lambda to: to.send(429, b'{"error": {"message": "slow down"}}', Retry_After="30"),
    "500": lambda to: to.send(500, b"oh no"),
    "401": lambda to: to.send(401, b'{"error": {"message": "who are you?"}}'),
    "broken JSON": lambda to: to.send(200, b'{"choices": [{"mess'),
    "no completion": lambda to: to.send(200, b'{"choices": []}'),
    "broken answer": lambda to: to.send(200, completion('{"passages": ["half')),
    "wrong schema": lambda to: to.send(200, completion('{"thoughts": ["something else"]}')),
    "wrong type": lambda to: to.send(200, completion("[1, 2, 3]")),
    "refusal text": lambda to: to.send(200, completion("I'm sorry, but I can't help with that.")),
    "refusal": lambda to: to.send(200, completion(None, refusal="I can't.")),
    "filtered": lambda to: to.send(200, completion("", finish="content_filter")),
    "empty": lambda to: to.send(200, completion("")),
    "nothing": lambda to: to.send(200, b""),
    "1 MB": lambda to: to.send(200, completion('{"passages": ["' + "a" * 1_000_000 + '"]}')),
    "no gzip": lambda to: to.send(200, b"not compressed", Content_Encoding="gzip"),
}


@pytest.fixture(params=sorted(FAULTS))
def fault_name(request: pytest.FixtureRequest) -> str:
    """The name of everything that an endpoint can do wrong, one after the other."""
    name: str = request.param
    return name


@pytest.fixture
def fault(fault_name: str) -> Callable[[Chat], None]:
    """The fault of that name."""
    return FAULTS[fault_name]


def pytest_xdist_auto_num_workers() -> int:
    """One worker more than there are cores: many tests wait for processes of their own."""
    return (os.cpu_count() or 1) + 1
