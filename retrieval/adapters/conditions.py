"""Filters as both stores run them: plain tuples over payload keys, agreeing with `filters.matches`.

A condition is one of

    ("all", parts)  ("any", parts)  ("none", parts)     every, at least one, no part holds
    ("match", key, text or integer)                     exactly this value
    ("among", key, texts or integers)                   one of these values
    ("range", key, gt, gte, lt, lte)                    numbers; None is open
    ("dates", key, gt, gte, lt, lte)                    RFC 3339 strings; None is open
    ("empty", key)                                      missing, null or []
    ("ids", ids)                                        one of these points; () is none of them

Tuples, because they cross a process border; each store turns them into its own objects. Numbers
are compared as float64, as the engine does: two integers beyond 2**53 are told apart by an equality
but not by the bounds of a range.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from retrieval import filters
from retrieval.adapters.points import dates_key, field_key, flags_key, storable

Condition = tuple[Any, ...]
NOTHING: Condition = ("ids", ())
EVERYTHING: Condition = ("all", ())
EXACT_INTEGER = 2**53


def condition(filter: filters.Filter) -> Condition:
    """Return a filter as a condition on the payload."""
    if isinstance(filter, filters.And):
        return ("all", tuple(map(condition, filter.parts)))
    if isinstance(filter, filters.Or):
        return ("any", tuple(map(condition, filter.parts))) if filter.parts else NOTHING
    if isinstance(filter, filters.Not):
        return ("none", (condition(filter.part),))
    if not storable(filter.field):
        return NOTHING
    if isinstance(filter, filters.Exists):
        return ("none", (("empty", field_key(filter.field)),))
    if isinstance(filter, filters.Range):
        return _range(filter)
    wanted = (filter.value,) if isinstance(filter, filters.Equals) else filter.values
    return _one_of(filter.field, wanted)


def within(tenant: str, filter: filters.Filter | None = None) -> Condition:
    """Return a filter narrowed to one tenant's chunks; None is all of them."""
    own = ("match", "tenant", tenant)
    return ("all", (own,) if filter is None else (own, condition(filter)))


def first_chunks(document_ids: Sequence[str]) -> Condition:
    """Return what the first chunks of these documents meet: those that keep titles' vectors."""
    whose = ("among", "document_id", tuple(document_ids))
    return ("all", (whose, ("range", "position", None, 0.0, None, 0.0)))


def indexed(found: Condition, kinds: Mapping[str, str]) -> bool:
    """Return whether payload indexes (`points.indexes`) answer every part of a condition.

    Where they do not, an approximate search would miss most of the matches: it has to run exact.
    """
    tag, *rest = found
    if tag in ("all", "any", "none"):
        return all(indexed(part, kinds) for part in rest[0])
    if tag == "ids":
        return True
    kind = kinds.get(rest[0])
    if tag == "range":
        return kind == "float"
    if tag == "dates":
        return kind == "datetime"
    if tag == "empty":
        return kind is not None
    values = rest[1] if tag == "among" else (rest[1],)
    if all(isinstance(value, str) for value in values):
        return kind in ("keyword", "tenant")
    return kind == "integer" or all(abs(value) >= EXACT_INTEGER for value in values)


def _range(filter: filters.Range) -> Condition:
    """The bounds, at most one on each side: an index looks at one of `gt` and `gte` only."""
    gt, gte, lt, lte = (_bound(getattr(filter, name)) for name in filters.BOUNDS)
    if any(isinstance(bound, float) and math.isnan(bound) for bound in (gt, gte, lt, lte)):
        return NOTHING
    if gt is not None and gte is not None:
        gt, gte = (gt, None) if gt >= gte else (None, gte)
    if lt is not None and lte is not None:
        lt, lte = (lt, None) if lt <= lte else (None, lte)
    if filter.dated:
        return ("dates", dates_key(filter.field), *map(_text, (gt, gte, lt, lte)))
    return ("range", field_key(filter.field), gt, gte, lt, lte)


def _bound(bound: float | datetime | None) -> Any:
    if isinstance(bound, datetime):
        return bound.replace(tzinfo=UTC) if bound.tzinfo is None else bound
    return None if bound is None else float(bound)


def _text(bound: datetime | None) -> str | None:
    return None if bound is None else bound.isoformat()


def _one_of(field: str, wanted: Sequence[filters.Scalar]) -> Condition:
    """Texts together, flags and numbers one by one: each type has its own way to be equal."""
    texts = tuple(value for value in wanted if isinstance(value, str) and storable(value))
    parts = [_number(field, value) for value in wanted if not isinstance(value, str)]
    if texts:
        key = field_key(field)
        parts.append(("match", key, texts[0]) if len(texts) == 1 else ("among", key, texts))
    if not parts:
        return NOTHING
    return parts[0] if len(parts) == 1 else ("any", tuple(parts))


def _number(field: str, value: float | bool) -> Condition:
    if isinstance(value, bool):
        return ("match", flags_key(field), int(value))
    if math.isnan(value):
        return NOTHING
    bounds = ("range", field_key(field), None, float(value), None, float(value))
    if EXACT_INTEGER <= abs(value) < 2**63 and float(value).is_integer():
        return ("all", (bounds, ("match", field_key(field), int(value))))
    return bounds
