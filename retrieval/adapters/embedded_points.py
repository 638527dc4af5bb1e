"""Points and probes as they cross to the engine process."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from retrieval.adapters import points
from retrieval.adapters.points import Row
from retrieval.kit import Probe

BATCH = 128
"""Points in one message: some 30 ms, which is how long a search may have to wait for a write."""
DOCUMENTS = 1_000


def asked(probe: Probe, dimension: int) -> bytes | tuple[list[int], list[float]]:
    """Return a probe as it is sent; empty where it asks for nothing."""
    if isinstance(probe, tuple):
        indices, values = points.terms(probe, "The question")
        return (indices, values) if indices else b""
    return points.vector(probe, dimension, "The question").tobytes()


def sent(rows: Sequence[Row]) -> list[tuple[Any, ...]]:
    """Return rows as they are sent: vectors as float32 bytes, empty for a title that is none."""
    return [
        (
            row.id,
            row.vector.tobytes(),
            row.indices,
            row.values,
            row.payload,
            b"" if row.title is None else row.title.tobytes(),
        )
        for row in rows
    ]


def batches(documents: Mapping[str, list[Row]]) -> Iterator[tuple[list[str], list[Row]]]:
    """Yield whole documents of up to BATCH points together; a longer one alone."""
    ids: list[str] = []
    rows: list[Row] = []
    for document_id, found in documents.items():
        if ids and (len(rows) + len(found) > BATCH or len(ids) >= DOCUMENTS):
            yield ids, rows
            ids, rows = [], []
        ids.append(document_id)
        rows = rows + found
    if ids:
        yield ids, rows
