"""Indexes on a Qdrant server or cluster: one collection a version, named by an alias.

The alias is set last, so an index is seen once it is whole. The server merges, optimizes and
flushes by itself; it is spoken to by REST alone.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from functools import partial

from qdrant_client import QdrantClient, models

from retrieval.adapters import points
from retrieval.adapters.points import DENSE, SPARSE, TITLE
from retrieval.adapters.server_calls import Connection, connect
from retrieval.adapters.server_index import ServerStore
from retrieval.errors import AssayError, ConfigError, NotFoundError
from retrieval.manifest import Manifest
from retrieval.settings import Settings

METADATA = "assay"
VERSION = re.compile(r"(.+)__[0-9a-f]{12}")
KINDS: Mapping[str, models.PayloadSchemaType | models.KeywordIndexParams] = {
    "tenant": models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True),
    "keyword": models.PayloadSchemaType.KEYWORD,
    "integer": models.PayloadSchemaType.INTEGER,
    "float": models.PayloadSchemaType.FLOAT,
    "datetime": models.PayloadSchemaType.DATETIME,
}


class ServerIndexes:
    """All indexes of one Qdrant server or cluster."""

    def __init__(self, settings: Settings, client: QdrantClient | None = None) -> None:
        """Connect on first use; `client` is asked instead where it is given."""
        self._settings = settings
        self._server = Connection(client or connect(settings), settings.store_timeout_s)
        self._manifests: dict[str, Manifest] = {}

    def names(self) -> list[str]:
        """Return the names of the indexes, sorted."""
        return sorted(self._collections())

    def create(self, manifest: Manifest) -> "ServerStore":
        """Make an index and its payload indexes. Raises: ConfigError where it exists already."""
        name, client = manifest.name, self._server.client
        aliases = self._aliases()
        if _index_of(aliases.get(name, "")) == name:
            raise ConfigError(f"Index {name!r} exists already. Drop it, or take another name.")
        if name in aliases or name in self._all_collections():
            raise ConfigError(
                f"On the Qdrant server, {name!r} is something else than an index of Assay."
                " Take another name."
            )
        collection = f"{name}__{manifest.id[:12]}"
        alias = models.CreateAlias(collection_name=collection, alias_name=name)
        operation = models.CreateAliasOperation(create_alias=alias)
        try:
            self._make(collection, manifest)
            for key, kind in points.indexes(manifest).items():
                self._index(collection, key, kind)
            self._server.call(
                f"Creating index {name!r}",
                lambda seconds: client.update_collection_aliases([operation], timeout=seconds),
            )
        except AssayError:
            with suppress(AssayError):
                self._remove(name, collection)
            raise
        return ServerStore(self._server, collection, manifest)

    def open(self, name: str) -> "ServerStore":
        """Return an index for the default tenant. Raises: NotFoundError that lists the names."""
        collection = self._collection(name)
        manifest = self._manifests.get(collection)
        if manifest is None:
            manifest = self._manifest(name, collection)
            self._manifests[collection] = manifest
        return ServerStore(self._server, collection, manifest)

    def drop(self, name: str) -> None:
        """Remove an index for good, every version of it. Raises: NotFoundError."""
        current = self._collection(name)
        for collection in self._all_collections():
            if _index_of(collection) == name and collection != current:
                self._remove(name, collection)
        self._remove(name, current)

    def close(self) -> None:
        """Let go of connections; nothing acknowledged is lost."""
        self._server.client.close()

    def _make(self, collection: str, manifest: Manifest) -> None:
        cosine = partial(
            models.VectorParams,
            size=int(manifest.encoder["dimension"]),
            distance=models.Distance.COSINE,
        )
        vectors = {DENSE: cosine()}
        if manifest.titled:
            # Nothing searches titles: they are read by their documents' ids, and need no graph.
            vectors[TITLE] = cosine(hnsw_config=models.HnswConfigDiff(m=0), on_disk=True)
        replicas = self._settings.qdrant_replicas
        self._server.call(
            f"Creating index {manifest.name!r}",
            lambda seconds: self._server.client.create_collection(
                collection,
                vectors,
                {SPARSE: models.SparseVectorParams(modifier=models.Modifier.IDF)},
                shard_number=self._settings.qdrant_shards,
                replication_factor=replicas,
                # An acknowledged chunk stands on two machines: while one of two replicas is away
                # the index answers, and takes no writes.
                write_consistency_factor=min(2, replicas),
                metadata={METADATA: manifest.as_json()},
                timeout=seconds,
            ),
            retries=0,
        )

    def _index(self, collection: str, key: str, kind: str) -> None:
        self._server.call(
            f"Indexing {key!r} of {collection!r}",
            lambda seconds: self._server.client.create_payload_index(
                collection, key, KINDS[kind], wait=True, timeout=seconds
            ),
        )

    def _remove(self, name: str, collection: str) -> None:
        self._server.call(
            f"Dropping index {name!r}",
            lambda seconds: self._server.client.delete_collection(collection, timeout=seconds),
        )

    def _manifest(self, name: str, collection: str) -> Manifest:
        info = self._server.call(
            f"Opening index {name!r}", lambda _: self._server.client.get_collection(collection)
        )
        stored = (info.config.metadata or {}).get(METADATA)
        if not isinstance(stored, dict):
            raise ConfigError(
                f"Collection {collection!r} of index {name!r} holds no manifest. It was made by"
                " something else, or by a server older than 1.16: ingest into another index."
            )
        return Manifest.from_json(stored)

    def _collection(self, name: str) -> str:
        found = self._collections()
        if name not in found:
            names = ", ".join(sorted(found)) or "none yet"
            raise NotFoundError(f"There is no index {name!r}. There are: {names}.", "index")
        return found[name]

    def _collections(self) -> dict[str, str]:
        """The collection that each index's name stands for; other users' aliases are left out."""
        aliases = self._aliases().items()
        return {alias: name for alias, name in aliases if _index_of(name) == alias}

    def _aliases(self) -> dict[str, str]:
        found = self._server.call("Listing indexes", lambda _: self._server.client.get_aliases())
        return {each.alias_name: each.collection_name for each in found.aliases}

    def _all_collections(self) -> list[str]:
        found = self._server.call(
            "Listing collections", lambda _: self._server.client.get_collections()
        )
        return [each.name for each in found.collections]


def _index_of(collection: str) -> str | None:
    """The index that a collection is a version of; None where it is none of ours."""
    found = VERSION.fullmatch(collection)
    return found[1] if found else None
