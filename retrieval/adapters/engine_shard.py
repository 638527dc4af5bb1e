"""One index inside the engine process: what it answers, in plain values for the client."""

import math
import shutil
from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import qdrant_edge as edge

from retrieval.adapters.conditions import Condition, first_chunks
from retrieval.adapters.edge_filter import edge_filter
from retrieval.adapters.engine_schema import PAYLOAD_INDEXES, Schema, config_of, nearest, numbers
from retrieval.adapters.engine_wire import Ranked, Row
from retrieval.adapters.points import DENSE, SHOWN, SPARSE, TITLE

EF = 128
SPARE = 8
"""Candidates beyond the limit, to see whether equal scores straddle it."""
MOST_SPARE = 4096
UNINDEXED = 20_000
"""Points. A scan of fewer is exact, and as fast as the graph that would save it."""
PAGE = 512
STAGED = "\0staged:"
"""Before the tenant of chunks that wait for the rest of their document: no search sees them."""
Scope = tuple[str, Condition, bool]
"""What a search sees: whose chunks, which of them, and whether it has to run exact."""


class Shard:
    """One open index."""

    def __init__(self, shard: edge.EdgeShard, directory: Path) -> None:
        """Keep the engine's shard; learn whose chunks it holds."""
        self._shard = shard
        self._replaced = directory.with_name(directory.name + ".replaced")
        self._recount = self._replaced.exists()
        self._unflushed = False
        found = shard.facet(edge.FacetRequest("tenant", limit=2, exact=True))
        self._tenants = {str(hit.value) for hit in found.hits}

    @classmethod
    def created(cls, directory: Path, schema: Schema) -> "Shard":
        """Make an index; its payload indexes come before any point, or filters would miss most."""
        shard = edge.EdgeShard.create(str(directory), config_of(schema))
        for key, kind in schema[2].items():
            shard.update(edge.UpdateOperation.create_field_index(key, PAYLOAD_INDEXES[kind]()))
        shard.flush()
        return cls(shard, directory)

    @classmethod
    def loaded(cls, directory: Path) -> "Shard":
        """Open an index, without what a killed `build` left behind: the engine never removes it."""
        shutil.rmtree(directory / "temp_segments", ignore_errors=True)
        return cls(edge.EdgeShard.load(str(directory)), directory)

    def search(self, scope: Scope, limit: int, probes: list[Any]) -> list[Ranked]:
        """Return what each probe finds.

        A probe is the bytes of a float32 vector, or indices and values. Scores descend, ties by
        ascending id; where more than MOST_SPARE equal scores straddle the limit, it is the
        engine's choice which of them are found.
        """
        tenant, condition, exact = scope
        narrowed = edge_filter(condition)
        # Counting a term's chunks in every search costs a millisecond at 100,000 of them. The
        # engine's own counts are of all tenants, and never forget what was replaced or deleted.
        corpus = None
        if self._recount or len(self._tenants) > 1:
            corpus = edge.IdfParams(edge_filter(("match", "tenant", tenant)))
        dense = edge.SearchParams(hnsw_ef=max(EF, limit), exact=exact)
        sparse = edge.SearchParams(idf=corpus)
        requests = [
            (nearest(probe), narrowed, dense if isinstance(probe, bytes) else sparse)
            for probe in probes
        ]
        return [
            _best(found, limit, positive=not isinstance(probe, bytes))
            for probe, found in zip(probes, self._asked(requests, limit), strict=True)
        ]

    def rows(self, tenant: str, numbers: Sequence[int]) -> list[Row]:
        """Return those of these points that the tenant has, in any order."""
        ids: list[Any] = [UUID(int=number) for number in numbers]
        records: list[Any] = self._shard.retrieve(ids, [*SHOWN, "tenant"], False)
        found = [(each.id, each.payload) for each in records]  # each look makes another dict
        return [_row(id, payload) for id, payload in found if payload["tenant"] == tenant]

    def replace(
        self,
        tenant: str,
        document_ids: Sequence[str],
        points: Sequence[tuple[Any, ...]],
        kept: Sequence[str] | None,
    ) -> None:
        """Make these the points of these documents; no search comes between new and old.

        `kept`: all ids of the one document whose first points were staged; they are shown now. A
        point is (id, vector's bytes, indices, values, payload, title's bytes).
        """
        self._upsert(points)
        here: Condition = ("among", "document_id", document_ids)
        if kept is None:
            kept = [point[0] for point in points]
        else:
            staged = edge_filter(("all", (("match", "tenant", STAGED + tenant), here)))
            self._update(edge.UpdateOperation.set_payload_by_filter(staged, {"tenant": tenant}))
        theirs: Condition = ("among", "tenant", (tenant, STAGED + tenant))
        old: Condition = ("all", (theirs, here, ("none", (("ids", tuple(kept)),))))
        if self.count(old):
            self._forget_counts()
            self._update(edge.UpdateOperation.delete_points_by_filter(edge_filter(old)))
        self._tenants.add(tenant)

    def stage(self, tenant: str, points: Sequence[tuple[Any, ...]]) -> None:
        """Store points of a document that is too long for one message, unseen until `replace`.

        A point that is already there stays seen and is renewed at once: an equal id is an equal
        text, so that only its metadata and position can be those of the new version.
        """
        seen = self.vectors(tenant, [point[0] for point in points])
        self._tenants.add(STAGED + tenant)
        for point in points:
            if point[0] not in seen:
                point[4]["tenant"] = STAGED + tenant
        self._upsert(points)

    def describe(self, tenant: str, document_id: str, payload: dict[str, Any]) -> None:
        """Replace these keys of the payload of a document's points."""
        whose: Condition = (
            "all",
            (("match", "tenant", tenant), ("match", "document_id", document_id)),
        )
        self._update(edge.UpdateOperation.set_payload_by_filter(edge_filter(whose), payload))

    def chunks(
        self, condition: Condition, after: str | None
    ) -> tuple[list[tuple[int, Row]], str | None]:
        """Return up to PAGE rows with their positions, by id, and the id of the next page."""
        request = edge.ScrollRequest(
            offset=after,
            limit=PAGE,
            filter=edge_filter(condition),
            with_payload=[*SHOWN, "position"],
        )
        records, following = self._shard.scroll(request)
        read = [(record.id, record.payload or {}) for record in records]
        found = [(payload["position"], _row(id, payload)) for id, payload in read]
        return found, None if following is None else str(following)

    def present(self, tenant: str, ids: Sequence[str]) -> list[str]:
        """Return which of these points a tenant has."""
        records: list[Any] = self._shard.retrieve(list(ids), ["tenant"], False)
        return [str(each.id) for each in records if each.payload == {"tenant": tenant}]

    def vectors(self, tenant: str, ids: Sequence[str]) -> dict[str, bytes]:
        """Return the dense vectors of a tenant's points as float32 bytes, by id."""
        records: list[Any] = self._shard.retrieve(list(ids), ["tenant"], [DENSE])
        return {
            str(record.id): array("f", record.vector[DENSE]).tobytes()
            for record in records
            if record.payload == {"tenant": tenant}
        }

    def cosines(
        self, tenant: str, chunks: tuple[list[str], list[str]], titles: tuple[bytes, list[str]]
    ) -> tuple[dict[str, float], dict[str, float]]:
        """Return cosines of points (second ids) to the centroid of some (first), and of titles."""
        first, ids = chunks
        rows = [array("f", data) for data in self.vectors(tenant, first).values()]
        centroid = array("f", map(sum, zip(*rows, strict=True)))
        near = self._compared(tenant, DENSE, (centroid, ("ids", ids), len(ids)))
        question, document_ids = titles
        whose = (numbers(question), first_chunks(document_ids), len(document_ids))
        return (
            {str(hit.id): hit.score for hit in near},
            {hit.payload["document_id"]: hit.score for hit in self._compared(tenant, TITLE, whose)},
        )

    def count(self, condition: Condition | None) -> int:
        """Return how many points there are, exactly; None: all of them."""
        narrowed = None if condition is None else edge_filter(condition)
        return self._shard.count(edge.CountRequest(exact=True, filter=narrowed))

    @property
    def worth_building(self) -> bool:
        """Whether so many points are scanned that a graph is faster."""
        return self.unindexed() >= UNINDEXED

    def unindexed(self) -> int:
        """Return how many dense vectors no graph covers, about.

        The engine counts indexed vectors of all kinds together: sparse ones always, titles with the
        dense vectors of their segment, so that they are taken to be spread evenly.
        """
        sparse, titles = self._having(SPARSE), self._having(TITLE)
        dense = self.count(None)
        missing = dense + titles + sparse - self._shard.info().indexed_vectors_count
        return max(0, missing * dense // max(1, dense + titles))

    def build(self) -> bool:
        """Build the graph and merge segments; nothing else runs in this process meanwhile."""
        built = self._shard.optimize()
        self._unflushed = True
        self.flush()
        return built

    def flush(self) -> None:
        """Write what the log holds to the index's own files, and all of it to the disk."""
        if self._unflushed:
            self._shard.flush()
            self._unflushed = False

    def close(self) -> None:
        """Close the engine's shard."""
        self._shard.close()

    def _asked(
        self, requests: list[tuple[Any, edge.Filter, edge.SearchParams]], limit: int
    ) -> list[list[Any]]:
        """What the engine finds for each request: enough to see all ties with the last hit."""
        spare = SPARE
        while True:
            batch = [
                edge.QueryRequest(limit + spare, query=query, filter=narrowed, params=params)
                for query, narrowed, params in requests
            ]
            answers = self._shard.query_batch(edge.QueryBatchRequest(batch))
            straddled = any(
                len(found) == limit + spare and found[-1].score == found[limit - 1].score
                for found in answers
            )
            if not straddled or spare >= MOST_SPARE:
                return answers
            spare *= 8

    def _upsert(self, points: Sequence[tuple[Any, ...]]) -> None:
        if not points:
            return
        if self.count(("ids", tuple(point[0] for point in points))):
            self._forget_counts()
        made = []
        for id, vector, indices, values, payload, title in points:
            vectors: dict[str, Any] = {DENSE: numbers(vector)}
            if title:
                vectors[TITLE] = numbers(title)
            if indices:
                vectors[SPARSE] = edge.SparseVector(indices, values)
            made.append(edge.Point(id, vectors, payload))
        self._update(edge.UpdateOperation.upsert_points(made))

    def _compared(self, tenant: str, name: str, near: tuple[Any, Condition, int]) -> list[Any]:
        """Every point that meets a condition, with its cosine; none to a vector without length."""
        vector, condition, limit = near
        if not limit or not any(vector):
            return []
        request = edge.QueryRequest(
            limit,
            query=edge.Query.Nearest(vector, using=name),
            filter=edge_filter(("all", (("match", "tenant", tenant), condition))),
            params=edge.SearchParams(exact=True),
            with_payload=["document_id"] if name == TITLE else False,
        )
        return self._shard.query(request)

    def _having(self, name: str) -> int:
        """How many points have a vector of this name."""
        with_one = edge.Filter(must=[edge.HasVectorCondition(name)])
        return self._shard.count(edge.CountRequest(exact=True, filter=with_one))

    def _forget_counts(self) -> None:
        """Remember, also for the next start, that the engine's counts of terms are wrong."""
        if not self._recount:
            self._replaced.touch()
            self._recount = True

    def _update(self, operation: edge.UpdateOperation) -> None:
        self._unflushed = True
        self._shard.update(operation)


def _best(found: Sequence[Any], limit: int, positive: bool) -> Ranked:
    """The first hits by descending score and ascending id: a UUID's number orders as its text."""
    least = 0.0 if positive else -math.inf
    hits = [(-score, hit.id.int, hit.version) for hit in found if (score := hit.score) > least]
    best = sorted(hits)[:limit]
    return [hit[1] for hit in best], [hit[2] for hit in best], [-hit[0] for hit in best]


def _row(id: Any, payload: Mapping[str, Any]) -> Row:
    return [str(id), *(payload.get(key) for key in SHOWN)]
