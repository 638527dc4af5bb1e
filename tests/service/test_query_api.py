"""POST /query: the answer's shape; bad input refused with its field and what is allowed."""

from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
from starlette.testclient import TestClient

from retrieval.errors import ProviderError, StoreError, UnavailableError
from retrieval.pipeline import Pipeline, fingerprint
from retrieval.stages.dense import Dense
from retrieval.stages.fuse import Fuse
from retrieval.types import Domain
from service.app import create_app

QUESTION = {"query": "How do I parse JSON?", "index": "demo"}


def ask(client, **change):
    return client.post("/query", json={**QUESTION, **change})


def test_an_answer_holds_passages_with_all_their_scores_and_their_place(client):
    answer = ask(client, limit=2).json()
    first = answer["hits"][0]
    assert len(answer["hits"]) == 2
    assert first["document_id"] == "library/json.md"
    assert first["span"] == [0, len(first["text"])]
    assert first["domain"] == "library"
    assert first["metadata"]["year"] == 2006
    assert [score["by"] for score in first["scores"]] == [
        "dense:original",
        "sparse:original",
        "fuse:convex",
    ]
    assert first["score"] == first["scores"][-1]["value"]
    assert answer["degraded"] == []
    assert "trace" not in answer


def test_the_fingerprint_is_that_of_the_pipeline_on_the_index(client, tools):
    answer = ask(client).json()
    pipeline = client.app.state.assay.pipelines["hybrid"]
    assert answer["pipeline"] == {
        "name": "hybrid",
        "fingerprint": fingerprint(pipeline, tools.kit("demo")),
    }


def test_the_timings_name_every_stage_and_fit_into_the_total(client):
    timings = ask(client).json()["timings"]
    assert list(timings["stages_ms"]) == ["dense", "sparse", "fuse"]
    assert 0 <= timings["waiting_ms"] <= timings["total_ms"]
    assert sum(timings["stages_ms"].values()) <= timings["total_ms"]


def test_explain_gives_a_step_for_each_stage(client):
    trace = ask(client, explain=True).json()["trace"]
    assert [step["stage"] for step in trace] == ["dense", "sparse", "fuse"]
    assert trace[0]["params"] == {"limit": 100}
    assert trace[2]["changed"]["hits"] == 5


def test_a_filter_narrows_and_nothing_found_is_an_empty_list(client):
    narrowed = ask(client, filter={"field": "year", "lt": 1998}).json()
    assert {hit["document_id"] for hit in narrowed["hits"]} == {
        "library/re.md",
        "reference/try.md",
    }
    nothing = ask(client, filter={"field": "year", "lt": 1900})
    assert nothing.status_code == 200
    assert nothing.json()["hits"] == []


@pytest.mark.parametrize(
    ("change", "field", "allowed"),
    [
        ({"query": ""}, "query", {"minLength": 1}),
        ({"query": " \n\t"}, "query", {"pattern": r"\S"}),
        ({"query": "x" * 8001}, "query", None),
        ({"query": 5}, "query", {"type": "string"}),
        ({"query": None}, "query", {"type": "string"}),
        ({"index": "a b"}, "index", {"pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"}),
        ({"index": "../etc"}, "index", {}),
        ({"index": ""}, "index", {}),
        ({"limit": 0}, "limit", {"minimum": 1, "maximum": 1000}),
        ({"limit": 1001}, "limit", {"minimum": 1, "maximum": 1000}),
        ({"limit": "10"}, "limit", {"type": "integer"}),
        ({"limit": 2.5}, "limit", {"type": "integer"}),
        ({"limit": True}, "limit", {"type": "integer"}),
        ({"limit": 10**30}, "limit", {"maximum": 1000}),
        ({"explain": "yes"}, "explain", {"type": "boolean"}),
        ({"timeout_s": 0}, "timeout_s", {}),
        ({"timeout_s": 11}, "timeout_s", None),
        ({"filter": []}, "filter", {}),
        ({"filter": {}}, "filter.field", None),
        ({"filter": {"field": "year"}}, "filter", None),
        ({"filter": {"field": "year", "gte": "soon"}}, "filter.gte", None),
        ({"filter": {"and": []}}, "filter.and", None),
        ({"filter": {"and": [{"field": 3, "equals": 1}]}}, "filter.and[0].field", None),
        ({"pipeline": 3}, "pipeline", {"type": "string"}),
    ],
)
def test_bad_input_is_refused_with_the_field_and_what_is_allowed(
    client, change, field, allowed, problem_of
):
    problem = problem_of(ask(client, **change), 422)
    fault = problem["errors"][0]
    assert fault["field"] == field
    assert fault["detail"]
    for name, value in (allowed or {}).items():
        assert fault["allowed"][name] == value, fault
    if allowed is None:
        assert field.partition(".")[0] in problem["detail"]


def test_a_missing_field_is_named(client, problem_of):
    problem = problem_of(client.post("/query", json={"index": "demo"}), 422)
    assert problem["errors"][0]["field"] == "query"


def test_an_unknown_field_is_named_with_those_there_are(client, problem_of):
    fault = problem_of(ask(client, top_k=3), 422)["errors"][0]
    assert fault["field"] == "top_k"
    assert fault["allowed"] == [
        "explain",
        "filter",
        "index",
        "limit",
        "pipeline",
        "query",
        "timeout_s",
    ]


def test_every_fault_of_a_request_is_named(client, problem_of):
    problem = problem_of(ask(client, limit=0, explain=3), 422)
    assert [fault["field"] for fault in problem["errors"]] == ["limit", "explain"]


def test_an_unknown_index_or_pipeline_is_a_404_that_lists_them(client, problem_of):
    problem = problem_of(ask(client, index="nowhere"), 404)
    assert problem["errors"][0]["field"] == "index"
    assert "demo" in problem["detail"]
    problem = problem_of(ask(client, pipeline="nothing"), 404)
    assert problem["errors"][0]["field"] == "pipeline"
    assert "hybrid" in problem["detail"]


def test_a_client_cannot_name_a_file_as_a_pipeline(client, tmp_path, problem_of):
    file = tmp_path / "mine.toml"
    file.write_text('stages = [{ use = "dense" }, { use = "fuse" }]')
    problem_of(ask(client, pipeline=str(file)), 404)


ERRORS = {
    "busy": UnavailableError("the index is away", 7),
    "store": StoreError("the index broke"),
    "model": ProviderError("the model broke"),
    "unexpected": ZeroDivisionError("secret"),
}


@dataclass(frozen=True)
class Failing:
    """A stage that fails."""

    kind: str
    optional: bool = False
    reads: ClassVar[tuple[str, ...]] = ("query",)
    writes: ClassVar[tuple[str, ...]] = ("variants",)

    def __call__(self, search, kit):
        raise ERRORS[self.kind]


def served(settings, tools, *stages):
    """Return a client of a service whose only pipeline holds these stages and dense retrieval."""
    app = create_app(settings, tools)
    pipeline = Pipeline("hybrid", (*stages, Dense(), Fuse()))
    app.state.assay = replace(app.state.assay, pipelines={"hybrid": pipeline})
    return TestClient(app, raise_server_exceptions=False)


def test_a_failing_optional_stage_is_left_out_and_named(client, settings, tools):
    answer = ask(served(settings, tools, Failing("model", optional=True)), explain=True).json()
    assert answer["hits"][0]["document_id"] == "library/json.md"
    (degraded,) = answer["degraded"]
    assert degraded.endswith(": the model broke")
    assert answer["trace"][0]["error"] == "the model broke"


@pytest.mark.parametrize(
    ("kind", "status", "wait"), [("busy", 503, "7"), ("store", 503, "1"), ("model", 502, None)]
)
def test_a_failing_needed_stage_is_no_empty_list(
    client, settings, tools, problem_of, kind, status, wait
):
    answer = ask(served(settings, tools, Failing(kind)))
    assert problem_of(answer, status)["detail"] == str(ERRORS[kind])
    assert answer.headers.get("retry-after") == wait


def test_the_deadline_is_a_504(client, settings, tools, problem_of):
    problem_of(ask(client, timeout_s=1e-9), 504)


def test_what_nobody_expected_is_a_500_with_an_id_and_tells_nothing(
    client, settings, tools, caplog, problem_of
):
    answer = ask(served(settings, tools, Failing("unexpected")))
    detail = problem_of(answer, 500)["detail"]
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    id = detail.rpartition(" ")[2].rstrip(".")
    assert id in caplog.text
    assert "ZeroDivisionError: secret" in caplog.text


def test_a_dropped_and_rebuilt_index_is_seen_at_once(client, tools, problem_of):
    before = ask(client).json()["pipeline"]["fingerprint"]
    tools.indexes.drop("demo")
    problem_of(ask(client), 404)
    changed = client.post(
        "/documents",
        json={
            "index": "demo",
            "documents": [{"id": "new", "text": "JSON anew."}],
            "chunker": "whole",
            "embed": "title+text",
        },
    )
    assert changed.status_code == 200
    answer = ask(client).json()
    assert [hit["document_id"] for hit in answer["hits"]] == ["new"]
    assert answer["pipeline"]["fingerprint"] != before


@dataclass(frozen=True)
class Placed:
    """A stage that knows the question's domain."""

    optional: bool = False
    reads: ClassVar[tuple[str, ...]] = ("query",)
    writes: ClassVar[tuple[str, ...]] = ("domains",)

    def __call__(self, search, kit):
        domain = Domain("library", 0.8765432, {"kind": "modules", "owners": ["core"]})
        return replace(search, domains=(domain,))


def test_the_domains_of_a_route_are_returned_with_what_is_known_of_them(client, settings, tools):
    assert ask(client).json()["domains"] == []
    (domain,) = ask(served(settings, tools, Placed())).json()["domains"]
    assert domain == {
        "name": "library",
        "probability": 0.876543,
        "metadata": {"kind": "modules", "owners": ["core"]},
    }
