"""/livez at once, /readyz when models and index answer, and requests that wait for them."""

import time
from functools import cached_property
from threading import Event

import pytest
from starlette.testclient import TestClient

from retrieval.adapters.cross_encoder import CrossEncoders
from retrieval.errors import ConfigError, UnavailableError
from retrieval.offline import HashEmbedder, WordSparse
from retrieval.offline_store import ListIndexes
from retrieval.open_kit import Tools
from retrieval.settings import Settings
from service.app import create_app


class SlowTools(Tools):
    """Tools whose encoder loads when it is let, or fails."""

    @cached_property
    def indexes(self):
        return ListIndexes()

    @cached_property
    def sparse(self):
        return WordSparse()

    @cached_property
    def free(self):
        return Event()

    @cached_property
    def errors(self):
        return []

    @cached_property
    def scorer(self):
        return CrossEncoders(self.opened)

    def opened(self, model):
        self.loaded.wait(5)
        if model == "broken":
            raise ConfigError("no such model")
        return self

    def scores(self, query, passages, clock):
        return [float(len(each)) for each in passages]

    @cached_property
    def loaded(self):
        return Event()

    @property
    def embedder(self):
        self.free.wait(5)
        if self.errors:
            raise self.errors.pop()
        return HashEmbedder()


@pytest.fixture
def slow(tmp_path):
    return SlowTools(Settings(data_dir=tmp_path, encoder="hash", timeout_s=0.2))


def test_it_lives_before_it_is_ready_and_says_so(slow, problem_of):
    with TestClient(create_app(slow.settings, slow)) as client:
        assert client.get("/livez").json() == {"status": "ok"}
        answer = client.get("/readyz")
        assert "loaded" in problem_of(answer, 503)["detail"]
        assert answer.headers["retry-after"] == "2"
        answer = client.post("/query", json={"query": "x", "index": "demo"})
        problem_of(answer, 503)
        slow.free.set()
        client.app.state.assay.opening.wait(5)
        assert client.get("/readyz").json() == {"status": "ok"}


def test_a_request_waits_for_models_within_its_deadline(slow, problem_of):
    slow.free.set()
    with TestClient(create_app(slow.settings, slow)) as client:
        problem_of(client.post("/query", json={"query": "x", "index": "none"}), 404)


def test_what_failed_to_open_is_told_and_tried_again(slow, problem_of):
    slow.errors.append(UnavailableError("the index server is away", 3))
    slow.free.set()
    with TestClient(create_app(slow.settings, slow)) as client:
        slow.errors.append(ConfigError("no such model"))
        details = set()
        for _ in range(20):
            answer = client.get("/readyz")
            if answer.status_code == 200:
                break
            details.add(problem_of(answer, answer.status_code)["detail"])
        assert answer.json() == {"status": "ok"}
        assert details <= {"the index server is away", "no such model"}


def wait_until(done):
    end = time.monotonic() + 5
    while not done():
        assert time.monotonic() < end
        time.sleep(0.01)


READ = """
stages = [
    { use = "dense" }, { use = "fuse" },
    { use = "gate", questions = 1, then = [
        { use = "rerank", kind = "cross_encoder", model = "M" },
    ] },
]
"""


def test_it_is_ready_when_the_cross_encoders_of_its_pipelines_are(tmp_path, fill, problem_of):
    own = tmp_path / "pipelines"
    own.mkdir()
    for name in ("slow", "broken"):
        (own / f"{name}.toml").write_text(READ.replace("M", name))
    settings = Settings(data_dir=tmp_path, encoder="hash", pipelines_dir=own)
    tools = SlowTools(settings)
    tools.free.set()
    with TestClient(create_app(settings, tools)) as client:
        fill(client)
        assert (
            "Still being loaded: broken, slow." in problem_of(client.get("/readyz"), 503)["detail"]
        )
        plain = {"query": "json", "index": "demo", "pipeline": "dense"}
        assert client.post("/query", json=plain).json()["hits"]
        tools.loaded.set()
        wait_until(lambda: not tools.scorer.loading())
        assert client.get("/readyz").status_code == 200
        first = client.post("/query", json={**plain, "pipeline": "slow"}).json()
        assert first["degraded"] == []
        assert "rerank:cross_encoder" in str(first["hits"][0]["scores"])
        broken = client.post("/query", json={**plain, "pipeline": "broken"}).json()
        assert "no such model" in broken["degraded"][0]


def test_an_index_that_is_away_makes_the_service_unready(client, tools, problem_of):
    assert client.get("/readyz").status_code == 200

    class Away(ListIndexes):
        def names(self):
            raise UnavailableError("the index is away")

    tools.__dict__["indexes"] = Away()
    assert problem_of(client.get("/readyz"), 503)["detail"] == "the index is away"
    assert client.get("/livez").status_code == 200
