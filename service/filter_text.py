"""Filters as people type them: `year>=2019`, `kind=policy`, `tag=a|b`, `author?`, or JSON.

A value that is a JSON number, boolean or quoted string is that; anything else is text. Several
conditions hold together; whatever needs `or` is written as JSON.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from retrieval.errors import InputError
from retrieval.filters import Filter, parse

CONDITION = re.compile(r"\s*([^\s<>=!?|{}]+)\s*(>=|<=|!=|=|>|<)\s*(.+?)\s*", re.DOTALL)
EXISTS = re.compile(r"\s*(!?)\s*([^\s<>=!?|{}]+)\s*\?\s*")
BOUNDS = {">=": "gte", "<=": "lte", ">": "gt", "<": "lt"}
FORMS = "NAME=VALUE, NAME=A|B, NAME!=VALUE, NAME>=VALUE (also > <= <), NAME?, !NAME?, or JSON"


def read_filter(texts: Sequence[str]) -> Filter | None:
    """Return the filter that all texts make together, None for no texts. Raises: InputError."""
    found = [_json(text) for text in texts]
    if not found:
        return None
    return parse(found[0] if len(found) == 1 else {"and": found})


def _json(text: str) -> Any:
    """Return a condition in its JSON form."""
    if text.lstrip().startswith("{"):
        try:
            return json.loads(text)
        except ValueError as error:
            raise InputError(f"filter: {text!r} is not JSON: {error}.", "filter") from error
    exists = EXISTS.fullmatch(text)
    if exists is not None:
        return {"field": exists[2], "exists": not exists[1]}
    condition = CONDITION.fullmatch(text)
    if condition is None:
        raise InputError(f"filter: {text!r} cannot be read. Forms: {FORMS}.", "filter")
    name, sign, value = condition.groups()
    if sign in BOUNDS:
        return {"field": name, BOUNDS[sign]: _value(value)}
    values = [_value(each) for each in value.split("|")]
    same: dict[str, Any] = {"field": name}
    same |= {"equals": values[0]} if len(values) == 1 else {"any_of": values}
    return same if sign == "=" else {"not": same}


def _value(text: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        return text.strip()
    return value if isinstance(value, str | int | float) else text.strip()
