"""How a chunk lies in a store: the payload, what may be filtered by, and what may be stored at all.

    tenant, document_id, start, end, position, domain, text, heading, meta (as JSON text)
    fields{name: value}   every metadata value that filters see, as `filters.as_filterable` has it
    flags{name: 0 or 1}   its booleans: the engine takes True for the number 1 and finds neither
    dates{name: instant}  its texts that are ISO 8601, in UTC: the engine reads fewer forms of dates

`date` is a field like the user's own, always declared. The layout is the same on every store, and
nothing is sent before it passed `rows`: the engine accepts what would break it for ever.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from retrieval.errors import InputError
from retrieval.filters import RESERVED, as_filterable, instant
from retrieval.kit import Point, SparseVector
from retrieval.manifest import Manifest
from retrieval.types import Chunk, Span

DEFAULT_TENANT = "default"
DENSE = "dense"
SPARSE = "sparse"
TITLE = "title"
"""The vector of the document's title, in the point of its first chunk alone."""
COLUMNS = tuple(name for name in RESERVED if name != "date")
"""The fields of a filter that are payload keys of their own."""
SHOWN = ("document_id", "text", "start", "end", "heading", "domain", "meta")
"""The payload keys that a chunk is made of, in the order of `chunk_of`."""
MAX_TERM = 2**32 - 1
MAX_INTEGER = 2**63 - 1
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
PLAIN_NAME = re.compile(r"[A-Za-z0-9_-]+")


class Row(NamedTuple):
    """One validated point: float32 vectors, ascending unique terms, payload of JSON values."""

    id: str
    vector: NDArray[np.float32]
    indices: list[int]
    values: list[float]
    payload: dict[str, Any]
    title: NDArray[np.float32] | None = None


def field_key(name: str) -> str:
    """Return the payload key of a filter's field."""
    return name if name in COLUMNS else f"fields.{_quoted(name)}"


def flags_key(name: str) -> str:
    """Return the payload key of a field's booleans."""
    return f"flags.{_quoted(name)}"


def dates_key(name: str) -> str:
    """Return the payload key of a field's instants."""
    return f"dates.{_quoted(name)}"


def indexes(manifest: Manifest) -> dict[str, str]:
    """Return the kind of payload index of each key; all are made before the first point.

    Kinds: tenant (a keyword that separates users), keyword, integer, float, datetime. Integers too
    are indexed as float: an index of integers rounds the bounds of a range, and misses a 2.5.
    """
    found = {"tenant": "tenant", "document_id": "keyword", "domain": "keyword"}
    found |= dict.fromkeys(("start", "end", "position"), "float")
    for name, kind in {**manifest.fields, "date": "date"}.items():
        if name in COLUMNS:
            continue
        if kind in ("str", "date"):
            found[field_key(name)] = "keyword"
        if kind in ("int", "float"):
            found[field_key(name)] = "float"
        if kind == "bool":
            found[flags_key(name)] = "integer"
        if kind == "date":
            found[dates_key(name)] = "datetime"
    return found


def rows(tenant: str, document_id: str, points: Sequence[Point], manifest: Manifest) -> list[Row]:
    """Return the points of one document, ready to be stored.

    An index of the first schema has no place for a title's vector: it is left out.

    Raises: InputError that names the first chunk that cannot be stored, and why.
    """
    found = [_row(tenant, document_id, point, manifest) for point in points]
    ids = [row.id for row in found]
    if len(set(ids)) < len(ids):
        twice = next(id for id in ids if ids.count(id) > 1)
        raise InputError(f"Document {document_id!r}: two of its chunks have the id {twice}.", "id")
    return found


def described(domain: str | None, meta: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a payload that a change of metadata replaces.

    Raises: InputError where metadata is not JSON.
    """
    fields: dict[str, Any] = {}
    flags: dict[str, list[int]] = {}
    dates: dict[str, list[str]] = {}
    for name, value in meta.items():
        elements = _elements(value)
        if name in COLUMNS or not elements:
            continue
        fields[_escaped(name)] = elements if isinstance(value, list | tuple) else elements[0]
        booleans = [int(each) for each in elements if isinstance(each, bool)]
        if booleans:
            flags[_escaped(name)] = booleans
        instants = [each for each in map(_instant, elements) if each]
        if instants:
            dates[_escaped(name)] = instants
    try:
        text = json.dumps(dict(meta), ensure_ascii=False, allow_nan=False) if meta else "{}"
    except (TypeError, ValueError) as error:
        raise InputError(f"Metadata has to be JSON: {error}.", "meta") from error
    return {"domain": domain, "meta": text, "fields": fields, "flags": flags, "dates": dates}


def chunk_of(id: str, shown: Sequence[Any]) -> Chunk:
    """Return the chunk that was stored as these values of `SHOWN`."""
    document_id, text, start, end, heading, domain, meta = shown
    values = {} if meta == "{}" else json.loads(meta)
    return Chunk(id, document_id, text, Span(start, end), tuple(heading), domain, values)


def vector(given: NDArray[np.float32], dimension: int, where: str) -> NDArray[np.float32]:
    """Return a dense vector if it can be stored or asked with; `where` begins the error's text.

    Raises: InputError.
    """
    found = np.ascontiguousarray(given, dtype=np.float32)
    if found.shape != (dimension,):
        raise InputError(f"{where}: a vector of shape {found.shape}, the index has {dimension}.")
    norm = float(np.linalg.norm(found))
    if not np.isfinite(norm) or norm == 0.0:
        raise InputError(f"{where}: a vector has to be finite and not zero, its norm is {norm}.")
    return found


def terms(given: SparseVector, where: str) -> tuple[list[int], list[float]]:
    """Return a sparse vector if it can be stored or asked with; `where` begins the error's text.

    Raises: InputError.
    """
    indices, values = list(map(int, given.indices)), list(map(float, given.values))
    if len(indices) != len(values):
        raise InputError(f"{where}: {len(indices)} terms with {len(values)} weights.")
    if len(set(indices)) < len(indices):
        raise InputError(f"{where}: its terms are not unique.")
    if indices and not 0 <= min(indices) <= max(indices) <= MAX_TERM:
        raise InputError(f"{where}: its terms lie outside 0 to {MAX_TERM}.")
    if not all(map(math.isfinite, values)):
        raise InputError(f"{where}: its weights are not finite.")
    return indices, values


def is_uuid(text: str) -> bool:
    """Return whether a text is a UUID as the engine gives it back: lower case, with hyphens."""
    return UUID.fullmatch(text) is not None


def storable(text: str) -> bool:
    """Return whether a text is valid Unicode: half of a surrogate pair cannot be stored."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _row(tenant: str, document_id: str, point: Point, manifest: Manifest) -> Row:
    chunk, dimension = point.chunk, int(manifest.encoder["dimension"])
    where = f"Chunk {chunk.id} of document {document_id!r}"
    if not is_uuid(chunk.id):
        raise InputError(f"{where}: an id is a UUID in lower case with hyphens.", "id")
    if chunk.document_id != document_id:
        raise InputError(f"{where}: it says that it is of {chunk.document_id!r}.", "document_id")
    dense = vector(point.vector, dimension, where)
    indices, values = terms(point.sparse, where)
    title = None
    if point.title is not None:
        if point.position != 0:
            raise InputError(f"{where}: a title's vector belongs to the document's first chunk.")
        title = vector(point.title, dimension, f"{where}: its title") if manifest.titled else None
    return Row(chunk.id, dense, indices, values, _payload(tenant, point, where), title)


def _payload(tenant: str, point: Point, where: str) -> dict[str, Any]:
    chunk = point.chunk
    if point.position < 0 or not 0 <= chunk.span.start <= chunk.span.end:
        raise InputError(f"{where}: position {point.position} and {chunk.span} are no order.")
    try:
        found = {
            "tenant": tenant,
            "document_id": chunk.document_id,
            "start": int(chunk.span.start),
            "end": int(chunk.span.end),
            "position": int(point.position),
            "text": chunk.text,
            "heading": list(chunk.heading),
            **described(chunk.domain, chunk.meta),
        }
        json.dumps(found, ensure_ascii=False, allow_nan=False).encode()
    except InputError as error:
        raise InputError(f"{where}: {error}", error.field) from error
    except (TypeError, ValueError) as error:
        raise InputError(f"{where}: it holds what JSON cannot: {error}.") from error
    return found


def _elements(value: Any) -> list[Any]:
    """A metadata value as a list of scalars; whole numbers as integers, so that 2.0 equals 2."""
    found = as_filterable(value)
    elements = found if isinstance(found, list) else [] if found is None else [found]
    return [_whole(each) for each in elements if not isinstance(each, list)]


def _whole(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer() and abs(value) <= MAX_INTEGER:
        return int(value)
    return value


def _instant(value: Any) -> str | None:
    found = instant(value) if isinstance(value, str) else None
    return found.astimezone(UTC).isoformat() if found else None


def _escaped(name: str) -> str:
    """A field's name as a payload key: a path cannot hold a quotation mark or a backslash."""
    return name.replace("%", "%25").replace('"', "%22").replace("\\", "%5C")


def _quoted(name: str) -> str:
    return name if PLAIN_NAME.fullmatch(name) else f'"{_escaped(name)}"'
