"""The types of metadata fields: what an index can be asked for, found in its first documents."""

import re
from collections.abc import Mapping
from typing import Any

from retrieval.filters import MAX_INTEGER, RESERVED, instant
from retrieval.manifest import FieldType

MOST_FIELDS = 32
LONGEST_WORD = 200
"""A text of more characters is read, not asked for."""
TYPES: dict[frozenset[str], FieldType] = {
    frozenset({"int"}): "int",
    frozenset({"float"}): "float",
    frozenset({"int", "float"}): "float",
    frozenset({"bool"}): "bool",
    frozenset({"date"}): "date",
    frozenset({"str"}): "str",
    frozenset({"str", "date"}): "str",
}

_INTEGER = r"-?(?:0|[1-9][0-9]{0,17})"
NUMBERS = {
    "int": re.compile(_INTEGER),
    "float": re.compile(rf"{_INTEGER}(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?"),
}


class FieldKinds:
    """What kinds of values the fields of the documents so far have had."""

    def __init__(self) -> None:
        """Start with none."""
        self._kinds: dict[str, set[str]] = {}
        self._counts: dict[str, int] = {}

    def add(self, meta: Mapping[str, Any]) -> None:
        """Look at one document's metadata; of a list, at its elements."""
        for name, value in meta.items():
            kinds = {
                _kind(each) for each in (value if isinstance(value, list | tuple) else [value])
            }
            self._kinds.setdefault(name, set()).update(kinds - {"none"})
            self._counts[name] = self._counts.get(name, 0) + 1

    def types(self, declared: Mapping[str, FieldType]) -> dict[str, FieldType]:
        """Return the type of each field, declared ones first; at most 32 of the others, by use.

        Left out, so that a filter on it looks at every chunk: a field of mixed kinds, of objects or
        of long texts.
        """
        found = {name: TYPES.get(frozenset(kinds)) for name, kinds in self._kinds.items()}
        free = [name for name in found if name not in declared and name not in RESERVED]
        used = sorted(free, key=lambda name: (-self._counts[name], name))
        types = {name: kind for name in used if (kind := found[name])}
        return {**declared, **dict(list(types.items())[:MOST_FIELDS])}


def typed(meta: Mapping[str, Any], types: Mapping[str, FieldType]) -> dict[str, Any]:
    """Return metadata whose values have the types of their fields, where they can have them.

    So that `"2019"` is found as the number it means in a field of numbers, and `7` as text in a
    field of texts. What cannot be of its field's type stays as it is, and so does what only looks
    like a number: an article `00123`, a postal code `02108`.
    """
    return {name: _typed(value, types.get(name)) for name, value in meta.items()}


def _typed(value: Any, kind: FieldType | None) -> Any:
    if kind is None or value is None:
        return value
    if isinstance(value, list | tuple):
        return [_typed(each, kind) for each in value]
    if kind in ("str", "date"):
        return str(value) if type(value) in (int, float) and kind == "str" else value
    if isinstance(value, str):
        return _read(value.strip(), kind, value)
    whole = isinstance(value, float) and value.is_integer()
    return int(value) if whole and kind == "int" else value


def _read(text: str, kind: FieldType, otherwise: str) -> Any:
    if kind == "bool":
        return {"true": True, "false": False}.get(text.lower(), otherwise)
    if NUMBERS[kind].fullmatch(text):
        number = int(text) if kind == "int" else float(text)
        if abs(number) <= MAX_INTEGER:
            return number
    return otherwise


def _kind(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool | int | float):
        return type(value).__name__
    if not isinstance(value, str):
        return "object"
    if len(value) > LONGEST_WORD:
        return "long"
    return "date" if instant(value) else "str"
