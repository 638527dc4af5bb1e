"""Rows and probes as a Qdrant server takes them, and points as it gives them back."""

from collections.abc import Iterator, Mapping, Sequence

from qdrant_client import models

from retrieval.adapters import points
from retrieval.adapters.points import DENSE, SHOWN, SPARSE, TITLE, Row
from retrieval.errors import StoreError
from retrieval.kit import Match, Probe
from retrieval.types import Chunk

BATCH = 256
BATCH_BYTES = 8_000_000
"""About a quarter of what a server accepts in one request by default."""
NUMBER_BYTES = 20
Documents = Mapping[str, list[Row]]


def batches(documents: Documents) -> Iterator[Documents]:
    """Return documents in groups that one call can store; one that is too long stands alone."""
    group: dict[str, list[Row]] = {}
    count = size = 0
    for document_id, rows in documents.items():
        count, size = count + len(rows), size + sum(map(_size, rows))
        if group and (max(count, len(group) + 1) > BATCH or size > BATCH_BYTES):
            yield group
            group, count, size = {}, len(rows), sum(map(_size, rows))
        group[document_id] = rows
    if group:
        yield group


def parts(rows: Sequence[Row]) -> list[list[Row]]:
    """Return rows in parts that one call can store."""
    found: list[list[Row]] = [[]]
    size = 0
    for row in rows:
        size += _size(row)
        if found[-1] and (len(found[-1]) == BATCH or size > BATCH_BYTES):
            found.append([])
            size = _size(row)
        found[-1].append(row)
    return found


def struct(row: Row) -> models.PointStruct:
    """Return a row as the client sends it."""
    vectors: dict[str, models.Vector] = {DENSE: row.vector.tolist()}
    if row.title is not None:
        vectors[TITLE] = row.title.tolist()
    if row.indices:
        vectors[SPARSE] = models.SparseVector(indices=row.indices, values=row.values)
    return models.PointStruct(id=row.id, vector=vectors, payload=row.payload)


def asked(probe: Probe, dimension: int) -> list[float] | models.SparseVector | None:
    """Return what a probe asks with; None where it asks for nothing.

    Raises: InputError where it cannot be compared.
    """
    if isinstance(probe, tuple):
        indices, values = points.terms(probe, "The question")
        return models.SparseVector(indices=indices, values=values) if indices else None
    found: list[float] = points.vector(probe, dimension, "The question").tolist()
    return found


def chunk(point: models.ScoredPoint | models.Record) -> Chunk:
    """Return the chunk of a stored point. Raises: StoreError where Assay did not write it."""
    payload = point.payload or {}
    missing = [key for key in SHOWN if key not in payload and key != "domain"]
    if missing:
        raise StoreError(f"Point {point.id} has no {', '.join(missing)}: Assay did not write it.")
    return points.chunk_of(str(point.id), [payload.get(key) for key in SHOWN])


def best(found: Sequence[models.ScoredPoint], limit: int, sparse: bool) -> list[Match]:
    """Return the first matches by descending score, ties by ascending id; sparse ones above 0."""
    kept = [point for point in found if point.score > 0] if sparse else list(found)
    kept.sort(key=lambda point: (-point.score, str(point.id)))
    return [Match(chunk(point), point.score) for point in kept[:limit]]


def _size(row: Row) -> int:
    """About how many bytes a row takes in a request."""
    characters: int = len(row.payload["text"]) + 2 * len(row.payload["meta"])
    numbers = len(row.vector) + 2 * len(row.indices) + (0 if row.title is None else len(row.title))
    return 2 * characters + NUMBER_BYTES * numbers
