"""One filter type: conditions on metadata, written once and translated by every store.

A filter sees the reserved fields `document_id`, `domain`, `date`, `start`, `end`, `position` and
every metadata field whose value is a scalar or a list of scalars. A list matches where any of its
elements does; a missing field matches nothing (so `Not` of it matches). Numbers are compared as
numbers, dates as instants (a date is its midnight in UTC), booleans and strings exactly.

As JSON (also in `/query`), an object with one condition or one of `and`, `or`, `not`:

    {"field": "year", "gte": 2019}                 {"field": "kind", "equals": "policy"}
    {"field": "tag", "any_of": ["a", "b"]}         {"field": "author", "exists": true}
    {"and": [..., {"not": {"field": "date", "lt": "2024-01-31"}}]}
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from retrieval.errors import InputError

Scalar = str | int | float | bool
RESERVED = ("document_id", "domain", "date", "start", "end", "position")
MAX_DEPTH = 8
MAX_CONDITIONS = 200
MAX_INTEGER = 2**63 - 1
BOUNDS = ("gt", "gte", "lt", "lte")


@dataclass(frozen=True, slots=True)
class Equals:
    """The field has this value."""

    field: str
    value: Scalar


@dataclass(frozen=True, slots=True)
class AnyOf:
    """The field has one of these values."""

    field: str
    values: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Range:
    """The field lies within these bounds: all numbers, or all dates; None is open."""

    field: str
    gt: float | datetime | None = None
    gte: float | datetime | None = None
    lt: float | datetime | None = None
    lte: float | datetime | None = None

    @property
    def dated(self) -> bool:
        """Whether the bounds are dates."""
        return any(isinstance(getattr(self, bound), datetime) for bound in BOUNDS)


@dataclass(frozen=True, slots=True)
class Exists:
    """The field has a value that is neither null nor an empty list."""

    field: str


@dataclass(frozen=True, slots=True)
class And:
    """Every part holds; with no parts, everything does."""

    parts: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one part holds; with no parts, nothing does."""

    parts: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: "Filter"


Filter = Equals | AnyOf | Range | Exists | And | Or | Not


def fields(filter: Filter) -> set[str]:
    """Return the names of the fields that a filter asks for."""
    if isinstance(filter, And | Or):
        return {name for part in filter.parts for name in fields(part)}
    if isinstance(filter, Not):
        return fields(filter.part)
    return {filter.field}


def instant(value: str) -> datetime | None:
    """Return an ISO 8601 date or time as an instant in UTC, or None if it is not one."""
    try:
        found = datetime.fromisoformat(value)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def matches(filter: Filter | None, values: Mapping[str, Any]) -> bool:
    """Return whether a record's fields satisfy a filter: the reference that stores agree with."""
    if filter is None:
        return True
    if isinstance(filter, And):
        return all(matches(part, values) for part in filter.parts)
    if isinstance(filter, Or):
        return any(matches(part, values) for part in filter.parts)
    if isinstance(filter, Not):
        return not matches(filter.part, values)
    found = values.get(filter.field)
    elements = found if isinstance(found, list | tuple) else [] if found is None else [found]
    if isinstance(filter, Exists):
        return bool(elements)
    if isinstance(filter, Range):
        return any(_within(filter, element) for element in elements)
    wanted = (filter.value,) if isinstance(filter, Equals) else filter.values
    return any(_same(element, value) for element in elements for value in wanted)


def _same(found: Any, wanted: Scalar) -> bool:
    """Equal, and not a boolean beside a number or a number beside a string."""
    if isinstance(found, bool) or isinstance(wanted, bool):
        return found is wanted
    return bool(found == wanted)


def _within(bounds: Range, value: Any) -> bool:
    if bounds.dated:
        value = instant(value) if isinstance(value, str) else value
        value = value if isinstance(value, datetime) else None
    elif isinstance(value, bool) or not isinstance(value, int | float):
        value = None
    if value is None:
        return False
    return (
        (bounds.gt is None or value > bounds.gt)
        and (bounds.gte is None or value >= bounds.gte)
        and (bounds.lt is None or value < bounds.lt)
        and (bounds.lte is None or value <= bounds.lte)
    )


def parse(data: Any, where: str = "filter", depth: int = 1) -> Filter:
    """Return the filter that JSON describes.

    Raises: InputError that names the place in the filter and what is allowed there.
    """
    if depth > MAX_DEPTH:
        raise InputError(f"{where}: nested deeper than {MAX_DEPTH} levels.", where)
    if not isinstance(data, dict):
        raise InputError(f"{where}: an object is needed, got {type(data).__name__}.", where)
    for word in ("and", "or", "not"):
        if word in data:
            return _group(word, data, where, depth)
    return _condition(data, where)


def _group(word: str, data: Mapping[str, Any], where: str, depth: int) -> Filter:
    if len(data) > 1:
        raise InputError(f"{where}: {word!r} stands alone, got also {_names(data, word)}.", where)
    inside = f"{where}.{word}"
    if word == "not":
        return Not(parse(data["not"], inside, depth + 1))
    parts = data[word]
    if not isinstance(parts, list) or not 1 <= len(parts) <= MAX_CONDITIONS:
        raise InputError(f"{inside}: a list of 1 to {MAX_CONDITIONS} filters is needed.", inside)
    found = tuple(parse(part, f"{inside}[{i}]", depth + 1) for i, part in enumerate(parts))
    return And(found) if word == "and" else Or(found)


def _condition(data: Mapping[str, Any], where: str) -> Filter:
    name = data.get("field")
    if not isinstance(name, str) or not name:
        raise InputError(f"{where}.field: the name of a field is needed.", f"{where}.field")
    tests = {key: value for key, value in data.items() if key != "field"}
    unknown = set(tests) - {"equals", "any_of", "exists", *BOUNDS}
    if unknown or not tests or (len(tests) > 1 and not set(tests) <= set(BOUNDS)):
        raise InputError(
            f"{where}: one of equals, any_of, exists, or bounds gt, gte, lt, lte is needed"
            f" beside 'field', got {sorted(tests) or 'nothing'}.",
            where,
        )
    if "equals" in tests:
        return Equals(name, _scalar(tests["equals"], f"{where}.equals"))
    if "any_of" in tests:
        return AnyOf(name, _choices(tests["any_of"], f"{where}.any_of"))
    if "exists" in tests:
        if not isinstance(tests["exists"], bool):
            raise InputError(f"{where}.exists: true or false is needed.", f"{where}.exists")
        return Exists(name) if tests["exists"] else Not(Exists(name))
    return _range(name, tests, where)


def _range(name: str, tests: Mapping[str, Any], where: str) -> Range:
    bounds = {key: _bound(value, f"{where}.{key}") for key, value in tests.items()}
    if len({isinstance(value, datetime) for value in bounds.values()}) > 1:
        raise InputError(f"{where}: bounds are all numbers or all dates, not both.", where)
    return Range(name, **bounds)


def _bound(value: Any, where: str) -> float | datetime:
    if isinstance(value, str):
        found = instant(value)
        if found is None:
            raise InputError(f"{where}: {value!r} is no number and no ISO 8601 date.", where)
        return found
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > MAX_INTEGER:
        raise InputError(f"{where}: a number or an ISO 8601 date is needed.", where)
    return value


def _scalar(value: Any, where: str) -> Scalar:
    if not isinstance(value, str | int | float | bool):
        raise InputError(f"{where}: a string, number or boolean is needed.", where)
    if not isinstance(value, str) and abs(value) > MAX_INTEGER:
        raise InputError(f"{where}: numbers lie within ±{MAX_INTEGER}.", where)
    return value


def _choices(value: Any, where: str) -> tuple[str | int, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_CONDITIONS:
        raise InputError(f"{where}: a list of 1 to {MAX_CONDITIONS} values is needed.", where)
    found = tuple(_scalar(each, f"{where}[{i}]") for i, each in enumerate(value))
    if not (all(type(each) is str for each in found) or all(type(each) is int for each in found)):
        raise InputError(f"{where}: all strings or all integers are needed.", where)
    return tuple(each for each in found if isinstance(each, str | int))


def _names(data: Mapping[str, Any], but: str) -> str:
    return ", ".join(repr(key) for key in data if key != but)


def as_filterable(value: Any) -> Any:
    """Return a metadata value as filters see it, or None where they see nothing.

    Scalars and lists of scalars pass; dates become ISO strings in UTC; the rest is shown with the
    hits but cannot be filtered by.
    """
    if isinstance(value, list | tuple):
        scalars = (as_filterable(each) for each in value if not isinstance(each, list | tuple))
        return [each for each in scalars if each is not None]
    if isinstance(value, datetime):
        return (value.replace(tzinfo=UTC) if value.tzinfo is None else value).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return value if isinstance(value, str | int | float | bool) else None
