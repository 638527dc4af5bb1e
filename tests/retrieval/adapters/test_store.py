"""The contract of a store, wherever it is: what is made, written and read back."""

import math
import uuid
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from retrieval.clock import Clock
from retrieval.errors import ConfigError, InputError, NotFoundError
from retrieval.filters import And, Equals, Exists, Not
from retrieval.kit import Compared, Point, SparseVector
from retrieval.offline import HashEmbedder, offline_manifest, passage
from retrieval.types import Chunk

# The client's local mode says that it knows no payload indexes and searches exactly.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Payload indexes have no effect"),
    pytest.mark.filterwarnings("ignore:Local mode performs exact"),
]
ODD = ["a/b/c.md", "..", "ünï ☃ \u202e", '"quoted" [0].x', "%2F\n", "x" * 1_000]
TEXTS = {"cats": "cats chase mice", "dogs": "dogs chase cats", "mice": "mice eat cheese"}


def passages(texts: dict[str, str], tenant: str = "default") -> list[Chunk]:
    return [passage(document_id, text, tenant=tenant) for document_id, text in texts.items()]


def point(chunk: Chunk, **changes: Any) -> Point:
    """A good point, but for the changes."""
    good = Point(chunk, 0, np.eye(64, dtype=np.float32)[0], SparseVector([1, 2], [0.5, 1.0]))
    return good._replace(**changes)


def test_an_index_is_made_found_listed_and_dropped(place: Any) -> None:
    store = place.store(year="int")
    name = store.manifest.name
    assert name in place.indexes.names()
    assert place.indexes.names() == sorted(place.indexes.names())
    assert place.indexes.open(name).manifest == store.manifest
    with pytest.raises(ConfigError, match=name):
        place.indexes.create(offline_manifest(name))
    place.indexes.drop(name)
    assert name not in place.indexes.names()


def test_what_is_stored_is_there_when_the_index_is_opened_again(place: Any) -> None:
    store = place.stored(*passages(TEXTS))
    again = place.indexes.open(store.manifest.name)
    assert again.count() == 3
    assert place.dense(again, "cats chase mice") == place.dense(store, "cats chase mice")


def test_an_unknown_index_is_refused_with_the_names_that_there_are(place: Any) -> None:
    name = place.store().manifest.name
    with pytest.raises(NotFoundError, match=name):
        place.indexes.open("test-unknown")
    with pytest.raises(NotFoundError, match="test-unknown"):
        place.indexes.drop("test-unknown")


@pytest.mark.parametrize("name", ["test-a.b_c-D", "test-x__0123456789ab", "test-" + "n" * 95])
def test_an_odd_name_names_an_index_of_its_own(place: Any, name: str) -> None:
    other = place.store()
    store = place.put(place.indexes.create(offline_manifest(name)), passage("d", "some text"))
    assert (place.indexes.open(name).count(), other.count(), store.count()) == (1, 0, 1)
    place.indexes.drop(name)
    fresh = place.indexes.create(offline_manifest(name))
    assert fresh.count() == 0
    place.indexes.drop(name)


@pytest.mark.parametrize("name", ["", "a/b", "../x", "ä", " a", "-a", "n" * 101, "a\n"])
def test_a_name_that_cannot_be_one_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="Index name"):
        offline_manifest(name)


def test_replacing_leaves_nothing_of_the_old_and_nothing_twice(place: Any) -> None:
    old = [passage("d", f"old words {i}", start=20 * i) for i in range(5)]
    store = place.own(*old, passage("other", "old words"))
    place.put(store, *old)
    assert store.count() == 6
    new = [old[1], passage("d", "new words", start=90)]
    place.put(store, *new)
    assert [chunk.id for chunk in store.chunks("d")] == [chunk.id for chunk in new]
    assert set(place.sparse(store, "old")) == {"d", "other"}
    assert store.count() == 3


def test_deleting_takes_the_named_documents_alone(place: Any) -> None:
    store = place.own(*passages(TEXTS))
    store.replace({"cats": [], "unknown": [], "mice": []})
    assert set(place.dense(store, "cats")) == {"dogs"}
    store.replace({})
    assert store.count() == 1


def test_a_document_of_many_chunks_keeps_their_order(place: Any) -> None:
    chunks = [passage("long", f"words {i:4}", start=10 * i) for i in range(1_010)]
    store = place.own(*chunks, passage("short", "words"))
    assert store.chunks("long") == chunks
    assert store.chunks("long", 4_995, 5_010) == chunks[499:501]
    assert len(store.vectors([chunk.id for chunk in chunks])) == 1_010
    place.put(store, passage("long", "short now"))
    assert [chunk.text for chunk in store.chunks("long")] == ["short now"]
    assert store.count() == 2


def test_chunks_are_those_that_overlap(place: Any) -> None:
    chunks = [passage("d", "0123456789", start=start) for start in (0, 10, 20)]
    store = place.own(*chunks, passage("e", "0123456789", start=10))
    assert store.chunks("d") == chunks
    assert store.chunks("d", 10, 20) == [chunks[1]]
    assert store.chunks("d", 9, 21) == chunks
    assert store.chunks("d", 15) == chunks[1:]
    assert store.chunks("d", 30) == []
    assert store.chunks("unknown") == []


def test_what_was_replaced_or_deleted_is_not_present(place: Any) -> None:
    old, other = passage("d", "old text"), passage("e", "other")
    store = place.own(old, other)
    ids = [old.id, other.id, "nobody", str(uuid.uuid4())]
    assert store.present(ids) == {old.id, other.id}
    assert store.scoped("somebody else").present(ids) == set()
    new = passage("d", "new text")
    store.replace({"d": [point(new)], "e": []})
    assert store.present([*ids, new.id]) == {new.id}
    assert store.present([]) == set()


def test_vectors_come_by_id_and_unknown_ids_are_left_out(place: Any) -> None:
    store = place.own(*passages(TEXTS))
    chunk = passages(TEXTS)[1]
    found = store.vectors([chunk.id, str(uuid.uuid4()), "no id at all", chunk.id])
    assert list(found) == [chunk.id]
    np.testing.assert_allclose(found[chunk.id], HashEmbedder().passages([chunk.text])[0], atol=1e-6)


def titled(document_id: str, *titles: str | None) -> list[Chunk]:
    """A document's chunks; the first one's title is the document's."""
    chunks = [passage(document_id, f"text {i}", start=10 * i) for i in range(len(titles))]
    return [
        replace(chunk, meta={"title": title} if title else {})
        for chunk, title in zip(chunks, titles, strict=True)
    ]


ASKED = HashEmbedder().passages(["cats and dogs"])[0]


def cosines(store: Any, ids: list[str], document_ids: list[str]) -> Any:
    """Passages beside the first of them, and titles beside the question."""
    return store.cosines(Compared(ids, 1, document_ids, ASKED), Clock())()


def test_a_title_is_kept_once_for_its_document_and_compared_with_its_passages(place: Any) -> None:
    cats, dogs = titled("cats", "About cats", "About cats"), titled("dogs", None)
    store = place.own(*cats, *dogs)
    ids = [cats[1].id, dogs[0].id, "no id at all"]
    near, titles = cosines(store, ids, ["cats", "dogs", "cats", "unknown", "\ud800"])
    one, two, own = HashEmbedder().passages(["text 1", "text 0", "About cats"])
    assert near == pytest.approx({ids[0]: 1.0, ids[1]: float(one @ two)}, abs=1e-6)
    both, _ = store.cosines(Compared(ids, 2, [], ASKED), Clock())()
    middle = (one + two) / np.linalg.norm(one + two)
    expected = {ids[0]: float(one @ middle), ids[1]: float(two @ middle)}
    assert both == pytest.approx(expected, abs=1e-6)
    assert cosines(store, ["no id at all", ids[0]], [])[0] == {}
    assert titles == pytest.approx({"cats": float(own @ ASKED)}, abs=1e-6)
    assert cosines(store, [], []) == ({}, {})
    store.describe("cats", None, {"title": "Other"})
    assert cosines(store, [], ["cats"]) == ({}, pytest.approx(titles, abs=1e-6))
    assert cosines(place.own(), ids, ["cats"]) == ({}, {})
    place.put(store, *titled("cats", None, None))
    assert cosines(store, [], ["cats"]) == ({}, {})


def test_titles_of_many_documents_are_compared_and_a_long_document_keeps_its_own(
    place: Any,
) -> None:
    many = [titled(f"d{i}", f"title {i}")[0] for i in range(150)]
    long = titled("long", *["The long one"] * 300)
    store = place.own(*many, *long)
    names = [chunk.document_id for chunk in many]
    near, titles = cosines(store, [chunk.id for chunk in long], [*names, "long"])
    assert (len(near), set(titles)) == (300, {*names, "long"})


def test_a_vector_that_cannot_be_compared_is_refused(place: Any) -> None:
    chunk = titled("d", "A title")[0]
    store = place.own(chunk)
    with pytest.raises(InputError):
        store.cosines(Compared([chunk.id], 1, ["d"], np.zeros(64, np.float32)), Clock())()


def test_an_index_of_the_first_schema_is_used_without_titles(place: Any) -> None:
    made = replace(offline_manifest(f"test-{uuid.uuid4().hex[:8]}"), schema=1)
    chunk = titled("d", "A title")[0]
    store = place.put(place.indexes.create(made), chunk)
    assert not place.indexes.open(made.name).manifest.titled
    near, titles = cosines(store, [chunk.id], ["d"])
    assert (list(near), titles) == ([chunk.id], {})


def test_describing_changes_metadata_and_nothing_else(place: Any) -> None:
    chunks = [
        replace(passage("d", f"some words {i}", start=20 * i), domain="old", meta={"a": 1, "b": 2})
        for i in range(3)
    ]
    store = place.stored(*chunks, passage("e", "other words"), a="int")
    before = store.vectors([chunk.id for chunk in chunks])
    store.describe("d", None, {"a": 5, "c": True, "date": "2024-02-01"})
    after = [
        replace(each, domain=None, meta={"a": 5, "c": True, "date": "2024-02-01"})
        for each in chunks
    ]
    assert store.chunks("d") == after
    assert store.count(Equals("a", 5)) == store.count(Equals("c", True)) == 3
    gone = (Equals("a", 1), Exists("b"), Exists("domain"))
    assert [store.count(filter) for filter in gone] == [0, 0, 0]
    vectors = store.vectors([chunk.id for chunk in chunks])
    assert all(np.array_equal(vectors[id], before[id]) for id in before)
    store.describe("d", "new", {})
    assert store.count(And((Equals("domain", "new"), Not(Exists("date"))))) == 3
    store.describe("unknown", "new", {})
    assert store.count() == 4


def test_tenants_see_only_their_own(place: Any) -> None:
    mine = place.own(*passages({"same": "cats and dogs", "mine": "mice"}, "me"))
    yours = place.own(*passages({"same": "cats eat fish"}, "you"))
    none = place.own()
    assert (mine.count(), yours.count(), none.count()) == (2, 1, 0)
    assert yours.chunks("mine") == []
    assert [chunk.text for chunk in yours.chunks("same")] == ["cats eat fish"]
    assert set(place.sparse(mine, "cats dogs fish mice")) == {"mine", "same"}
    assert set(place.dense(yours, "cats and dogs")) == {"same"}
    assert yours.vectors([chunk.id for chunk in mine.chunks("same")]) == {}
    yours.describe("same", "theirs", {})
    assert mine.chunks("same")[0].domain is None
    yours.replace({"same": [], "mine": []})
    assert (mine.count(), yours.count()) == (2, 0)


@pytest.mark.parametrize("tenant", ["", "a\0b", "\ud800"])
def test_a_tenant_that_cannot_be_one_is_refused(place: Any, tenant: str) -> None:
    with pytest.raises(InputError, match="Tenant"):
        place.shared.scoped(tenant)


@pytest.mark.parametrize("odd", ODD)
def test_odd_ids_name_documents_and_tenants(place: Any, odd: str) -> None:
    store = place.own(passage("d", "cats"))
    view = place.put(store.scoped(odd), passage(odd, "cats", tenant=odd))
    assert [chunk.document_id for chunk in view.chunks(odd)] == [odd]
    assert place.sparse(view, "cats", filter=Equals("document_id", odd)).keys() == {odd}
    view.describe(odd, odd, {odd: odd})
    assert view.count(And((Equals("domain", odd), Equals(odd, odd)))) == 1
    view.replace({odd: []})
    assert (view.count(), store.count()) == (0, 1)


@pytest.mark.parametrize("text", ["", "näïve café ☕ 𝒳", "a\x00b\r\n\t", "שלום \u202e", "e\u0301"])
def test_text_and_headings_come_back_as_they_were(place: Any, text: str) -> None:
    chunk = replace(passage("d", text), heading=("Outer", text), domain=text or None)
    store = place.own(chunk)
    assert store.chunks("d") == [chunk]
    (found,) = store.search([HashEmbedder().passages([text])[0]], None, 1, Clock())
    assert found[0].chunk == chunk


def test_metadata_comes_back_untouched(place: Any) -> None:
    meta = {
        "title": "T",
        "flag": True,
        "flags": [True, 1, 1.0, "1", None],
        "nested": {"a": [{"b": False}], "": {}},
        "big": 2**70,
        "tiny": 1e-300,
        "whole": 2.0,
        "none": None,
        "tenant": "someone",
        "document_id": "no",
        "a.b[0]": '"',
    }
    store = place.stored(replace(passage("d", "text"), meta=meta), flag="bool")
    found = store.chunks("d")[0].meta
    assert found == meta
    assert [type(found["flags"][i]) for i in range(3)] == [bool, int, float]
    assert (found["flag"], type(found["whole"])) == (True, float)
    assert store.count(Equals("document_id", "d")) == store.count(Equals("tenant", "someone")) == 1


GOOD = passage("d", "text")
BAD = {
    "a vector of another dimension": point(GOOD, vector=np.ones(3, np.float32)),
    "a vector that is no number": point(GOOD, vector=np.full(64, np.nan, np.float32)),
    "an infinite vector": point(GOOD, vector=np.full(64, np.inf, np.float32)),
    "a vector without direction": point(GOOD, vector=np.zeros(64, np.float32)),
    "a title that is no number": point(GOOD, title=np.full(64, np.nan, np.float32)),
    "a title of a later chunk": point(GOOD, position=1, title=np.ones(64, np.float32)),
    "more terms than weights": point(GOOD, sparse=SparseVector([1, 2], [1.0])),
    "a term twice": point(GOOD, sparse=SparseVector([1, 1], [1.0, 1.0])),
    "a term below zero": point(GOOD, sparse=SparseVector([-1], [1.0])),
    "a term beyond 32 bits": point(GOOD, sparse=SparseVector([2**32], [1.0])),
    "a weight that is no number": point(GOOD, sparse=SparseVector([1], [math.nan])),
    "an id that is no UUID": point(replace(GOOD, id="one")),
    "a chunk of another document": point(passage("other", "text")),
    "a position below zero": point(GOOD, position=-1),
    "metadata that is not JSON": point(replace(GOOD, meta={"a": {1, 2}})),
    "metadata with infinity": point(replace(GOOD, meta={"a": math.inf})),
    "text with half a character": point(replace(GOOD, text="\ud800")),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_bad_points_are_refused_and_nothing_is_stored(place: Any, bad: Point) -> None:
    store = place.own()
    good = point(passage("a", "text"))
    with pytest.raises(InputError):
        store.replace({"a": [good], "d": [bad], "z": [point(passage("z", "text"))]})
    assert store.count() == 0


def test_a_chunk_twice_in_a_document_is_refused(place: Any) -> None:
    store = place.own()
    with pytest.raises(InputError, match="id"):
        store.replace({"d": [point(GOOD), point(GOOD)]})
    assert store.count() == 0


def test_a_document_whose_id_cannot_be_stored_is_not_there(place: Any) -> None:
    store = place.own(passage("d", "text"))
    store.replace({"\ud800": []})
    store.describe("\ud800", None, {})
    assert store.chunks("\ud800") == []
    assert store.count() == 1


def test_a_manifest_is_kept_whole(place: Any) -> None:
    made = offline_manifest(f"test-{uuid.uuid4().hex[:8]}", 12.5, {"a b": "date"})
    place.indexes.create(made)
    found = place.indexes.open(made.name).manifest
    assert (found, found.fingerprint) == (made, made.fingerprint)
