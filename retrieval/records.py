"""What filters see of a chunk that was found, so that stages can ask the same of it as stores."""

from typing import Any

from retrieval.filters import Filter, as_filterable, matches
from retrieval.filters import fields as filter_fields
from retrieval.types import Chunk


def record(chunk: Chunk) -> dict[str, Any]:
    """Return the fields of a chunk, but its position, which only the store knows."""
    return {
        **{name: as_filterable(value) for name, value in chunk.meta.items()},
        "document_id": chunk.document_id,
        "domain": chunk.domain,
        "start": chunk.span.start,
        "end": chunk.span.end,
    }


def values(chunk: Chunk, field: str) -> list[Any]:
    """Return what a chunk has in a field: the elements of a list, one value, or nothing."""
    found = record(chunk).get(field)
    elements = found if isinstance(found, list) else [found]
    return [each for each in elements if each is not None and not isinstance(each, list)]


def passes(chunk: Chunk, filter: Filter | None) -> bool:
    """Return whether a filter lets a chunk through; one that asks for a position never does."""
    if filter is None:
        return True
    return "position" not in filter_fields(filter) and matches(filter, record(chunk))
