"""Indexes in memory, in plain Python: the store's contract with nothing between."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import RLock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.adapters import points
from retrieval.adapters.points import COLUMNS, SHOWN, Row
from retrieval.clock import FOREVER, Clock
from retrieval.errors import ConfigError, InputError, NotFoundError
from retrieval.filters import Filter, as_filterable, matches
from retrieval.kit import Compared, Match, Point, Probe, Scores, SparseVector
from retrieval.manifest import Manifest
from retrieval.types import Chunk


@dataclass(frozen=True)
class ListStore:
    """An index in memory, seen by one tenant; every search reads every chunk."""

    manifest: Manifest
    tenant: str = points.DEFAULT_TENANT
    _tenants: dict[str, dict[str, Row]] = field(default_factory=dict)
    _lock: RLock = field(default_factory=RLock)

    def scoped(self, tenant: str) -> "ListStore":
        """Return this index as another tenant sees it. Raises: InputError."""
        if not tenant or "\0" in tenant or not points.storable(tenant):
            raise InputError(f"Tenant {tenant!r}: a text without zero bytes is needed.", "tenant")
        return replace(self, tenant=tenant)

    def search(
        self, probes: Sequence[Probe], filter: Filter | None, limit: int, clock: Clock
    ) -> list[list[Match]]:
        """Return for each probe its best chunks, by dot product, for terms weighted by idf."""
        clock.remaining()
        rows = self._rows()
        kept = [row for row in rows if matches(filter, _record(row))]
        found = []
        for probe in probes:
            if isinstance(probe, tuple):
                scored = _sparse_scores(probe, rows, kept)
            else:
                size = int(self.manifest.encoder["dimension"])
                vector = points.vector(probe, size, "The question")
                scored = [(float(row.vector @ vector), row) for row in kept]
            scored.sort(key=lambda pair: (-pair[0], pair[1].id))
            found.append([Match(_chunk(row), score) for score, row in scored[: max(limit, 0)]])
        return found

    def replace(self, documents: Mapping[str, Sequence[Point]]) -> None:
        """Make these the chunks of these documents."""
        manifest = self.manifest
        checked = {
            id: points.rows(self.tenant, id, each, manifest) for id, each in documents.items()
        }
        with self._lock:
            own = self._tenants.setdefault(self.tenant, {})
            for row in list(own.values()):
                if row.payload["document_id"] in checked:
                    del own[row.id]
            own.update((row.id, row) for rows in checked.values() for row in rows)

    def describe(self, document_id: str, domain: str | None, meta: Mapping[str, Any]) -> None:
        """Replace the domain and metadata of a document's chunks."""
        change = points.described(domain, meta)
        with self._lock:
            own = self._tenants.get(self.tenant, {})
            for row in self._of(document_id):
                own[row.id] = row._replace(payload={**row.payload, **change})

    def chunks(
        self, document_id: str, start: int = 0, end: int | None = None, clock: Clock = FOREVER
    ) -> list[Chunk]:
        """Return a document's chunks that overlap [start, end), by position."""
        clock.remaining()
        found = [
            row
            for row in self._of(document_id)
            if (start <= 0 or row.payload["end"] > start)
            and (end is None or row.payload["start"] < end)
        ]
        return [_chunk(row) for row in sorted(found, key=lambda row: row.payload["position"])]

    def present(self, ids: Sequence[str], clock: Clock = FOREVER) -> set[str]:
        """Return which of these chunks there are."""
        clock.remaining()
        return {row.id for row in self._rows()} & set(ids)

    def vectors(self, ids: Sequence[str], clock: Clock = FOREVER) -> dict[str, NDArray[np.float32]]:
        """Return the dense vectors of chunks, by id; unknown ids are left out."""
        clock.remaining()
        own = {row.id: row.vector for row in self._rows()}
        return {id: own[id].copy() for id in ids if id in own}

    def cosines(self, asked: Compared, clock: Clock) -> Callable[[], tuple[Scores, Scores]]:
        """Compare at once; what is returned has the answer."""
        clock.remaining()
        size = int(self.manifest.encoder["dimension"])
        question = points.vector(asked.question, size, "The question")
        rows = self._rows()
        own = {row.id: row.vector for row in rows}
        known = {row.payload["document_id"]: row.title for row in rows if row.title is not None}
        ids = [id for id in asked.ids if id in own]
        centroid = sum(own[id] for id in asked.ids[: asked.first] if id in own)
        length = float(np.linalg.norm(centroid))
        near = {id: float(own[id] @ centroid) / length for id in ids} if length else {}
        titles = {id: float(known[id] @ question) for id in asked.document_ids if id in known}
        return lambda: (near, titles)

    def count(self, filter: Filter | None = None, clock: Clock = FOREVER) -> int:
        """Return how many chunks there are."""
        clock.remaining()
        return sum(matches(filter, _record(row)) for row in self._rows())

    def flush(self) -> None:
        """Do nothing: it is memory."""

    def optimize(self) -> bool:
        """Do nothing: there is nothing to build."""
        return False

    def _rows(self) -> list[Row]:
        with self._lock:
            return list(self._tenants.get(self.tenant, {}).values())

    def _of(self, document_id: str) -> list[Row]:
        return [row for row in self._rows() if row.payload["document_id"] == document_id]


class ListIndexes:
    """Indexes in memory."""

    def __init__(self) -> None:
        """Start with none."""
        self._stores: dict[str, ListStore] = {}

    def names(self) -> list[str]:
        """Return the names of the indexes, sorted."""
        return sorted(self._stores)

    def create(self, manifest: Manifest) -> ListStore:
        """Make an index. Raises: ConfigError where it exists already."""
        if manifest.name in self._stores:
            raise ConfigError(f"Index {manifest.name!r} exists already.")
        return self._stores.setdefault(manifest.name, ListStore(manifest))

    def open(self, name: str) -> ListStore:
        """Return an index for the default tenant. Raises: NotFoundError that lists the names."""
        if name not in self._stores:
            names = ", ".join(self.names()) or "none yet"
            raise NotFoundError(f"There is no index {name!r}. There are: {names}.", "index")
        return self._stores[name]

    def drop(self, name: str) -> None:
        """Remove an index for good. Raises: NotFoundError."""
        self.open(name)
        del self._stores[name]

    def close(self) -> None:
        """Do nothing: what is in memory stays."""


def _sparse_scores(
    probe: SparseVector, rows: Sequence[Row], kept: Sequence[Row]
) -> list[tuple[float, Row]]:
    """Sums of weight times weight times idf, above 0; idf counts all rows that have terms.

    Source: the engine's own formula, ln(1 + (N - df + 0.5) / (df + 0.5)).
    """
    indices, values = points.terms(probe, "The question")
    total = sum(bool(row.indices) for row in rows)
    frequencies = Counter(index for row in rows for index in row.indices)
    weights = {
        index: value * math.log1p((total - frequencies[index] + 0.5) / (frequencies[index] + 0.5))
        for index, value in zip(indices, values, strict=True)
    }
    scored = []
    for row in kept:
        terms = zip(row.indices, row.values, strict=True)
        score = sum(weights.get(index, 0.0) * value for index, value in terms)
        if score > 0:
            scored.append((score, row))
    return scored


def _record(row: Row) -> dict[str, Any]:
    """What filters see of a row."""
    meta = _chunk(row).meta
    seen = {name: as_filterable(value) for name, value in meta.items()}
    return {**seen, **{name: row.payload[name] for name in COLUMNS}}


def _chunk(row: Row) -> Chunk:
    return points.chunk_of(row.id, [row.payload[key] for key in SHOWN])
