"""One index on a Qdrant server, seen by one tenant."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qdrant_client import models

from retrieval.adapters import points
from retrieval.adapters.conditions import Condition, first_chunks, indexed, within
from retrieval.adapters.points import DENSE, SHOWN, SPARSE, TITLE, Row
from retrieval.adapters.server_calls import Connection
from retrieval.adapters.server_filter import server_filter
from retrieval.adapters.server_points import asked, batches, best, chunk, parts, struct
from retrieval.clock import FOREVER, Clock
from retrieval.errors import InputError, StoreError, UnavailableError
from retrieval.filters import Filter
from retrieval.kit import Compared, Match, Point, Probe, Scores, Vector
from retrieval.manifest import Manifest
from retrieval.types import Chunk

PAGE = 1_000
EF = 128
DEEPER = (1, 100, 2_000)
"""How many chunks more than asked for are fetched, in turn, until no tie is cut."""


@dataclass(frozen=True)
class ServerStore:
    """One index on a server, seen by one tenant."""

    _server: Connection
    _collection: str
    manifest: Manifest
    tenant: str = points.DEFAULT_TENANT

    def scoped(self, tenant: str) -> "ServerStore":
        """Return this index as another tenant sees it. Raises: InputError."""
        if not tenant or "\0" in tenant or not points.storable(tenant):
            raise InputError(f"Tenant {tenant!r}: a text without zero bytes is needed.", "tenant")
        return replace(self, tenant=tenant)

    def search(
        self, probes: Sequence[Probe], filter: Filter | None, limit: int, clock: Clock
    ) -> list[list[Match]]:
        """Return for each probe its best chunks; sparse statistics are the tenant's own.

        Up to 2,000 equal scores at the limit are told apart by their ids; of more, the server
        chooses.
        """
        found: list[list[Match]] = [[] for _ in probes]
        vectors = [asked(probe, self._dimension) for probe in probes]
        condition = within(self.tenant, filter)
        waiting = [place for place, vector in enumerate(vectors) if vector and limit > 0]
        for more in DEEPER:
            if not waiting:
                break
            depth = limit + more
            requests = [self._request(vectors[place], condition, depth) for place in waiting]
            for place, answer in zip(tuple(waiting), self._answers(requests, clock), strict=True):
                tied = len(answer) == depth and answer[-1].score == answer[limit - 1].score
                if not tied or more == DEEPER[-1]:
                    found[place] = best(answer, limit, isinstance(probes[place], tuple))
                    waiting.remove(place)
        return found

    def replace(self, documents: Mapping[str, Sequence[Point]]) -> None:
        """Make these the chunks of these documents: new ones visible, then old ones gone.

        One call does both for up to 256 chunks; the server takes a moment between the two. The
        first parts of a longer document are stored unseen and shown by the call for the last.
        """
        checked = {
            id: points.rows(self.tenant, id, chunks, self.manifest)
            for id, chunks in documents.items()
            if chunks or points.storable(id)
        }
        for batch in batches(checked):
            rows = [row for each in batch.values() for row in each]
            *first, last = parts(rows)
            if first:
                self._stage(next(iter(batch)), first)
            whose: Condition = ("among", "document_id", tuple(batch))
            shown = models.SetPayload(
                payload={"tenant": self.tenant},
                filter=server_filter(("all", (("match", "tenant", self._staged), whose))),
            )
            tenants: Condition = ("among", "tenant", (self.tenant, self._staged))
            kept: Condition = ("ids", tuple(row.id for row in rows))
            stale = server_filter(("all", (tenants, whose, ("none", (kept,)))))
            self._update(
                f"Storing {len(rows)} chunks",
                [
                    *([_upsert(last)] if last else []),
                    *([models.SetPayloadOperation(set_payload=shown)] if first else []),
                    models.DeleteOperation(delete=models.FilterSelector(filter=stale)),
                ],
            )

    def describe(self, document_id: str, domain: str | None, meta: Mapping[str, Any]) -> None:
        """Replace the domain and metadata of a document's chunks, vectors untouched."""
        payload = points.described(domain, meta)
        if not points.storable(document_id):
            return
        chunks = server_filter(self._of(document_id))
        change = models.SetPayload(payload=payload, filter=chunks)
        self._update("Storing metadata", [models.SetPayloadOperation(set_payload=change)])

    def chunks(
        self, document_id: str, start: int = 0, end: int | None = None, clock: Clock = FOREVER
    ) -> list[Chunk]:
        """Return a document's chunks that overlap [start, end), by position."""
        if not points.storable(document_id):
            return []
        conditions: list[Condition] = [self._of(document_id)]
        if start > 0:
            conditions.append(("range", "end", float(start), None, None, None))
        if end is not None:
            conditions.append(("range", "start", None, None, float(end), None))
        found = self._records(("all", tuple(conditions)), clock, with_payload=[*SHOWN, "position"])
        found.sort(key=lambda record: (record.payload or {}).get("position", 0))
        return [chunk(record) for record in found]

    def present(self, ids: Sequence[str], clock: Clock = FOREVER) -> set[str]:
        """Return which of these chunks there are: up to PAGE of them at one moment."""
        return {str(each.id) for each in self._known(ids, clock)}

    def vectors(self, ids: Sequence[str], clock: Clock = FOREVER) -> dict[str, NDArray[np.float32]]:
        """Return the dense vectors of chunks, by id; unknown ids are left out."""
        found: dict[str, NDArray[np.float32]] = {}
        for record in self._known(ids, clock, with_vectors=[DENSE]):
            vectors = record.vector if isinstance(record.vector, dict) else {}
            found[str(record.id)] = np.asarray(vectors[DENSE], dtype=np.float32)
        return found

    def cosines(self, asked: Compared, clock: Clock) -> Callable[[], tuple[Scores, Scores]]:
        """Begin to compare in a thread; what is returned waits for the answer, or its error."""
        pool = ThreadPoolExecutor(1)
        answer = pool.submit(self._cosines, asked, clock)
        pool.shutdown(wait=False)
        return answer.result

    def _cosines(self, asked: Compared, clock: Clock) -> tuple[Scores, Scores]:
        """How near chunks and documents' titles are: a call for the first, one for all."""
        question = points.vector(asked.question, self._dimension, "The question")
        ids = tuple(id for id in asked.ids if points.is_uuid(id))
        whose = tuple(filter(points.storable, asked.document_ids)) if self.manifest.titled else ()
        centroid = np.sum([*self.vectors(asked.ids[: asked.first], clock).values()], axis=0)
        requests = {}
        if np.any(centroid):
            requests[DENSE] = self._compared(DENSE, centroid, ("ids", ids))
        if whose:
            requests[TITLE] = self._compared(TITLE, question, first_chunks(whose))
        answers = self._answers(list(requests.values()), clock) if requests else []
        found = dict(zip(requests, answers, strict=True))
        return (
            {str(point.id): point.score for point in found.get(DENSE, ())},
            {(p.payload or {})["document_id"]: p.score for p in found.get(TITLE, ())},
        )

    def count(self, filter: Filter | None = None, clock: Clock = FOREVER) -> int:
        """Return how many chunks there are, exactly."""
        own = server_filter(within(self.tenant, filter))
        return self._server.call(
            "Counting",
            lambda seconds: self._server.client.count(
                self._collection, own, exact=True, timeout=seconds
            ),
            clock,
        ).count

    def flush(self) -> None:
        """Do nothing: what the server acknowledged survives a loss of power."""

    def optimize(self) -> bool:
        """Do nothing: the server builds its structures beside the queries."""
        return False

    def _of(self, document_id: str) -> Condition:
        return ("all", (within(self.tenant), ("match", "document_id", document_id)))

    @property
    def _staged(self) -> str:
        """The tenant of chunks that wait for the rest of their document: nobody's searches."""
        return f"\0staged:{self.tenant}"

    def _stage(self, document_id: str, first: Sequence[Sequence[Row]]) -> None:
        """Store parts of a document unseen, but for chunks that are seen: equal id, equal text."""
        records = self._records(self._of(document_id), with_payload=False)
        seen = {str(record.id) for record in records}
        for part in first:
            hidden = [
                row._replace(payload={**row.payload, "tenant": self._staged})
                for row in part
                if row.id not in seen
            ]
            known = [row for row in part if row.id in seen]
            self._update(f"Storing {len(part)} chunks", [_upsert(hidden + known)])

    def _request(self, vector: Any, condition: Condition, limit: int) -> models.QueryRequest:
        sparse = isinstance(vector, models.SparseVector)
        if sparse:
            own = models.IdfCorpusParams(corpus=server_filter(within(self.tenant)))
            params = models.SearchParams(idf=own)
        else:
            exact = not indexed(condition, points.indexes(self.manifest))
            params = models.SearchParams(hnsw_ef=max(EF, limit), exact=exact)
        return models.QueryRequest(
            query=models.NearestQuery(nearest=vector),
            using=SPARSE if sparse else DENSE,
            filter=server_filter(condition),
            params=params,
            limit=limit,
            with_payload=list(SHOWN),
        )

    def _compared(self, name: str, vector: Vector, those: Condition) -> models.QueryRequest:
        """Ask for the cosine to every one of those points."""
        return models.QueryRequest(
            query=models.NearestQuery(nearest=vector.tolist()),
            using=name,
            filter=server_filter(("all", (within(self.tenant), those))),
            params=models.SearchParams(exact=True),
            limit=PAGE,
            with_payload=["document_id"] if name == TITLE else False,
        )

    def _answers(
        self, requests: Sequence[models.QueryRequest], clock: Clock
    ) -> list[list[models.ScoredPoint]]:
        found = self._server.call(
            f"Searching index {self.manifest.name!r}",
            lambda seconds: self._server.client.query_batch_points(
                self._collection, requests, timeout=seconds
            ),
            clock,
        )
        if len(found) != len(requests):
            raise StoreError(f"{len(requests)} searches were asked for, {len(found)} answered.")
        return [answer.points for answer in found]

    def _known(self, ids: Sequence[str], clock: Clock, **shown: Any) -> Iterator[models.Record]:
        """Yield those of these points that the tenant has, PAGE ids a call, without payloads."""
        wanted = [id for id in dict.fromkeys(ids) if points.is_uuid(id)]
        for first in range(0, len(wanted), PAGE):
            some = ("ids", tuple(wanted[first : first + PAGE]))
            own = ("all", (within(self.tenant), some))
            yield from self._records(own, clock, with_payload=False, **shown)

    def _records(
        self, condition: Condition, clock: Clock = FOREVER, **shown: Any
    ) -> list[models.Record]:
        """Every point that meets a condition, in the order of ids."""
        chosen = server_filter(condition)
        found: list[models.Record] = []
        offset: Any = None
        while True:
            ask = partial(self._page, chosen, offset, shown)
            page, offset = self._server.call("Reading chunks", ask, clock)
            found += page
            if offset is None:
                return found

    def _page(
        self, chosen: models.Filter, offset: Any, shown: Mapping[str, Any], seconds: int
    ) -> tuple[list[models.Record], Any]:
        return self._server.client.scroll(
            self._collection, chosen, PAGE, offset=offset, timeout=seconds, **shown
        )

    def _update(self, what: str, operations: Sequence[models.UpdateOperation]) -> None:
        results = self._server.call(
            f"{what} in index {self.manifest.name!r}",
            lambda seconds: self._server.client.batch_update_points(
                self._collection, operations, wait=True, timeout=seconds
            ),
        )
        late = models.UpdateStatus.WAIT_TIMEOUT
        if any(result.status == late for result in results):
            raise UnavailableError(f"{what}: the server took it, but was too slow to apply it.")

    @property
    def _dimension(self) -> int:
        return int(self.manifest.encoder["dimension"])


def _upsert(rows: Sequence[Row]) -> models.UpdateOperation:
    return models.UpsertOperation(upsert=models.PointsList(points=[struct(row) for row in rows]))
