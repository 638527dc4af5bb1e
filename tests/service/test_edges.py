"""What stands around the routes: unknown paths, keys, bodies, hosts."""

import pytest
from pydantic import SecretStr

from retrieval.errors import ConfigError
from retrieval.settings import Settings
from service.auth import check_host, is_loopback

JSON = {"Content-Type": "application/json"}


def test_an_unknown_path_and_a_wrong_method_are_problems(client, problem_of):
    assert "/nowhere" in problem_of(client.get("/nowhere"), 404)["detail"]
    assert r"'/a\nb?c'" in problem_of(client.get("/a%0Ab%3Fc"), 404)["detail"]
    answer = client.get("/query")
    assert "POST" in problem_of(answer, 405)["detail"]
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"null",
        b"\xff\xfe\x00",
        b'{"query": "\\ud800", "index": "demo"}',
        b'{"query": "x", "index": "demo", "timeout_s": NaN}',
        b'{"query": "x", "index": "demo", "timeout_s": 1e999}',
        b'{"query": "x", "index": "demo", "filter": ' + b'{"not":' * 500 + b"1" + b"}" * 501,
        b"[" * 10_000,
        b'{"query": ' + b"1" * 5000 + b"}",
    ],
)
def test_what_is_no_json_or_no_object_is_a_422(client, body, problem_of):
    problem_of(client.post("/query", content=body, headers=JSON), 422)


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_another_content_type_is_a_415_that_names_the_right_one(client, kind, problem_of):
    headers = {"Content-Type": kind} if kind else {}
    answer = client.post("/query", content=b"{}", headers=headers)
    assert problem_of(answer, 415)["errors"][0]["allowed"] == "application/json"


def test_a_filter_nested_too_deep_is_refused_by_name(client, problem_of):
    deep = {"field": "a", "equals": 1}
    for _ in range(20):
        deep = {"not": deep}
    answer = client.post("/query", json={"query": "x", "index": "demo", "filter": deep})
    assert "nested" in problem_of(answer, 422)["detail"]


def test_a_body_that_says_it_is_too_large_is_a_413(client, problem_of):
    answer = client.post("/documents", content=b"x" * 200_001, headers=JSON)
    assert "200000 bytes" in problem_of(answer, 413)["detail"]


def test_a_body_without_a_length_is_counted_while_it_is_read(client, problem_of):
    taken = []

    def endless():
        for _ in range(1000):
            taken.append(1)
            yield b" " * 10_000

    problem_of(client.post("/documents", content=endless(), headers=JSON), 413)


def test_a_body_just_within_the_limit_is_read(client):
    body = b'{"query": "x", "index": "demo"}'
    padded = body + b" " * (200_000 - len(body))
    assert client.post("/query", content=padded, headers=JSON).status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic sesame"},
        {"Authorization": "sesame"},
        {"Authorization": "Bearer sesam\xe9".encode("latin-1")},
    ],
)
@pytest.mark.parametrize("path", ["/query", "/indexes", "/readyz", "/openapi.json", "/nowhere"])
def test_without_the_key_everything_is_a_401_that_says_how(keyed, header, path, problem_of):
    client = keyed()
    answer = (
        client.post(path, headers=header) if path == "/query" else client.get(path, headers=header)
    )
    problem_of(answer, 401)
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "sesame" not in answer.text


def test_with_the_key_everything_is_as_ever_and_livez_needs_none(keyed, documents):
    with keyed() as client:
        assert client.get("/livez").status_code == 200
        client.headers["Authorization"] = "Bearer sesame"
        body = {"index": "demo", "documents": documents}
        assert client.post("/documents", json=body).status_code == 200
        assert client.post("/query", json={"query": "x", "index": "demo"}).status_code == 200
        assert client.get("/openapi.json").json()["security"] == [{"key": []}]


def test_a_key_that_is_not_ascii_works(keyed):
    with keyed("sésame") as client:
        header = {"Authorization": "Bearer sésame".encode()}
        assert client.get("/indexes", headers=header).status_code == 200


@pytest.mark.parametrize(
    ("host", "inside"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("", False),
        ("192.168.1.5", False),
        ("example.org", False),
    ],
)
def test_only_this_machines_own_addresses_need_no_key(host, inside):
    assert is_loopback(host) is inside
    check_host(Settings(host=host, api_key=SecretStr("sesame")))
    for none in (None, SecretStr("")):
        if inside:
            check_host(Settings(host=host, api_key=none))
        else:
            with pytest.raises(ConfigError, match="ASSAY_API_KEY"):
                check_host(Settings(host=host, api_key=none))
