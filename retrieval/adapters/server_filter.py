"""Conditions (see `conditions`) as the models of qdrant-client."""

import sys

from qdrant_client import models

from retrieval.adapters.conditions import Condition

LARGEST = sys.float_info.max


def server_filter(condition: Condition) -> models.Filter:
    """Return the server's filter for a condition."""
    tag, *rest = condition
    if tag in ("all", "any", "none"):
        parts = [_part(part) for part in rest[0]]
        if tag == "all":
            return models.Filter(must=parts)
        return models.Filter(should=parts) if tag == "any" else models.Filter(must_not=parts)
    return models.Filter(must=[_part(condition)])


def _part(condition: Condition) -> models.Condition:
    """A condition inside another one; groups nest as filters."""
    tag, *rest = condition
    if tag in ("all", "any", "none"):
        return server_filter(condition)
    if tag == "ids":
        return models.HasIdCondition(has_id=list(rest[0]))
    if tag == "empty":
        return models.IsEmptyCondition(is_empty=models.PayloadField(key=rest[0]))
    if tag == "match":
        return models.FieldCondition(key=rest[0], match=models.MatchValue(value=rest[1]))
    if tag == "among":
        return models.FieldCondition(key=rest[0], match=models.MatchAny(any=list(rest[1])))
    return models.FieldCondition(key=rest[0], range=_bounds(tag, *rest[1:]))


def _bounds(tag: str, *bounds: float | str | None) -> models.Range | models.DatetimeRange:
    named = dict(zip(("gt", "gte", "lt", "lte"), bounds, strict=True))
    if tag == "dates":
        return models.DatetimeRange.model_validate(named)
    numbers = {name: bound for name, bound in named.items() if isinstance(bound, float)}
    return models.Range(**{name: _finite(number) for name, number in numbers.items()})


def _finite(number: float) -> float:
    """JSON has no infinity: it would be sent as null, which is an open bound."""
    return max(-LARGEST, min(LARGEST, number))
