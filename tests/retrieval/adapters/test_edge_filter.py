"""Filters as conditions, and conditions as the embedded engine runs them."""

import math
import random
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
import qdrant_edge as edge
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.adapters import points
from retrieval.adapters.conditions import EVERYTHING, NOTHING, condition, indexed, within
from retrieval.adapters.edge_filter import edge_filter
from retrieval.adapters.engine_schema import PAYLOAD_INDEXES
from retrieval.filters import (
    And,
    AnyOf,
    Equals,
    Exists,
    Filter,
    Not,
    Or,
    Range,
    as_filterable,
    matches,
)
from retrieval.kit import Point, SparseVector
from retrieval.offline import offline_manifest
from retrieval.types import Chunk, Span

JANUARY = datetime(2024, 1, 31, tzinfo=UTC)
FEBRUARY = datetime(2024, 2, 1)
MANIFEST = offline_manifest(
    "x", fields={"year": "int", "score": "float", "kind": "str", "open": "bool", "day": "date"}
)
KINDS = points.indexes(MANIFEST)
FIELDS = ("year", "score", "kind", "open", "day", "date", "free", 'o"d.d')
VALUES = ["a", "5", "true", True, False, 0, 1, 5, 5.0, 0.5, 2**53 + 1, "2024-01-31", "20240131"]


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        (Equals("kind", "a"), ("match", "fields.kind", "a")),
        (Equals("domain", "a"), ("match", "domain", "a")),
        (Equals("open", True), ("match", "flags.open", 1)),
        (Equals("year", 5), ("range", "fields.year", None, 5.0, None, 5.0)),
        (Equals("score", math.nan), NOTHING),
        (Equals("kind", "\ud800"), NOTHING),
        (Exists("\ud800"), NOTHING),
        (AnyOf("kind", ()), NOTHING),
        (AnyOf("kind", ("a", "b")), ("among", "fields.kind", ("a", "b"))),
        (Range("year", gt=1, gte=2, lt=9), ("range", "fields.year", None, 2.0, 9.0, None)),
        (Range("year", gt=2, gte=2, lt=9, lte=8.5), ("range", "fields.year", 2.0, None, None, 8.5)),
        (Range("year", gt=math.nan), NOTHING),
        (
            Range("day", gte=JANUARY, lt=FEBRUARY),
            (
                "dates",
                "dates.day",
                None,
                "2024-01-31T00:00:00+00:00",
                "2024-02-01T00:00:00+00:00",
                None,
            ),
        ),
        (Exists("day"), ("none", (("empty", "fields.day"),))),
        (And(()), EVERYTHING),
        (Or(()), NOTHING),
        (Not(Or(())), ("none", (NOTHING,))),
    ],
    ids=str,
)
def test_a_filter_becomes_one_condition(filter: Filter, expected: Any) -> None:
    assert condition(filter) == expected


def test_integers_that_floats_do_not_tell_apart_are_compared_as_integers_too() -> None:
    number = 2**60 + 1
    bounds = ("range", "fields.year", None, float(number), None, float(number))
    both = ("all", (bounds, ("match", "fields.year", number)))
    assert condition(Equals("year", number)) == both


def test_a_filter_is_narrowed_to_its_tenant() -> None:
    own = ("match", "tenant", "me")
    assert within("me") == ("all", (own,))
    assert within("me", Or(())) == ("all", (own, NOTHING))


@pytest.mark.parametrize(
    ("filter", "answered"),
    [
        (Equals("kind", "a"), True),
        (AnyOf("kind", ("a", "b")), True),
        (Equals("year", 5), True),
        (Equals("year", 2**60), True),
        (Equals("open", False), True),
        (Range("day", gte=JANUARY), True),
        (Equals("day", "2024-01-31"), True),
        (Range("date", gte=JANUARY), True),
        (And((Equals("domain", "a"), Not(Range("start", gt=5)))), True),
        (Exists("year"), True),
        (Equals("free", "a"), False),
        (Or((Equals("kind", "a"), Exists("free"))), False),
        (Equals("year", "2019"), False),
        (Range("kind", gt=5), False),
        (Equals("kind", True), False),
    ],
    ids=str,
)
def test_what_no_payload_index_answers_is_known(filter: Filter, answered: bool) -> None:
    assert indexed(within("me", filter), KINDS) is answered


def population() -> list[Chunk]:
    pick = random.Random(3)
    found = []
    for i in range(300):
        meta = {}
        for name in pick.sample(FIELDS, 5):
            several = pick.sample(VALUES, 2)
            meta[name] = pick.choice([pick.choice(VALUES), pick.choice(VALUES), several])
        span = Span(i, i + 10)
        id = str(uuid.UUID(int=i + 1))
        found.append(Chunk(id, f"d{i % 7}", "text", span, (), pick.choice([None, "a"]), meta))
    return found


POPULATION = population()
RECORDS = {
    chunk.id: {name: as_filterable(value) for name, value in chunk.meta.items()}
    | {"domain": chunk.domain, "start": chunk.span.start, "document_id": chunk.document_id}
    for chunk in POPULATION
}


@pytest.fixture(scope="module")
def optimized(tmp_path_factory: pytest.TempPathFactory) -> Iterator[edge.EdgeShard]:
    """A real index whose segments were built: there the payload indexes are other structures."""
    shard = edge.EdgeShard.create(
        str(tmp_path_factory.mktemp("shard") / "x"),
        edge.EdgeConfig(
            vectors={points.DENSE: edge.EdgeVectorParams(64, edge.Distance.Cosine)},
            optimizers=edge.EdgeOptimizersConfig(indexing_threshold=1),
            max_search_threads=1,
        ),
    )
    for key, kind in KINDS.items():
        shard.update(edge.UpdateOperation.create_field_index(key, PAYLOAD_INDEXES[kind]()))
    numbers = np.random.default_rng(0).standard_normal((len(POPULATION), 64), dtype=np.float32)
    stored = []
    for chunk, vector in zip(POPULATION, numbers, strict=True):
        point = Point(chunk, 0, vector, SparseVector([], []))
        (row,) = points.rows("me", chunk.document_id, [point], MANIFEST)
        stored.append(edge.Point(row.id, {points.DENSE: row.vector}, row.payload))  # type: ignore[dict-item]
    shard.update(edge.UpdateOperation.upsert_points(stored))
    assert shard.optimize()
    yield shard
    shard.close()


field = st.sampled_from([*FIELDS, "missing", "domain", "start"])
moment = st.sampled_from([JANUARY, JANUARY.replace(hour=12), JANUARY.replace(year=2023)])
number = st.sampled_from([0, 1, 5, 0.5, 250, -1.5])


def bounds(value: st.SearchStrategy[Any]) -> st.SearchStrategy[Filter]:
    names = st.sampled_from(["gt", "gte", "lt", "lte"])
    chosen = st.dictionaries(names, value, min_size=1, max_size=4)
    return st.builds(lambda field, bounds: Range(field, **bounds), field, chosen)


conditions = st.one_of(
    st.builds(Equals, field, st.sampled_from(VALUES)),
    st.builds(AnyOf, field, st.lists(st.sampled_from(["a", "5", "d"]), max_size=3).map(tuple)),
    st.builds(AnyOf, field, st.lists(st.sampled_from([0, 5, 2**53]), max_size=3).map(tuple)),
    bounds(number),
    bounds(moment),
    st.builds(Exists, field),
)


def nested(part: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    parts = st.lists(part, max_size=3).map(tuple)
    return st.one_of(st.builds(And, parts), st.builds(Or, parts), st.builds(Not, part))


@given(st.recursive(conditions, nested, max_leaves=5))
@settings(max_examples=200, deadline=None, derandomize=True, database=None)
def test_built_segments_find_what_a_filter_matches(
    optimized: edge.EdgeShard, filter: Filter
) -> None:
    request = edge.ScrollRequest(limit=1_000, filter=edge_filter(condition(filter)))
    found, _ = optimized.scroll(request)
    expected = {id for id, record in RECORDS.items() if matches(filter, record)}
    assert {str(record.id) for record in found} == expected
