"""What the server's store asks of a server, and what it leaves alone."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from qdrant_client import models

from retrieval.adapters.store_server import ServerIndexes
from retrieval.clock import Clock
from retrieval.errors import ConfigError, NotFoundError, StoreError
from retrieval.filters import Equals
from retrieval.kit import Compared, Kit, Store
from retrieval.offline import HashEmbedder, WordSparse, documents, offline_manifest, passage
from retrieval.settings import Settings
from retrieval.types import Chunk

# The client's local mode says that it knows no payload indexes and searches exactly.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Payload indexes have no effect"),
    pytest.mark.filterwarnings("ignore:Local mode performs exact"),
    pytest.mark.filterwarnings("ignore:Api key is used with an insecure connection"),
]
PROBE = HashEmbedder().passages(["words"])[0]


def refuses(to: Any) -> None:
    """Say no, for a reason that another try does not change."""
    to.send(400, json.dumps({"status": {"error": "a reason"}}).encode())


@pytest.fixture
def indexes(rest: Any) -> Iterator[ServerIndexes]:
    found = ServerIndexes(Settings(qdrant_url=rest.url))
    rest.asked.clear()
    yield found
    rest.faults.clear()
    found.close()


@pytest.fixture
def store(indexes: ServerIndexes, rest: Any) -> Iterator[Store]:
    found = put(
        indexes.create(offline_manifest("own", 1.0, {"year": "int"})), passage("d", "words")
    )
    rest.asked.clear()
    yield found
    rest.faults.clear()
    indexes.drop("own")


def put(store: Store, *chunks: Chunk) -> Store:
    store.replace(documents(Kit(HashEmbedder(), WordSparse(), store), chunks, 1.0))
    return store


def test_all_probes_are_one_request_that_names_tenant_time_and_exactness(
    store: Store, rest: Any
) -> None:
    words = WordSparse().query("words")
    store.scoped("me").search([PROBE, words, PROBE], Equals("year", 1), 5, Clock(2.5))
    store.search([PROBE], Equals("free", 1), 5, Clock(2.5))
    (_, body), (_, other) = rest.asked
    own = {"key": "tenant", "match": {"value": "me"}}
    assert [each["filter"]["must"][0] for each in body["searches"]] == [own] * 3
    assert body["searches"][1]["params"]["idf"] == {"corpus": {"must": [own]}}
    assert [each["searches"][0]["params"]["exact"] for each in (body, other)] == [False, True]


def test_every_request_carries_the_key(rest: Any) -> None:
    seen: list[str | None] = []
    rest.faults.append(lambda to: seen.append(to.headers["api-key"]) or refuses(to))
    indexes = ServerIndexes(Settings(qdrant_url=rest.url, qdrant_api_key="secret"))  # type: ignore[arg-type]
    with pytest.raises(StoreError) as caught:
        indexes.names()
    assert seen == ["secret"]
    assert "secret" not in str(caught.value)
    indexes.close()


def test_an_index_is_seen_once_it_is_whole(rest: Any) -> None:
    settings = Settings(qdrant_url=rest.url, qdrant_shards=6, qdrant_replicas=2)
    indexes = ServerIndexes(settings)
    rest.asked.clear()
    indexes.create(offline_manifest("whole", 1.0, {"year": "int"}))
    made = [(what, body) for what, body in rest.asked if not what.startswith("GET")]
    assert made[0][1]["shard_number"] == 6
    assert made[0][1]["replication_factor"] == made[0][1]["write_consistency_factor"] == 2
    assert {body["field_name"] for _, body in made[1:-1]} >= {"tenant", "dates.date", "fields.year"}
    assert made[1][1]["field_schema"] == {"type": "keyword", "is_tenant": True}
    assert made[-1][0] == "POST /collections/aliases"
    indexes.drop("whole")
    indexes.close()


@pytest.mark.parametrize("step", [2, 3, 8])
def test_an_index_whose_making_fails_leaves_nothing(
    indexes: ServerIndexes, rest: Any, step: int
) -> None:
    before = rest.engine.get_collections()
    rest.faults.extend([*[None] * step, refuses])
    with pytest.raises(StoreError, match="a reason"):
        indexes.create(offline_manifest("broken"))
    assert "broken" not in indexes.names()
    assert rest.engine.get_collections() == before


def test_collections_and_aliases_of_others_are_left_alone(
    indexes: ServerIndexes, rest: Any
) -> None:
    for collection, name in (("theirs", "alias"), ("odd__0123456789ab", "odd")):
        rest.engine.create_collection(collection, {})
        alias = models.CreateAlias(collection_name=collection, alias_name=name)
        rest.engine.update_collection_aliases([models.CreateAliasOperation(create_alias=alias)])
    assert not {"theirs", "alias"} & set(indexes.names())
    for name in ("theirs", "alias"):
        with pytest.raises(ConfigError, match="something else"):
            indexes.create(offline_manifest(name))
        with pytest.raises(NotFoundError):
            indexes.drop(name)
    with pytest.raises(ConfigError, match="no manifest"):
        indexes.open("odd")
    indexes.drop("odd")


def test_a_long_document_that_is_interrupted_stays_as_it_was(store: Store, rest: Any) -> None:
    old = [passage("long", f"old {i}", start=10 * i) for i in range(300)]
    new = [*old[:10], *(passage("long", f"new {i}", start=10 * i) for i in range(10, 600))]
    put(store, *old)
    # One page of what is seen, the first part, then nothing more.
    rest.faults.extend([None, None, refuses])
    with pytest.raises(StoreError):
        put(store, *new)
    rest.faults.clear()
    assert store.chunks("long") == old
    assert store.count() == 301
    put(store, *new)
    assert store.chunks("long") == new
    store.replace({"long": []})
    assert store.count() == 1
    assert store.scoped("default").count() == 1


def test_many_documents_are_stored_in_few_requests(store: Store, rest: Any) -> None:
    put(store, *[passage(f"d{i}", "words") for i in range(600)])
    assert [what.rpartition("/")[2] for what, _ in rest.asked] == ["batch"] * 3
    assert store.count() == 601
    rest.asked.clear()
    put(store, *[passage(f"d{i}", "long " * 350_000) for i in range(6)])
    assert len(rest.asked) == 3
    rest.asked.clear()
    store.replace({f"d{i}": [] for i in range(600)})
    assert len(rest.asked) == 3
    assert store.count() == 1


def test_cosines_of_passages_and_titles_are_one_request_after_the_centroid(
    store: Store, rest: Any
) -> None:
    put(store, replace(passage("e", "words"), meta={"title": "Words"}))
    rest.asked.clear()
    ids = [chunk.id for name in "de" for chunk in store.chunks(name)]
    rest.asked.clear()
    near, titles = store.cosines(Compared(ids, 1, ["d", "e"], PROBE), Clock())()
    assert (len(near), list(titles)) == (2, ["e"])
    assert [what.rpartition("/")[2] for what, _ in rest.asked] == ["scroll", "batch"]


def test_titles_get_no_graph(indexes: ServerIndexes, rest: Any) -> None:
    indexes.create(offline_manifest("titled"))
    (vectors,) = [body["vectors"] for what, body in rest.asked if body and "vectors" in body]
    assert vectors["title"]["hnsw_config"]["m"] == 0
    assert "hnsw_config" not in vectors["dense"] or vectors["dense"]["hnsw_config"] is None
    indexes.drop("titled")
