"""What stands in a line of a cassette, checked: files are joined and edited by hand, too."""

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

SHOWN = 40


class Need(NamedTuple):
    """What a field has to be, in words and as a check."""

    words: str
    met: Callable[[Any], bool]


def _is(*kinds: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, kinds)


def _number(value: Any) -> bool:
    """Return whether a value can be counted with; JSON may also hold NaN and endless integers."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and 0 <= value <= sys.float_info.max


def _whole(value: Any) -> bool:
    return isinstance(value, int) and _number(value)


def _costs(value: Any) -> bool:
    return value is None or (isinstance(value, dict) and all(map(_number, value.values())))


TEXT = Need("a text", _is(str))
WHOLE = Need("a whole number from 0 on", _whole)
NEEDED: Mapping[str, Need] = {
    "stage": TEXT,
    "query": TEXT,
    "step": WHOLE,
    "answer": Need("a text, an object or a list", _is(str, dict, list)),
}
FIELDS: Mapping[str, Need] = {
    **NEEDED,
    "imported": Need("true or false", _is(bool)),
    "model": TEXT,
    "prompt": TEXT,
    "temperature": Need("a number from 0 on", _number),
    "max_tokens": WHOLE,
    "input": TEXT,
    "cost": Need("an object of numbers from 0 on", _costs),
}
"""The fields of a `Take`; those in `NEEDED` have no default."""


def fields(line: str) -> dict[str, Any]:
    """Return the fields of a line. Raises: ValueError that names the one that is not as needed."""
    record = json.loads(line)
    if not isinstance(record, dict):
        raise ValueError(f"an object is needed, got {_short(record)}")
    for name, need in NEEDED.items():
        if name not in record:
            raise ValueError(f"{name}: {need.words} is needed, got nothing")
    for name, value in record.items():
        if name not in FIELDS:
            raise ValueError(f"{name!r} is none of its fields: {', '.join(FIELDS)}")
        if not FIELDS[name].met(value):
            raise ValueError(f"{name}: {FIELDS[name].words} is needed, got {_short(value)}")
    return record


def _short(value: Any) -> str:
    return repr(value)[:SHOWN]
