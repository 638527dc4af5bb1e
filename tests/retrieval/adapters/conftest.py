"""Every place that indexes can be in, and a local server that speaks enough of Qdrant's REST."""

import json
import os
import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from pydantic import TypeAdapter
from qdrant_client import QdrantClient, models

from retrieval.adapters.store_server import ServerIndexes
from retrieval.clock import Clock
from retrieval.filters import Filter
from retrieval.kit import Indexes, Kit, Probe, Store
from retrieval.offline import HashEmbedder, WordSparse, documents, offline_manifest
from retrieval.offline_store import ListIndexes
from retrieval.settings import Settings
from retrieval.types import Chunk

AVERAGE = 4.0
"""The average length of what tests store, in words."""
ANYTHING = TypeAdapter(Any)
INDEX_KIND: TypeAdapter[Any] = TypeAdapter(models.PayloadSchemaType | models.KeywordIndexParams)


@dataclass(frozen=True)
class Place:
    """Somewhere indexes can be."""

    kind: str
    indexes: Indexes

    def store(self, **fields: Any) -> Store:
        """A new index of its own for a test."""
        name = f"test-{uuid.uuid4().hex[:12]}"
        return self.indexes.create(offline_manifest(name, AVERAGE, fields))

    def own(self, *chunks: Chunk) -> Store:
        """A tenant of its own in one shared index, which is faster, with these chunks."""
        return self.put(self.shared.scoped(uuid.uuid4().hex), *chunks)

    def stored(self, *chunks: Chunk, **fields: Any) -> Store:
        """A new index that holds these chunks."""
        return self.put(self.store(**fields), *chunks)

    def put(self, store: Store, *chunks: Chunk) -> Store:
        """Make these the chunks of their documents; the same store."""
        store.replace(documents(Kit(HashEmbedder(), WordSparse(), store), chunks, AVERAGE))
        return store

    def dense(
        self, store: Store, text: str, limit: int = 10, filter: Filter | None = None
    ) -> dict[str, float]:
        """What a text's vector finds: scores by document id, best first."""
        return self._found(store, HashEmbedder().passages([text])[0], limit, filter)

    def sparse(
        self, store: Store, text: str, limit: int = 10, filter: Filter | None = None
    ) -> dict[str, float]:
        """What a text's words find."""
        return self._found(store, WordSparse().query(text), limit, filter)

    def _found(
        self, store: Store, probe: Probe, limit: int, filter: Filter | None
    ) -> dict[str, float]:
        (found,) = store.search([probe], filter, limit, Clock())
        return {match.chunk.document_id: match.score for match in found}

    @cached_property
    def shared(self) -> Store:
        """One index for tests that need none of their own."""
        return self.store()


@pytest.fixture(scope="module", params=["list", "embedded", "client", "rest", "server"])
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """Each kind of place in turn: the contract is the same on all of them."""
    kind = request.param
    rest = request.getfixturevalue("rest") if kind == "rest" else None
    indexes = _indexes(kind, tmp_path_factory.mktemp("data"), rest)
    yield Place(kind, indexes)
    for name in indexes.names():
        if name.startswith("test-"):
            indexes.drop(name)
    indexes.close()


def _indexes(kind: str, folder: Path, rest: "QdrantRest | None") -> Indexes:
    if kind == "list":
        return ListIndexes()
    if kind == "embedded":
        from retrieval.adapters.store_embedded import EmbeddedIndexes

        return EmbeddedIndexes(Settings(data_dir=folder))
    if kind == "client":
        return ServerIndexes(Settings(), QdrantClient(":memory:"))
    if rest is not None:
        return ServerIndexes(Settings(qdrant_url=rest.url))
    if "QDRANT_URL" not in os.environ:
        pytest.skip("QDRANT_URL is not set: no Qdrant server to ask")
    return ServerIndexes(Settings(qdrant_url=os.environ["QDRANT_URL"]))


@pytest.fixture(scope="module")
def rest() -> Iterator["QdrantRest"]:
    """A local server that speaks enough of Qdrant's REST for the adapter."""
    server = QdrantRest()
    yield server
    server.stop()


class QdrantRest(ThreadingHTTPServer):
    """Answers by the client's local mode; each of `faults` takes one request before that."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.engine = QdrantClient(":memory:")
        self.lock = threading.Lock()
        self.closing = threading.Event()
        self.faults: deque[Callable[[BaseHTTPRequestHandler], None] | None] = deque()
        self.asked: list[tuple[str, Any]] = []
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        self.closing.set()
        self.shutdown()
        self.server_close()

    def take(self, what: str, body: Any) -> Callable[[BaseHTTPRequestHandler], None] | None:
        """Note a request, and return the fault that awaits it."""
        with self.lock:
            self.asked.append((what, body))
            return self.faults.popleft() if self.faults else None

    def answer(self, method: str, path: list[str], body: Any) -> Any:
        if path == ["aliases"]:
            return self.engine.get_aliases()
        if path == ["collections"]:
            return self.engine.get_collections()
        if path == ["collections", "aliases"]:
            actions = models.ChangeAliasesOperation.model_validate(body).actions
            return self.engine.update_collection_aliases(actions)
        name, what = path[1], "/".join(path[2:])
        if what == "index":
            kind = INDEX_KIND.validate_python(body["field_schema"])
            return self.engine.create_payload_index(name, body["field_name"], kind)
        return self.points(what, name, body) if what else self.collection(method, name, body)

    def collection(self, method: str, name: str, body: Any) -> Any:
        if method == "GET":
            return self.engine.get_collection(name)
        if method == "DELETE":
            return self.engine.delete_collection(name)
        asked = models.CreateCollection.model_validate(body)
        return self.engine.create_collection(
            name, asked.vectors, asked.sparse_vectors, metadata=asked.metadata
        )

    def points(self, what: str, name: str, body: Any) -> Any:
        if what == "points/query/batch":
            searches = models.QueryRequestBatch.model_validate(body).searches
            return self.engine.query_batch_points(name, searches)
        if what == "points/batch":
            operations = models.UpdateOperations.model_validate(body).operations
            return self.engine.batch_update_points(name, operations)
        if what == "points/count":
            return self.engine.count(name, models.CountRequest.model_validate(body).filter)
        page = models.ScrollRequest.model_validate(body)
        points, offset = self.engine.scroll(
            name,
            page.filter,
            page.limit or 10,
            offset=page.offset,
            with_payload=page.with_payload or False,
            with_vectors=page.with_vector or False,
        )
        return models.ScrollResult(points=points, next_page_offset=offset)


class _Conversation(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # One packet an answer: in two, the second would wait for the first to be acknowledged.
    wbufsize = -1
    server: QdrantRest

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = json.loads(data) if data else None
        fault = self.server.take(f"{self.command} {path}", body)
        if fault is not None:
            fault(self)
            return
        try:
            with self.server.lock:
                parts = [unquote(part) for part in path.strip("/").split("/")]
                found = self.server.answer(self.command, parts, body)
            status, answer = 200, {"result": ANYTHING.dump_python(found, mode="json")}
        except ValueError as error:
            status = 404 if "not found" in str(error) else 400
            answer = {"status": {"error": str(error)}}
        self.send(status, json.dumps(answer).encode())

    def send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT = do_DELETE = do_GET
