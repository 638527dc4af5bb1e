from datetime import UTC, datetime

import pytest

from retrieval import filters
from retrieval.errors import InputError
from retrieval.filters import And, AnyOf, Equals, Exists, Not, Or, Range, matches, parse

RECORD = {"year": 2019, "price": 1.5, "kind": "policy", "tags": ["a", "b"], "ok": True, "none": []}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"field": "year", "equals": 2019}, True),
        ({"field": "year", "equals": 2019.0}, True),
        ({"field": "year", "equals": "2019"}, False),
        ({"field": "ok", "equals": True}, True),
        ({"field": "ok", "equals": 1}, False),
        ({"field": "year", "any_of": [1, 2019]}, True),
        ({"field": "tags", "any_of": ["b", "c"]}, True),
        ({"field": "tags", "equals": "c"}, False),
        ({"field": "year", "gte": 2019}, True),
        ({"field": "year", "gt": 2019}, False),
        ({"field": "price", "gt": 1, "lt": 2}, True),
        ({"field": "kind", "gt": 1}, False),
        ({"field": "kind", "exists": True}, True),
        ({"field": "none", "exists": True}, False),
        ({"field": "nowhere", "exists": False}, True),
        ({"field": "nowhere", "equals": "x"}, False),
        ({"not": {"field": "nowhere", "equals": "x"}}, True),
        ({"and": [{"field": "year", "lt": 2020}, {"field": "kind", "equals": "policy"}]}, True),
        ({"or": [{"field": "year", "lt": 2000}, {"field": "kind", "equals": "policy"}]}, True),
        ({"or": [{"field": "year", "lt": 2000}, {"field": "kind", "equals": "code"}]}, False),
    ],
)
def test_a_parsed_filter_matches_what_it_says(data: dict[str, object], expected: bool) -> None:
    assert matches(parse(data), RECORD) is expected


def test_dates_are_compared_as_instants() -> None:
    record = {"date": "2024-01-31T23:30:00-02:00"}
    assert matches(parse({"field": "date", "gte": "2024-02-01"}), record)
    assert not matches(parse({"field": "date", "lt": "2024-02-01T01:00:00Z"}), record)


@pytest.mark.parametrize(
    ("data", "field", "text"),
    [
        ("x", "filter", "an object is needed, got str"),
        ({}, "filter.field", "name of a field"),
        ({"field": "a"}, "filter", "got nothing"),
        ({"field": "a", "like": "b"}, "filter", "got ['like']"),
        ({"field": "a", "equals": "b", "gt": 1}, "filter", "one of equals"),
        ({"field": "a", "equals": None}, "filter.equals", "a string, number or boolean"),
        ({"field": "a", "equals": 2**70}, "filter.equals", "numbers lie within"),
        ({"field": "a", "any_of": []}, "filter.any_of", "1 to 200 values"),
        ({"field": "a", "any_of": ["a", 1]}, "filter.any_of", "all strings or all integers"),
        ({"field": "a", "gte": "soon"}, "filter.gte", "'soon' is no number"),
        ({"field": "a", "gte": 1, "lt": "2024-01-01"}, "filter", "all numbers or all dates"),
        ({"field": "a", "exists": "yes"}, "filter.exists", "true or false"),
        ({"and": []}, "filter.and", "1 to 200 filters"),
        ({"and": [{"field": "a", "equals": []}]}, "filter.and[0].equals", "a string, number"),
        ({"not": {"field": "a", "exists": True}, "or": []}, "filter", "stands alone"),
    ],
)
def test_a_malformed_filter_names_the_place_and_what_is_allowed(
    data: object, field: str, text: str
) -> None:
    with pytest.raises(InputError) as caught:
        parse(data)
    assert caught.value.field is not None
    assert field in (caught.value.field, *str(caught.value).split(":"))
    assert text in str(caught.value)


def test_a_filter_too_deep_is_refused() -> None:
    data: dict[str, object] = {"field": "a", "exists": True}
    for _ in range(9):
        data = {"not": data}
    with pytest.raises(InputError, match="deeper than 8"):
        parse(data)


def test_fields_are_those_that_a_filter_asks_for() -> None:
    filter = And((Equals("a", 1), Or((Not(Exists("b")), AnyOf("c", (1,)), Range("d", gt=0)))))
    assert filters.fields(filter) == {"a", "b", "c", "d"}


def test_filterable_values_are_scalars_and_lists_of_them() -> None:
    assert filters.as_filterable({"nested": 1}) is None
    assert filters.as_filterable(["a", None, {"b": 1}, ["c"]]) == ["a"]
    assert filters.as_filterable(datetime(2024, 1, 2, tzinfo=UTC)) == "2024-01-02T00:00:00+00:00"


def test_a_date_that_no_instant_in_utc_equals_is_no_date() -> None:
    assert filters.instant("0001-01-01T00:00:00+23:00") is None
    assert filters.instant("9999-12-31T23:59:59-23:00") is None
