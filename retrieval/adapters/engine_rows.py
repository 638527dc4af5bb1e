"""The rows that searches of an index return: chunks in plain values, the recent ones kept.

Reading a payload costs the engine several times its search, and 100 candidates are asked for to
show 10. A row is kept under its point's id and version, which every write to the point renews, so
that a kept row is never an old one.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import qdrant_edge as edge

from retrieval.adapters.points import SHOWN

Row = tuple[Any, ...]
"""`(id, document_id, text, start, end, heading, domain, meta)`, heading a tuple, meta a dict."""
Ranked = list[tuple[float, int, int, UUID]]
"""Hits as (negative score, id as a number, version, id)."""
Found = tuple[list[Row], list[tuple[list[int], list[float]]]]
"""Rows, each once; for each ranking the places of its hits among them, and their scores."""
KEPT_CHARACTERS = 16_000_000


class Rows:
    """The rows of one open index."""

    def __init__(self, shard: edge.EdgeShard) -> None:
        """Read from this shard."""
        self._shard = shard
        self._kept: dict[int, tuple[int, Row]] = {}
        self._characters = 0

    def of(self, rankings: Sequence[Ranked]) -> Found:
        """Return the rows of some rankings."""
        rows: list[Row] = []
        places: dict[int, int] = {}
        missing: dict[int, tuple[int, UUID]] = {}
        for ranking in rankings:
            for _, key, version, id in ranking:
                if key in places:
                    continue
                places[key] = len(rows)
                kept_version, kept = self._kept.get(key, (-1, ()))
                rows.append(kept)
                if kept_version != version:
                    missing[key] = (version, id)
        if missing:
            self._fetch(missing, rows, places)
        return rows, [
            ([places[hit[1]] for hit in ranking], [-hit[0] for hit in ranking])
            for ranking in rankings
        ]

    def _fetch(
        self, missing: Mapping[int, tuple[int, UUID]], rows: list[Row], places: Mapping[int, int]
    ) -> None:
        ids: list[Any] = [id for _, id in missing.values()]
        records: list[Any] = self._shard.retrieve(ids, list(SHOWN), False)
        for record in records:
            key = record.id.int
            rows[places[key]] = found = row(str(record.id), record.payload)
            self._keep(key, missing[key][0], found)

    def _keep(self, key: int, version: int, found: Row) -> None:
        _, old = self._kept.pop(key, (-1, None))
        self._characters += len(found[2]) - (len(old[2]) if old else 0)
        self._kept[key] = (version, found)
        while self._characters > KEPT_CHARACTERS:
            _, oldest = self._kept.pop(next(iter(self._kept)))
            self._characters -= len(oldest[2])


def row(id: str, payload: Mapping[str, Any]) -> Row:
    """Return a point's payload as a row."""
    shown: list[Any] = [payload.get(key) for key in SHOWN]
    document_id, text, start, end, heading, domain, meta = shown
    values = {} if meta == "{}" else json.loads(meta)
    return id, document_id, text, start, end, tuple(heading), domain, values
