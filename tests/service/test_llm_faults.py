"""Every fault of a model endpoint in every stage that asks one: /query answers without it."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import pytest
from starlette.testclient import TestClient

from retrieval.adapters.llm import ChatLlm
from retrieval.adapters.llm_limits import Breaker
from retrieval.config import load_pipeline
from retrieval.errors import ConfigError, ProviderError
from retrieval.offline_tools import OfflineTools
from retrieval.pipeline import run
from retrieval.types import Search
from service.app import create_app

QUESTION = "how is JSON parsed, and what does the try statement handle?"
LEGS = '{ use = "dense" }, { use = "sparse" }, { use = "fuse" }'
ROUTE = 'use = "route", domains = { library = "modules", reference = "statements" }'
STAGES = {
    "hyde": f'[{{ use = "hyde" }}, {LEGS}]',
    "expand": f'[{{ use = "expand" }}, {LEGS}]',
    "keywords": f'[{{ use = "expand", how = "keywords" }}, {LEGS}]',
    "decompose": f'[{LEGS}, {{ use = "decompose" }}]',
    "route": f"[{{ {ROUTE} }}, {LEGS}]",
    "self_query": '[{ use = "self_query", how = "llm" }]',
    "gate": f'[{LEGS}, {{ use = "gate", words = 1, then = [{{ use = "hyde" }}, {LEGS}] }}]',
}
FAILING = {"keywords": "expand", "gate": "hyde"}
"""What `degraded` names, where it is not the pipeline's own name."""
LONG_S, SHORT_S = 10.0, 1.0
"""Deadlines: one that no fault needs, and one for a fault that never ends by itself."""
ENDLESS = {"silent", "slow drip", "slow header"}


class Patient(Breaker):
    """Refuses nothing, so that every call here meets the fault itself."""

    def enter(self):
        pass


@dataclass(frozen=True)
class ModelTools(OfflineTools):
    """Tools in memory, with the chat endpoint as the model."""

    @cached_property
    def llm(self):
        return ChatLlm(self.settings, Patient())


@pytest.fixture
def served(chat, settings, tmp_path, fill):
    """A client of the service, whose model is the chat endpoint, and its tools."""
    for name, stages in STAGES.items():
        (tmp_path / f"{name}.toml").write_text(f"stages = {stages}")
    own = {"pipelines_dir": tmp_path, "llm_url": chat.url, "llm_model": "small"}
    settings = settings.model_copy(update=own)
    tools = ModelTools(settings)
    with TestClient(create_app(settings, tools), raise_server_exceptions=False) as client:
        fill(client)
        yield client, tools


def ask(client, name, **more):
    body = {"query": QUESTION, "index": "demo", "pipeline": name, "explain": True}
    return client.post("/query", json={**body, **more})


def costs(trace):
    return [each for s in trace for each in (s["cost"], *costs(s["steps"])) if "calls" in each]


def test_a_fault_leaves_the_hits_of_the_pipeline_without_the_stage(
    chat, served, fault, fault_name, tmp_path
):
    client, tools = served
    chat.always = fault
    deadline_s = SHORT_S if fault_name in ENDLESS else LONG_S

    def answer(name):
        return ask(client, name, timeout_s=deadline_s)

    def strict(name):
        kit = tools.kit("demo").at(None, deadline_s / 2, strict=True)
        pipeline = load_pipeline(name, tmp_path)
        with pytest.raises(ProviderError):
            run(pipeline, Search.of(QUESTION), kit)

    plain = ask(client, "hybrid").json()["hits"]
    with ThreadPoolExecutor(len(STAGES)) as pool:
        answers = dict(zip(STAGES, pool.map(answer, STAGES), strict=True))
        assert len(chat.requests) >= len(STAGES)
        list(pool.map(strict, STAGES))
    for name, each in answers.items():
        assert each.status_code == 200, (name, each.text)
        found = each.json()
        (why,) = found["degraded"]
        assert why.startswith(f"{FAILING.get(name, name)}: "), name
        assert found["hits"] == plain, name
        assert found["timings"]["total_ms"] < 1000 * deadline_s, name
        (cost,) = costs(found["trace"])
        assert cost["calls"] in (1, 2)


def test_a_fault_in_a_later_call_keeps_what_the_first_one_cost(chat, served, says):
    client, _ = served
    questions = json.dumps({"questions": ["how is JSON parsed?", "which handles #1?"]})
    chat.script.extend([says(questions), says(status=400)])
    found = ask(client, "decompose").json()
    (why,) = found["degraded"]
    assert "400" in why
    assert found["hits"] == ask(client, "hybrid").json()["hits"]
    (cost,) = costs(found["trace"])
    assert cost == {"calls": 2, "tokens_in": 100, "tokens_out": 20, "usd": 0}


def test_an_endpoint_that_works_degrades_nothing(chat, served, says):
    client, _ = served
    route = json.dumps({"domain": "library", "confidence": 0.95})
    chat.script.append(says(route))
    assert {h["domain"] for h in ask(client, "route").json()["hits"]} == {"library"}
    chat.script.append(says('{"conditions": []}'))
    for name in ("self_query", "hyde", "expand", "keywords", "decompose", "gate"):
        found = ask(client, name).json()
        assert found["degraded"] == [], name
        assert costs(found["trace"])[0]["calls"] == 1, name


def test_the_full_pipeline_runs_without_a_model_and_says_what_is_off(client):
    found = ask(client, "full").json()
    (why,) = found["degraded"]
    assert why.startswith("hyde: no language model is set")
    assert found["hits"]
    stages = [step["stage"] for step in found["trace"]]
    assert stages == ["dense", "sparse", "fuse", "gate", "rerank", "decompose", "pack"]
    clear = client.post(
        "/query", json={"query": "csv module comma", "index": "demo", "pipeline": "full"}
    )
    assert clear.json()["degraded"] == []


def test_a_pipeline_that_could_never_ask_its_model_is_refused_at_the_start(settings, tmp_path):
    long = '{ use = "hyde", n = 8, words = 1000 }'
    (tmp_path / "long.toml").write_text(f"stages = [{long}, {LEGS}]")
    own = {"pipelines_dir": tmp_path, "llm_url": "http://127.0.0.1:9/v1", "llm_model": "m"}
    with pytest.raises(ConfigError, match=r"hyde: .* 24064 tokens.* 20000 \(llm_tokens\)"):
        create_app(settings.model_copy(update=own))
    enough = settings.model_copy(update={**own, "llm_tokens": 30_000})
    create_app(enough, OfflineTools(enough)).state.assay.close()


@pytest.mark.parametrize("name", STAGES)
def test_without_a_model_the_stage_is_off_and_the_answer_says_so(name, settings, tmp_path, fill):
    (tmp_path / f"{name}.toml").write_text(f"stages = {STAGES[name]}")
    settings = settings.model_copy(update={"pipelines_dir": tmp_path})
    with TestClient(create_app(settings, OfflineTools(settings))) as client:
        fill(client)
        found = ask(client, name).json()
        (why,) = found["degraded"]
        assert why.startswith(f"{FAILING.get(name, name)}: ")
        assert "no language model is set" in why
        assert found["hits"] == ask(client, "hybrid").json()["hits"]
