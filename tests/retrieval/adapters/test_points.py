"""How a chunk lies in a store, and what is refused before anything is sent."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from retrieval.adapters.points import chunk_of, described, field_key, indexes, rows, terms, vector
from retrieval.errors import InputError
from retrieval.kit import Point, SparseVector
from retrieval.manifest import FieldType
from retrieval.offline import offline_manifest, passage
from retrieval.types import Chunk

SMALL = replace(offline_manifest("small"), encoder={"dimension": 3})
AXIS = np.array([0, 1, 0], dtype=np.float32)
CHUNK = replace(
    passage("a/b.md", "Some text.", start=5),
    heading=("Top", "Below"),
    domain="law",
    meta={"year": 2020.0, "open": True, "day": "2024-01-31", "deep": {"x": [1]}},
)


def row_of(chunk: Chunk, **changes: Any) -> Any:
    good = Point(chunk, 3, AXIS, SparseVector([7, 2], [1.0, 0.5]))
    (found,) = rows("me", chunk.document_id, [good._replace(**changes)], SMALL)
    return found


def test_a_payload_is_laid_out_as_documented() -> None:
    row = row_of(CHUNK)
    assert (row.id, row.indices, row.values) == (CHUNK.id, [7, 2], [1.0, 0.5])
    assert row.vector.dtype == np.float32
    assert row.payload == {
        "tenant": "me",
        "document_id": "a/b.md",
        "start": 5,
        "end": 15,
        "position": 3,
        "domain": "law",
        "text": "Some text.",
        "heading": ["Top", "Below"],
        "meta": '{"year": 2020.0, "open": true, "day": "2024-01-31", "deep": {"x": [1]}}',
        "fields": {"year": 2020, "open": True, "day": "2024-01-31"},
        "flags": {"open": [1]},
        "dates": {"day": ["2024-01-31T00:00:00+00:00"]},
    }


def test_a_chunk_comes_out_as_it_went_in() -> None:
    payload = row_of(CHUNK).payload
    shown = ("document_id", "text", "start", "end", "heading", "domain", "meta")
    assert chunk_of(CHUNK.id, [payload[key] for key in shown]) == CHUNK


def test_what_filters_do_not_see_is_in_the_metadata_alone() -> None:
    found = described(None, {"none": None, "empty": [], "nested": [["a"]], "domain": "mine"})
    assert found["fields"] == found["flags"] == found["dates"] == {}
    assert found["meta"] == '{"none": null, "empty": [], "nested": [["a"]], "domain": "mine"}'


def test_every_value_of_a_list_is_seen_by_its_type() -> None:
    found = described("x", {"m": ["2024-01-31T12:00+02:00", "word", False, 2.0, 2.5, None]})
    assert found["fields"]["m"] == ["2024-01-31T12:00+02:00", "word", False, 2, 2.5]
    assert found["flags"]["m"] == [0]
    assert found["dates"]["m"] == ["2024-01-31T10:00:00+00:00"]


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("year", "fields.year"),
        ("start", "start"),
        ("date", "fields.date"),
        ("tenant", "fields.tenant"),
        ("a.b", 'fields."a.b"'),
        ('50% "off"', 'fields."50%25 %22off%22"'),
    ],
)
def test_a_fields_key_is_a_path_that_the_engine_reads(name: str, key: str) -> None:
    assert field_key(name) == key


def test_every_field_is_indexed_by_its_type() -> None:
    fields: dict[str, FieldType] = {
        "kind": "str",
        "year": "int",
        "score": "float",
        "open": "bool",
        "day": "date",
        "start": "str",
        "date": "str",
    }
    manifest = offline_manifest("x", fields=fields)
    assert indexes(manifest) == {
        "tenant": "tenant",
        "document_id": "keyword",
        "domain": "keyword",
        "start": "float",
        "end": "float",
        "position": "float",
        "fields.kind": "keyword",
        "fields.year": "float",
        "fields.score": "float",
        "flags.open": "integer",
        "fields.day": "keyword",
        "dates.day": "datetime",
        "fields.date": "keyword",
        "dates.date": "datetime",
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"vector": np.ones(2, np.float32)},
        {"vector": np.ones((1, 3), np.float32)},
        {"vector": np.array([0, np.nan, 0], np.float32)},
        {"vector": np.zeros(3, np.float32)},
        {"sparse": SparseVector([1, 2], [1.0])},
        {"sparse": SparseVector([2, 2], [1.0, 1.0])},
        {"sparse": SparseVector([-1], [1.0])},
        {"sparse": SparseVector([2**32], [1.0])},
        {"sparse": SparseVector([1], [math.inf])},
        {"position": -1},
        {"chunk": replace(CHUNK, meta={"x": object})},
        {"chunk": replace(CHUNK, meta={"x": math.nan})},
        {"chunk": replace(CHUNK, text="\ud800")},
        {"chunk": replace(CHUNK, heading=("\udfff",))},
        {"chunk": replace(CHUNK, document_id="other")},
    ],
    ids=str,
)
def test_what_would_break_a_store_is_refused_by_the_chunks_name(changes: dict[str, Any]) -> None:
    bad = Point(CHUNK, 0, AXIS, SparseVector([], []))._replace(**changes)
    with pytest.raises(InputError, match=CHUNK.id):
        rows("me", "a/b.md", [bad], SMALL)


@pytest.mark.parametrize("id", ["", "7", CHUNK.id.upper(), CHUNK.id.replace("-", "")])
def test_an_id_is_a_uuid_as_the_engine_writes_it(id: str) -> None:
    with pytest.raises(InputError, match="UUID"):
        row_of(replace(CHUNK, id=id))


def test_a_document_holds_a_chunk_once() -> None:
    point = Point(CHUNK, 0, AXIS, SparseVector([], []))
    with pytest.raises(InputError, match=CHUNK.id):
        rows("me", "a/b.md", [point, point], SMALL)


def test_numbers_of_other_types_become_plain_ones() -> None:
    given = SparseVector(list(np.array([3, 1])), list(np.array([0.5, 1], np.float32)))
    found = terms(given, "here")
    assert found == ([3, 1], [0.5, 1.0])
    assert {type(each) for each in found[0]} == {int}
    assert vector(np.array([3.0, 4.0]), 2, "here").dtype == np.float32
