"""Conditions (see `conditions`) as the embedded engine's own filter objects."""

from typing import Any

import qdrant_edge as edge

from retrieval.adapters.conditions import Condition


def edge_filter(condition: Condition) -> edge.Filter:
    """Return the engine's filter for a condition."""
    tag, *rest = condition
    if tag in ("all", "any", "none"):
        parts = [_part(part) for part in rest[0]]
        if tag == "all":
            return edge.Filter(must=parts)
        return edge.Filter(should=parts) if tag == "any" else edge.Filter(must_not=parts)
    return edge.Filter(must=[_part(condition)])


def _part(condition: Condition) -> Any:
    """A condition inside another one; groups nest as filters."""
    tag, *rest = condition
    if tag in ("all", "any", "none"):
        return edge_filter(condition)
    if tag == "ids":
        return edge.HasIdCondition(set(rest[0]))
    if tag == "empty":
        return edge.IsEmptyCondition(rest[0])
    if tag in ("match", "among"):
        match = edge.MatchValue(rest[1]) if tag == "match" else edge.MatchAny(list(rest[1]))
        return edge.FieldCondition(rest[0], match=match)
    key, gt, gte, lt, lte = rest
    bounds = edge.RangeFloat if tag == "range" else edge.RangeDateTime
    return edge.FieldCondition(key, range=bounds(gt=gt, gte=gte, lt=lt, lte=lte))
