"""The API's description is true: its examples run, its answers are what it declares."""

import pytest
from pydantic import TypeAdapter

from retrieval.errors import ConfigError
from service.description import MODELS
from service.problems import MEDIA_TYPE

OPERATIONS = {
    "/query": ["post"],
    "/why": ["post"],
    "/documents": ["post"],
    "/documents/{id}": ["delete"],
    "/indexes": ["get"],
    "/pipelines": ["get"],
    "/judge/pools": ["get"],
    "/judge/pools/{name}": ["get"],
    "/judge/labels": ["post"],
    "/livez": ["get"],
    "/readyz": ["get"],
}


@pytest.fixture
def description(client):
    return client.get("/openapi.json").json()


def models_of(operation):
    """Return the names of the schemas that an operation answers with, by status."""
    return {
        int(status): content["schema"]["$ref"].rpartition("/")[2]
        for status, answer in operation["responses"].items()
        for content in answer["content"].values()
    }


def check(name, values):
    """Check values against a model, and that nothing stands in them that it does not declare."""
    model = {each.__name__: each for each in MODELS}[name]
    known = TypeAdapter(model).validate_python(values)
    assert set(values) <= set(type(known).model_fields)
    return known


def test_every_operation_is_there_and_described(description):
    found = {path: sorted(each) for path, each in description["paths"].items()}
    assert found == OPERATIONS
    for each in description["paths"].values():
        for operation in each.values():
            assert operation["description"]


def test_every_reference_leads_somewhere(description):
    def references(value):
        if isinstance(value, dict):
            if isinstance(value.get("$ref"), str):
                yield value["$ref"]
            for each in value.values():
                yield from references(each)
        elif isinstance(value, list):
            for each in value:
                yield from references(each)

    known = {f"#/components/schemas/{name}" for name in description["components"]["schemas"]}
    assert set(references(description)) <= known


def test_every_example_runs_and_gives_what_is_declared(client, description, fill):
    fill(client, "demo-structure")  # the index that `make demo` leaves
    ran = 0
    for path, method in (("/documents", "post"), ("/query", "post"), ("/why", "post")):
        operation = description["paths"][path][method]
        examples = operation["requestBody"]["content"]["application/json"]["examples"]
        for example in examples.values():
            answer = client.post(path, json=example["value"])
            assert answer.status_code == 200, answer.text
            check(models_of(operation)[200], answer.json())
            ran += 1
    assert ran >= 5


@pytest.mark.parametrize("path", ["/indexes", "/pipelines", "/livez", "/readyz"])
def test_every_get_gives_what_is_declared(client, description, path):
    operation = description["paths"][path]["get"]
    check(models_of(operation)[200], client.get(path).json())


def test_problems_are_what_is_declared(client, description):
    operation = description["paths"]["/query"]["post"]
    problems = [client.post("/query", json={"query": "x", "index": "none"})]
    problems += [client.post("/query", json={}), client.post("/query", content=b"")]
    for answer in problems:
        assert MEDIA_TYPE in operation["responses"][str(answer.status_code)]["content"]
        check("Problem", answer.json())


def test_the_settings_limits_stand_in_the_description(description):
    query = description["components"]["schemas"]["QueryRequest"]["properties"]["query"]
    assert query["maxLength"] == 8000


def test_pipelines_are_listed_with_stages_and_parameters(client):
    found = {each["name"]: each for each in client.get("/pipelines").json()["pipelines"]}
    assert set(found) >= {"dense", "sparse", "hybrid"}
    assert found["hybrid"]["default"]
    assert [stage["stage"] for stage in found["hybrid"]["stages"]] == ["dense", "sparse", "fuse"]
    assert found["hybrid"]["stages"][0]["params"] == {"limit": 100}
    assert found["full"]["asks_model"]
    assert not found["hybrid"]["asks_model"]
    assert found["hybrid"]["about"].startswith("Dense and BM25")
    assert found["hybrid"]["key"] == client.app.state.assay.pipelines["hybrid"].key


def test_indexes_are_listed_with_what_they_were_built_with(client):
    (index,) = client.get("/indexes").json()["indexes"]
    assert (index["name"], index["chunks"]) == ("demo", 5)
    assert index["manifest"]["encoder"]["name"] == "hash"
    assert len(index["fingerprint"]) == 64


def test_the_page_shows_every_operation_and_needs_nothing_from_elsewhere(client):
    answer = client.get("/docs")
    assert answer.headers["content-type"].startswith("text/html")
    for path, methods in OPERATIONS.items():
        for method in methods:
            assert f"<code>{method.upper()} {path}</code>" in answer.text
    assert "<script" not in answer.text
    assert "How do I parse JSON?" in answer.text
    for elsewhere in ("src=", "@import", "url(", "https://"):
        assert elsewhere not in answer.text


def test_an_index_that_cannot_be_used_is_listed_with_the_reason(client, tools):
    class Old(type(tools.indexes)):
        def open(self, name):
            raise ConfigError("it has schema 0")

        def names(self):
            return ["old"]

    tools.__dict__["indexes"] = Old()
    assert client.get("/indexes").json() == {
        "indexes": [{"name": "old", "error": "it has schema 0"}]
    }
