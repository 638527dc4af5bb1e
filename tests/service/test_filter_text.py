"""Filters as people type them mean what their JSON form means."""

import pytest

from retrieval.errors import InputError
from retrieval.filters import parse
from service.filter_text import read_filter


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("year>=2019", {"field": "year", "gte": 2019}),
        (" year <= 2019.5 ", {"field": "year", "lte": 2019.5}),
        ("year>1", {"field": "year", "gt": 1}),
        ("date<2024-01-31", {"field": "date", "lt": "2024-01-31"}),
        ("kind=policy", {"field": "kind", "equals": "policy"}),
        ("kind=a policy, of two", {"field": "kind", "equals": "a policy, of two"}),
        ('year="2019"', {"field": "year", "equals": "2019"}),
        ("code=007", {"field": "code", "equals": "007"}),
        ("draft=false", {"field": "draft", "equals": False}),
        ("tag=a|b", {"field": "tag", "any_of": ["a", "b"]}),
        ("year=2019|2020", {"field": "year", "any_of": [2019, 2020]}),
        ("kind!=policy", {"not": {"field": "kind", "equals": "policy"}}),
        ("kind!=a|b", {"not": {"field": "kind", "any_of": ["a", "b"]}}),
        ("author?", {"field": "author", "exists": True}),
        ("!author?", {"field": "author", "exists": False}),
        ("document_id=library/json.md", {"field": "document_id", "equals": "library/json.md"}),
        ('{"field": "year", "gte": 2019}', {"field": "year", "gte": 2019}),
    ],
)
def test_a_typed_filter_is_its_json_form(text, same):
    assert read_filter([text]) == parse(same)


def test_several_hold_together_and_none_is_no_filter():
    both = {"and": [{"field": "year", "gte": 2019}, {"field": "kind", "equals": "policy"}]}
    assert read_filter(["year>=2019", "kind=policy"]) == parse(both)
    assert read_filter([]) is None


@pytest.mark.parametrize(
    "text", ["year", "", ">=3", "year>=", "{", '{"field": 1}', "a b=c", "tag=a|1"]
)
def test_what_cannot_be_read_is_refused_with_its_text_or_place(text):
    with pytest.raises(InputError) as error:
        read_filter([text])
    assert error.value.field.startswith("filter")
