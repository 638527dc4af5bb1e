"""Chunks kept on the client's side: read once, never old, bounded, and complete."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from retrieval.adapters import embedded_chunks
from retrieval.adapters.embedded_chunks import Chunks
from retrieval.adapters.engine_wire import Row
from retrieval.adapters.store_embedded import TRIES, EmbeddedIndexes
from retrieval.clock import Clock
from retrieval.kit import Kit, Store
from retrieval.offline import HashEmbedder, WordSparse, documents, offline_manifest, passage
from retrieval.settings import Settings
from retrieval.types import Chunk


class Engine:
    """Points that are read by their numbers, and which ones were."""

    def __init__(self, *texts: str) -> None:
        self.rows = {n: self.row(n, text) for n, text in enumerate(texts, start=1)}
        self.asked: list[list[int]] = []

    def read(self, numbers: list[int]) -> list[Row]:
        self.asked.append(numbers)
        return [self.rows[number] for number in numbers if number in self.rows]

    @staticmethod
    def row(number: int, text: str) -> Row:
        return [str(UUID(int=number)), "d", text, 0, len(text), ["h"], None, '{"a": 1}']


def of(chunks: Chunks, versions: dict[int, int], engine: Engine) -> dict[int, Chunk]:
    """The chunks of points of these versions, as two probes found them."""
    numbers, theirs = [*versions], [*versions.values()]
    ranked = (numbers, theirs, [1.0] * len(numbers))
    found, whole = chunks.of([ranked, (numbers[:1], theirs[:1], [0.5])], engine.read)
    assert whole == (len(found) == len(versions))
    return found


def texts(found: dict[int, Chunk]) -> dict[int, str]:
    return {number: chunk.text for number, chunk in found.items()}


def test_a_chunk_is_read_once_and_again_when_its_point_is_written() -> None:
    chunks, engine = Chunks(), Engine("one", "two")
    assert texts(of(chunks, {1: 5, 2: 5}, engine)) == {1: "one", 2: "two"}
    assert of(chunks, {2: 5}, engine)[2].meta == {"a": 1}
    assert engine.asked == [[1, 2]]
    engine.rows[2] = engine.row(2, "new")
    assert texts(of(chunks, {1: 5, 2: 6}, engine)) == {1: "one", 2: "new"}
    assert engine.asked == [[1, 2], [2]]


def test_a_point_that_is_gone_is_left_out_and_asked_for_again() -> None:
    chunks, engine = Chunks(), Engine("one")
    assert texts(of(chunks, {1: 5, 9: 5}, engine)) == {1: "one"}
    assert of(chunks, {9: 5}, engine) == {}
    assert engine.asked == [[1, 9], [9]]


def test_the_oldest_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_chunks, "KEPT_CHARACTERS", 2 * (embedded_chunks.EACH + 60))
    chunks, engine = Chunks(), Engine("12345", "12345", "x" * 1_000)
    for _ in range(2):
        of(chunks, {1: 1, 2: 1}, engine)
    assert texts(of(chunks, {3: 1}, engine)) == {3: "x" * 1_000}
    assert engine.asked == [[1, 2], [3]]
    of(chunks, {1: 1, 2: 1, 3: 1}, engine)
    assert engine.asked[2:] == [[1, 2, 3]]
    of(chunks, {1: 1, 2: 1}, engine)
    assert engine.asked[3:] == [[1, 2]]


@pytest.fixture
def clients(tmp_path: Path) -> Iterator[tuple[EmbeddedIndexes, EmbeddedIndexes]]:
    """Two clients of one engine process, each with what it keeps."""
    settings = Settings(data_dir=tmp_path / "data")
    both = (EmbeddedIndexes(settings, linger_s=0.3), EmbeddedIndexes(settings, linger_s=0.3))
    yield both
    pid = both[0].engine_pid()
    for each in both:
        each.close()
    if pid is not None:
        os.kill(pid, signal.SIGKILL)


def put(store: Store, *chunks: Chunk) -> None:
    store.replace(documents(Kit(HashEmbedder(), WordSparse(), store), chunks, 3.0))


def found(store: Store, text: str = "cats") -> list[tuple[str, Any]]:
    probe = HashEmbedder().passages([text])[0]
    (matches,) = store.search([probe], None, 3, Clock())
    return [(match.chunk.text, dict(match.chunk.meta)) for match in matches]


def test_what_another_client_writes_is_seen(
    clients: tuple[EmbeddedIndexes, EmbeddedIndexes],
) -> None:
    one = clients[0].create(offline_manifest("demo", 3.0))
    put(one, passage("a", "cats sleep"))
    other = clients[1].open("demo")
    assert found(one) == found(other) == [("cats sleep", {})]
    one.describe("a", None, {"year": 2001})
    assert found(other) == found(one) == [("cats sleep", {"year": 2001})]
    put(one, passage("a", "cats run"))
    assert found(other) == found(one) == [("cats run", {})]
    clients[0].drop("demo")
    one = clients[0].create(offline_manifest("demo", 3.0))
    put(one, passage("a", "cats sleep"))
    assert found(clients[1].open("demo")) == [("cats sleep", {})]


def test_a_document_replaced_before_its_chunks_are_read_is_found_as_it_is_now(
    clients: tuple[EmbeddedIndexes, EmbeddedIndexes], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = clients[0].create(offline_manifest("demo", 3.0))
    put(one, passage("a", "cats 0"), passage("b", "dogs"))
    other = clients[1].open("demo")
    ask, written = other._ask, 0

    def late(operation: str, *arguments: Any, clock: Clock | None = None) -> Any:
        nonlocal written
        if operation == "rows" and written < limit:
            written += 1
            put(one, passage("a", f"cats {written}"))
        return ask(operation, *arguments, clock=clock)

    monkeypatch.setattr(other, "_ask", late)
    limit = 1
    assert [text for text, _ in found(other, "cats 0")] == ["cats 1", "dogs"]
    limit = 100
    put(one, passage("a", "cats 9"))
    assert [text for text, _ in found(other, "cats 0")] == ["dogs"]
    assert written == 1 + TRIES


def test_scores_are_those_of_the_engine(clients: tuple[EmbeddedIndexes, EmbeddedIndexes]) -> None:
    store = clients[0].create(offline_manifest("demo", 3.0))
    put(store, passage("a", "cats sleep"), passage("b", "dogs sleep"))
    probe = HashEmbedder().passages(["cats sleep"])[0]
    truth = HashEmbedder().passages(["cats sleep", "dogs sleep"]) @ probe
    for _ in range(2):
        (matches,) = store.search([probe], None, 3, Clock())
        assert [match.chunk.document_id for match in matches] == ["a", "b"]
        assert np.allclose([match.score for match in matches], truth, atol=1e-6)
