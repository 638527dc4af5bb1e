from dataclasses import replace

import pytest

from retrieval.errors import ConfigError, InputError
from retrieval.filters import parse
from retrieval.manifest import Manifest, checked_name, digest

MANIFEST = Manifest(
    name="docs",
    encoder={"name": "m", "dimension": 3},
    sparse={"tokenizer": "words"},
    embed="text",
    chunker={"use": "fixed", "tokens": 200},
    average_length=12.5,
    fields={"year": "int"},
)


def test_a_manifest_survives_json() -> None:
    assert Manifest.from_json(MANIFEST.as_json()) == MANIFEST


@pytest.mark.parametrize(
    "change",
    [
        {"encoder": {"name": "n", "dimension": 3}},
        {"sparse": {"tokenizer": "letters"}},
        {"embed": "title+text"},
        {"chunker": {"use": "fixed", "tokens": 201}},
    ],
)
def test_what_makes_chunks_incomparable_changes_the_fingerprint(change: dict[str, object]) -> None:
    assert replace(MANIFEST, **change).fingerprint != MANIFEST.fingerprint  # type: ignore[arg-type]


@pytest.mark.parametrize("change", [{"average_length": 1.0}, {"id": "x"}, {"fields": {}}])
def test_what_is_only_recorded_does_not(change: dict[str, object]) -> None:
    assert replace(MANIFEST, **change).fingerprint == MANIFEST.fingerprint  # type: ignore[arg-type]


def test_another_schema_is_refused_with_the_remedy() -> None:
    with pytest.raises(ConfigError, match=r"schema 0.*Ingest it again"):
        Manifest.from_json({**MANIFEST.as_json(), "schema": 0})


def test_the_first_schema_is_read_and_keeps_no_titles() -> None:
    older = Manifest.from_json({**MANIFEST.as_json(), "schema": 1})
    assert (older.titled, MANIFEST.titled) == (False, True)
    assert older.fingerprint != MANIFEST.fingerprint


@pytest.mark.parametrize("name", ["", ".hidden", "a/b", "../up", "a b", "ü", "x" * 101, "a\n"])
def test_names_that_could_leave_their_folder_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="1 to 100 letters"):
        checked_name(name)


def test_an_unknown_field_type_is_refused() -> None:
    with pytest.raises(ConfigError, match="none of str, int"):
        replace(MANIFEST, fields={"year": "number"})  # type: ignore[dict-item]


def test_undeclared_fields_are_those_without_an_index() -> None:
    asked = parse({"and": [{"field": f, "exists": True} for f in ("year", "date", "colour")]})
    assert MANIFEST.undeclared(asked) == ("colour",)


def test_a_digest_tells_types_apart_and_ignores_the_order_of_keys() -> None:
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest({"a": 1}) != digest({"a": "1"}) != digest({"a": True})
