"""Indexes inside the engine process: what is on the disk, what breaks one, and who is next."""

import os
import selectors
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import qdrant_edge as edge

from retrieval.adapters import engine_wire, points
from retrieval.adapters.embedded_points import BATCH, sent
from retrieval.adapters.engine import Engine
from retrieval.adapters.engine_clients import Client, Clients
from retrieval.adapters.engine_shards import ATTEMPTS, Shards
from retrieval.adapters.store_embedded import EmbeddedIndexes, EmbeddedStore
from retrieval.clock import Clock
from retrieval.errors import InputError, NotFoundError, StoreError, UnavailableError
from retrieval.filters import Equals, Scalar
from retrieval.kit import Point, SparseVector
from retrieval.offline import offline_manifest, passage
from retrieval.settings import Settings

AXIS = np.eye(64, dtype=np.float32)


@pytest.fixture
def indexes(tmp_path: Path) -> Iterator[EmbeddedIndexes]:
    """Indexes of a new data directory; their engine process is ended after the test."""
    found = EmbeddedIndexes(Settings(data_dir=tmp_path), linger_s=0.3)
    yield found
    found.close()
    end(found)


def end(indexes: EmbeddedIndexes) -> None:
    """Kill the engine process."""
    pid = indexes.engine_pid()
    if pid is not None:
        os.kill(pid, signal.SIGKILL)
    gone(indexes)


def gone(indexes: EmbeddedIndexes) -> None:
    """Wait until there is no engine process, and hang up."""
    until = time.monotonic() + 20
    while indexes.engine_pid() is not None:
        assert time.monotonic() < until
        time.sleep(0.01)
    indexes.close()


def made(indexes: EmbeddedIndexes, name: str = "demo", **fields: Any) -> EmbeddedStore:
    return indexes.create(offline_manifest(name, fields=fields))


def point(document_id: str, text: str = "text", place: int = 0, axis: int = 0) -> Point:
    chunk = passage(document_id, text, start=20 * place)
    return Point(chunk, place, AXIS[axis % 64], SparseVector([1, axis + 2], [1.0, 1.0]))


def folder(tmp_path: Path, store: EmbeddedStore) -> Path:
    return tmp_path / "indexes" / store.manifest.name / "versions" / store.manifest.id


def test_payload_indexes_are_there_before_the_first_point(
    indexes: EmbeddedIndexes, tmp_path: Path
) -> None:
    store = made(indexes, year="int", kind="str", open="bool", day="date")
    end(indexes)
    shard = edge.EdgeShard.load(str(folder(tmp_path, store)))
    assert shard.info().payload_schema.keys() == points.indexes(store.manifest).keys()
    assert shard.count(edge.CountRequest(exact=True)) == 0
    shard.close()


def test_leftovers_of_a_killed_build_are_removed(indexes: EmbeddedIndexes, tmp_path: Path) -> None:
    store = made(indexes)
    store.replace({"d": [point("d")]})
    end(indexes)
    left = folder(tmp_path, store) / "temp_segments" / "segment" / "data"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"x" * 1_000)
    assert store.count() == 1
    assert not left.exists()


def test_a_malformed_point_is_not_sent_and_harms_nothing(indexes: EmbeddedIndexes) -> None:
    store = made(indexes)
    good, bad = point("a"), point("b")._replace(sparse=SparseVector([1, 2], [1.0]))
    with pytest.raises(InputError, match=bad.chunk.id):
        store.replace({"a": [good], "b": [bad]})
    store.replace({"a": [good]})
    end(indexes)
    assert [chunk.id for chunk in store.chunks("a")] == [good.chunk.id]


def test_an_index_that_cannot_be_opened_leaves_the_others_alone(
    indexes: EmbeddedIndexes, tmp_path: Path
) -> None:
    sound, broken = made(indexes, "sound"), made(indexes, "broken")
    sound.replace({"d": [point("d")]})
    (row,) = points.rows("default", "d", [point("d")], offline_manifest("x"))
    poison = (row.id, row.vector.tobytes(), [1, 2], [1.0], row.payload, b"")
    version = ("broken", broken.manifest.id)
    with pytest.raises(UnavailableError):
        Engine(tmp_path).ask("replace", *version, "default", ["d"], [poison], None)
    gone(indexes)
    assert sound.count() == 1
    for _ in range(2):
        with pytest.raises(StoreError, match=r"'broken' cannot be opened.*Drop it"):
            broken.count()
    assert sound.count() == 1
    indexes.drop("broken")
    assert indexes.names() == ["sound"]
    assert made(indexes, "broken").count() == 0


def test_an_index_that_ends_the_process_is_not_opened_for_ever(tmp_path: Path) -> None:
    shards = Shards(tmp_path)
    shards.create("demo", "1", "{}", (4, True, {"tenant": "tenant"}))
    shards.close()
    marker = tmp_path / "indexes" / "demo" / "opening"
    marker.write_text(str(ATTEMPTS - 1))
    again = Shards(tmp_path)
    assert again.shard("demo", "1").count(None) == 0
    assert not marker.exists()
    again.close()
    marker.write_text(str(ATTEMPTS))
    with pytest.raises(StoreError, match="while opening it"):
        Shards(tmp_path).shard("demo", "1")


def test_a_half_made_index_is_not_there_and_made_anew(
    indexes: EmbeddedIndexes, tmp_path: Path
) -> None:
    store = made(indexes)
    store.replace({"d": [point("d")]})
    (tmp_path / "indexes" / "demo" / "manifest.json").unlink()
    assert indexes.names() == []
    with pytest.raises(NotFoundError, match="none yet"):
        indexes.open("demo")
    end(indexes)
    assert made(indexes).count() == 0
    with pytest.raises(NotFoundError, match="open it again"):
        store.count()


def test_dropping_removes_every_file(indexes: EmbeddedIndexes, tmp_path: Path) -> None:
    store = made(indexes)
    store.replace({"d": [point("d")]})
    indexes.drop("demo")
    assert list((tmp_path / "indexes").iterdir()) == []
    with pytest.raises(NotFoundError):
        store.count()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 1}'])
def test_a_manifest_that_cannot_be_read_says_so(
    indexes: EmbeddedIndexes, tmp_path: Path, text: str
) -> None:
    path = tmp_path / "indexes" / "demo" / "manifest.json"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(StoreError, match=r"manifest\.json cannot be read"):
        indexes.open("demo")


def test_a_copied_index_is_not_mistaken_for_its_original(
    indexes: EmbeddedIndexes, tmp_path: Path
) -> None:
    made(indexes)
    copy = tmp_path / "indexes" / "copy" / "manifest.json"
    copy.parent.mkdir()
    copy.write_text((tmp_path / "indexes" / "demo" / "manifest.json").read_text())
    with pytest.raises(StoreError, match="'demo'"):
        indexes.open("copy")


def test_booleans_are_told_from_numbers(indexes: EmbeddedIndexes) -> None:
    store = made(indexes, open="bool")
    values: dict[str, Scalar] = {"a": True, "b": False, "c": 1, "d": "true"}
    store.replace({name: [point(name)] for name in values})
    for name, value in values.items():
        store.describe(name, None, {"open": value})
    counts = [store.count(Equals("open", value)) for value in values.values()]
    assert counts == [1, 1, 1, 1]


def test_a_kept_row_is_never_an_old_one(indexes: EmbeddedIndexes) -> None:
    store = made(indexes)
    store.replace({"d": [point("d")]})
    for year in (1, 2, 3):
        store.describe("d", None, {"year": year})
        (found,) = store.search([AXIS[0]], None, 1, Clock())
        assert found[0].chunk.meta == {"year": year}


def test_a_long_document_is_seen_whole_or_not_at_all(indexes: EmbeddedIndexes) -> None:
    store = made(indexes)
    old = [point("d", "old", place) for place in range(3)]
    new = [old[0], *(point("d", "new", place) for place in range(1, 2 * BATCH))]
    store.replace({"d": old})
    rows = points.rows("default", "d", new, offline_manifest("x"))
    parts = sent(rows)
    ask, version = store._engine.ask, (store.manifest.name, store.manifest.id)
    ask("stage", *version, "default", parts[:BATCH])
    assert [chunk.id for chunk in store.chunks("d")] == [each.chunk.id for each in old]
    assert len(store.search([AXIS[0]], None, 500, Clock())[0]) == store.count() == 3
    ask("replace", *version, "default", ["d"], parts[BATCH:], [row.id for row in rows])
    assert [chunk.id for chunk in store.chunks("d")] == [each.chunk.id for each in new]
    ask("stage", *version, "default", parts[:BATCH])
    store.replace({"d": old})
    assert store.count() == indexes.stats("demo")["points"] == 3


def test_an_index_is_not_built_while_it_is_scanned_as_fast(indexes: EmbeddedIndexes) -> None:
    store = made(indexes)
    store.replace({"d": [point("d", place=place, axis=place) for place in range(10)]})
    assert store.optimize() is False
    assert indexes.stats("demo")["unindexed_points"] == 10


def test_titles_are_not_counted_as_points_that_need_a_graph(indexes: EmbeddedIndexes) -> None:
    store = made(indexes)
    store.replace({name: [point(name)._replace(title=AXIS[1])] for name in "abcd"})
    assert indexes.stats("demo")["unindexed_points"] == 4


def test_stats_tell_points_disk_and_memory(indexes: EmbeddedIndexes) -> None:
    store = made(indexes)
    store.replace({"d": [point("d")]})
    found = indexes.stats("demo")
    assert found["points"] == 1
    assert found["disk_bytes"] > 10_000
    assert found["engine_rss_bytes"] > 10_000_000


@pytest.fixture
def clients() -> Iterator[tuple[Clients, selectors.BaseSelector, socket.socket]]:
    """The server's side of connections, and the listener's address."""
    selector = selectors.DefaultSelector()
    listener = socket.create_server(("127.0.0.1", 0))
    found = Clients(selector, listener)
    yield found, selector, listener
    found.close()
    selector.close()


def connected(address: Any, *message: Any) -> socket.socket:
    connection = socket.create_connection(address)
    connection.sendall(engine_wire.packed(message))
    return connection


def turn(selector: selectors.BaseSelector) -> None:
    for key, events in selector.select(0.2):
        key.data(events)


def test_searches_go_before_writes_that_have_not_waited_long(clients: Any) -> None:
    waiting, selector, listener = clients
    address = listener.getsockname()
    sockets = []
    for operation in ("replace", "search", "flush", "count"):
        sockets.append(connected(address, operation, ()))
        turn(selector)
        turn(selector)
    order = [waiting.next() for _ in range(4)]
    assert [each.question[0] for each in order] == ["search", "count", "replace", "flush"]
    assert waiting.next() is None
    order[2].since -= 1.0
    waiting._asking += [order[0], order[2]]
    assert waiting.next() is order[2]
    for connection in sockets:
        connection.close()


def test_a_client_that_does_not_read_delays_nobody(clients: Any) -> None:
    waiting, selector, listener = clients
    with connected(listener.getsockname(), "search", ()) as slow:
        turn(selector)
        turn(selector)
        client: Client = waiting.next()
        answer = engine_wire.packed((engine_wire.OK, "x" * 20_000_000))
        waiting.reply(client, answer)
        assert client.unsent
        received = 0
        while received < len(answer):
            received += len(slow.recv(1_000_000))
            turn(selector)
        assert not client.unsent


@pytest.mark.parametrize("garbage", [b"\xff" * 64, (8).to_bytes(8, "big") + b"\xff" * 8])
def test_who_speaks_another_language_is_hung_up_on(clients: Any, garbage: bytes) -> None:
    waiting, selector, listener = clients
    with socket.create_connection(listener.getsockname()) as stranger:
        stranger.sendall(garbage)
        turn(selector)
        turn(selector)
        assert waiting.count == 0
        assert stranger.recv(1) == b""
