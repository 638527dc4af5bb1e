"""What a search finds is the same wherever an index is: scores, order, ties, statistics."""

import math
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from retrieval.clock import Clock
from retrieval.errors import DeadlineError, InputError
from retrieval.filters import Equals, Range
from retrieval.kit import Point, SparseVector
from retrieval.offline import HashEmbedder, WordSparse, passage
from retrieval.types import Chunk

# The client's local mode says that it knows no payload indexes and searches exactly.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Payload indexes have no effect"),
    pytest.mark.filterwarnings("ignore:Local mode performs exact"),
]
AVERAGE = 4.0
CLOCK = Clock()
TEXTS = {
    "cats": "cats chase mice",
    "dogs": "dogs chase cats and cats again",
    "mice": "mice eat cheese at night",
    "empty": "...",
}


def passages(texts: dict[str, str]) -> list[Chunk]:
    return [passage(document_id, text) for document_id, text in texts.items()]


def even(*axes: int) -> NDArray[np.float32]:
    """A unit vector whose products are exact, in whatever order an engine adds them."""
    found = np.zeros(64, dtype=np.float32)
    found[list(axes)] = 0.5
    return found


def test_dense_scores_are_dot_products_in_descending_order(place: Any) -> None:
    store = place.own(*passages(TEXTS))
    vectors = HashEmbedder().passages([*TEXTS.values(), "mice and cats"])
    expected = {
        name: float(vector @ vectors[-1]) for name, vector in zip(TEXTS, vectors, strict=False)
    }
    found = place.dense(store, "mice and cats")
    assert found == pytest.approx(expected, abs=1e-5)
    assert list(found.values()) == sorted(found.values(), reverse=True)
    assert list(place.dense(store, "mice and cats", limit=2)) == list(found)[:2]


def test_sparse_scores_are_bm25(place: Any) -> None:
    store = place.stored(*passages(TEXTS))
    # Three chunks have terms: "..." has none, and counts for nothing.
    idf_cats = math.log(1 + (3 - 2 + 0.5) / (2 + 0.5))
    idf_cheese = math.log(1 + (3 - 1 + 0.5) / (1 + 0.5))
    k1, b = 1.2, 0.75
    expected = {
        "cats": idf_cats * 1 * (k1 + 1) / (1 + k1 * (1 - b + b * 3 / AVERAGE)),
        "dogs": idf_cats * 2 * (k1 + 1) / (2 + k1 * (1 - b + b * 6 / AVERAGE)),
        "mice": idf_cheese * 1 * (k1 + 1) / (1 + k1 * (1 - b + b * 5 / AVERAGE)),
    }
    found = place.sparse(store, "cats cheese unicorn")
    assert found == pytest.approx(expected, rel=1e-4)
    assert list(found) == sorted(expected, key=lambda name: -expected[name])


def test_a_filter_narrows_the_answer_but_not_the_statistics(place: Any) -> None:
    store = place.stored(*passages(TEXTS))
    narrow = place.sparse(store, "cats", filter=Equals("document_id", "dogs"))
    assert narrow == pytest.approx({"dogs": place.sparse(store, "cats")["dogs"]}, rel=1e-6)


def test_statistics_follow_what_is_deleted(place: Any) -> None:
    store = place.stored(*passages(TEXTS))
    both = place.sparse(store, "chase")
    store.replace({"dogs": []})
    idf = math.log(1 + (2 - 1 + 0.5) / (1 + 0.5))
    was = math.log(1 + (3 - 2 + 0.5) / (2 + 0.5))
    assert place.sparse(store, "chase") == pytest.approx(
        {"cats": both["cats"] / was * idf}, rel=1e-4
    )


def test_terms_may_come_in_any_order_and_carry_weights(place: Any) -> None:
    store = place.store()
    terms = SparseVector([9, 3], [2.0, 0.5])
    chunk = passage("d", "text")
    vector = HashEmbedder().passages(["text"])[0]
    store.replace({"d": [Point(chunk, 0, vector, terms)]})
    (found,) = store.search([SparseVector([9, 3], [3.0, 1.0])], None, 10, CLOCK)
    assert found[0].score == pytest.approx((2.0 * 3.0 + 0.5) * math.log(1 + 0.5 / 1.5), rel=1e-4)


def test_many_probes_are_answered_in_their_order(place: Any) -> None:
    store = place.own(*passages(TEXTS))
    vectors = HashEmbedder().passages(["cats chase mice", "mice eat cheese at night"])
    empty, words = SparseVector([], []), WordSparse().query("dogs")
    found = store.search([vectors[0], empty, words, vectors[1]], None, 1, CLOCK)
    names = [[match.chunk.document_id for match in matches] for matches in found]
    assert names == [["cats"], [], ["dogs"], ["mice"]]
    assert store.search([], None, 5, CLOCK) == []


def test_an_empty_index_finds_nothing(place: Any) -> None:
    store = place.store()
    assert place.dense(store, "cats") == {}
    assert place.sparse(store, "cats") == {}
    assert store.count() == 0
    assert store.chunks("d") == []
    assert store.vectors([str(uuid.uuid4())]) == {}


@pytest.mark.parametrize(("count", "limit"), [(30, 7), (300, 5)])
def test_ties_break_by_id_also_where_the_limit_cuts_them(
    place: Any, count: int, limit: int
) -> None:
    better = Point(passage("better", "a"), 0, even(0, 1, 2, 3), SparseVector([1, 2], [1.0, 1.0]))
    equal = [
        Point(passage(f"d{i}", "b"), 0, even(0, 1, 2, 4 + i % 60), SparseVector([1], [1.0]))
        for i in range(count)
    ]
    store = place.own()
    store.replace({point.chunk.document_id: [point] for point in [*equal, better]})
    probes = [even(0, 1, 2, 3), SparseVector([1, 2], [1.0, 1.0])]
    ids = sorted(point.chunk.id for point in equal)
    for found in store.search(probes, None, limit, CLOCK):
        assert [match.chunk.id for match in found] == [better.chunk.id, *ids[: limit - 1]]


def test_a_probe_that_cannot_be_compared_is_refused(place: Any) -> None:
    store = place.own(passage("d", "text"))
    for probe in (np.ones(3, np.float32), np.full(64, np.nan, np.float32)):
        with pytest.raises(InputError):
            store.search([probe], None, 5, CLOCK)


def test_a_question_after_its_deadline_is_refused(place: Any) -> None:
    chunk = passage("d", "text")
    store, late = place.own(chunk), Clock(-1.0)
    for ask in (
        lambda: store.search([HashEmbedder().passages(["text"])[0]], None, 5, late),
        lambda: store.chunks("d", clock=late),
        lambda: store.vectors([chunk.id], late),
        lambda: store.count(clock=late),
    ):
        with pytest.raises(DeadlineError):
            ask()


def test_searches_at_the_same_time_find_the_same(place: Any) -> None:
    points = [
        Point(
            passage(f"d{i}", "text"), 0, even(0, i % 3 + 1, i % 5 + 4, i + 9), SparseVector([], [])
        )
        for i in range(50)
    ]
    store = place.own()
    store.replace({point.chunk.document_id: [point] for point in points})
    probes = [even(0, 1, 4, 9 + i) for i in range(8)]
    expected = [store.search([probe], None, 20, CLOCK) for probe in probes]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda probe: store.search([probe], None, 20, CLOCK), probes * 3))
    assert found == expected * 3


def test_a_filter_on_a_field_without_an_index_finds_all_the_same(place: Any) -> None:
    chunks = [
        replace(passage(f"d{i}", f"words {i}"), meta={"year": i % 10, "free": i % 10})
        for i in range(100)
    ]
    store = place.stored(*chunks, year="int")
    for field in ("year", "free"):
        assert len(place.dense(store, "words 3", 50, Range(field, lt=3))) == 30
        assert store.count(Equals(field, 7)) == 10


def test_flushing_and_optimizing_change_no_answer(place: Any) -> None:
    store = place.stored(*passages(TEXTS))
    before = place.dense(store, "cats"), place.sparse(store, "cats")
    store.flush()
    store.optimize()
    assert (place.dense(store, "cats"), place.sparse(store, "cats")) == before


def test_each_tenant_has_statistics_of_its_own(place: Any) -> None:
    store = place.stored(*passages(TEXTS))
    yours = place.put(store.scoped("you"), passage("same", "cats eat fish", tenant="you"))
    alone = place.stored(*passages(TEXTS))
    weight = 2.2 / (1 + 1.2 * (0.25 + 0.75 * 3 / AVERAGE))
    expected = weight * math.log(1 + (1 - 1 + 0.5) / (1 + 0.5))
    assert place.sparse(yours, "cats") == pytest.approx({"same": expected}, rel=1e-4)
    assert place.sparse(store, "cats") == pytest.approx(place.sparse(alone, "cats"), rel=1e-6)
