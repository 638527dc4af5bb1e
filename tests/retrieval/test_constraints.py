import operator
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.constraints import Constraint, constraints_of, filter_of, narrowed
from retrieval.filters import And, AnyOf, Equals, Filter, Or, Range, matches
from retrieval.manifest import FieldType

TODAY = date(2024, 3, 15)
KINDS: Mapping[str, FieldType] = {
    "date": "date",
    "kind": "str",
    "pages": "int",
    "price": "float",
    "draft": "bool",
    "year": "int",
}


def found(question: str, date_field: str = "date") -> list[tuple[str, str, str]]:
    return [tuple(each) for each in constraints_of(question, KINDS, date_field)]  # type: ignore[misc]


def the_filter(question: str, date_field: str = "date") -> Filter | None:
    return filter_of(constraints_of(question, KINDS, date_field), KINDS, TODAY)[0]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("kind:policy on travel", [("kind", "is", "policy")]),
        ('Kind="data sheet", please', [("kind", "is", "data sheet")]),
        ("books with pages>=200 and price<9.5", [("pages", ">=", "200"), ("price", "<", "9.5")]),
        ("is it draft:yes?", [("draft", "is", "yes")]),
        ("date:>=2019-05 rules", [("date", ">=", "2019-05")]),
        ("what was said before 2019?", [("date", "<", "2019")]),
        ("prior to May 2018", [("date", "<", "May 2018")]),
        ("news since last month", [("date", ">=", "last month")]),
        ("papers from 2019 onwards", [("date", ">=", "2019")]),
        ("reports in 2018 or 2020", [("date", "is", "2018"), ("date", "is", "2020")]),
        ("between 2018 and 5 May 2020", [("date", ">=", "2018"), ("date", "<=", "5 May 2020")]),
        ("from 2018 to 2020", [("date", ">=", "2018"), ("date", "<=", "2020")]),
        ("in 2018-2020", [("date", ">=", "2018"), ("date", "<=", "2020")]),
        ("after 2015 and before 2019", [("date", ">", "2015"), ("date", "<", "2019")]),
        ("who won last year?", [("date", "is", "last year")]),
        ("what changed in the past 3 weeks", [("date", "is", "the past 3 weeks")]),
        ("no later than 2019", [("date", "<=", "2019")]),
        ("No  earlier than 2019?", [("date", ">=", "2019")]),
        ("on or after 2019-05-01", [("date", ">=", "2019-05-01")]),
        ("on or before May 5, 2019", [("date", "<=", "May 5, 2019")]),
        ("before or in 2019", [("date", "<=", "2019")]),
        ("reports 2019 or later", [("date", ">=", "2019")]),
        ("in 2019 or earlier versions", [("date", "<=", "2019")]),
        ("by 2019 at the latest", [("date", "<=", "2019")]),
        ("last month or earlier", [("date", "<=", "last month")]),
        ("year:2019 or later", [("year", ">=", "2019")]),
        ("from 2019 to the present", [("date", ">=", "2019")]),
        ("from 2019 until now", [("date", ">=", "2019")]),
        ("from 2018 to the end of 2020", []),
        ("mails from 2019 to Anna", []),
        ("sold in 2019 and later in 2020", []),
        ("What was approved in 2019 and later revoked?", []),
        ("what was approved in 2019 and later?", [("date", ">=", "2019")]),
        ("year:2019 and later revoked", [("year", "is", "2019")]),
        ("from 2019 until today", [("date", ">=", "2019"), ("date", "<=", "today")]),
        ("between 2019 and the war", []),
        ("between 2018-2020", [("date", ">=", "2018"), ("date", "<=", "2020")]),
        ("papers from 2019 on travel", [("date", ">=", "2019")]),
        ("papers in 2019 on travel", [("date", "is", "2019")]),
        ("last year or in 2019", [("date", "is", "last year"), ("date", "is", "2019")]),
        ("after 2018 but not after 2020", [("date", ">", "2018"), ("date", "<=", "2020")]),
        ("not in 2018 but in 2019", [("date", "is", "2019")]),
        ("since 2018, except in 2019", [("date", ">=", "2018")]),
        ("the last 3 months of 2019", [("date", "is", "the last 3 months of 2019")]),
        ("what is not allowed in kind:law", [("kind", "is", "law")]),
    ],
)
def test_a_question_demands(question: str, expected: list[tuple[str, str, str]]) -> None:
    assert found(question) == expected


@pytest.mark.parametrize(
    "question",
    [
        "what is the boiling point of water?",
        "battle of Trafalgar 1805",
        "what was not published in 2019?",
        "everything except in 2019",
        "it wasn't in 2019",
        "never before 2019",
        "not until 2019",
        "not between 2018 and 2020",
        "everything apart from 2019",
        "all but those from 2019",
        "what has not been updated since 2019",
        "other than the reports published before 2019",
        "not kind:policy",
        "until after 2019",
        "as of today",
        "on-or-before 2019",
        "since 2019 at the latest",
        "before 2010 or after 2019",
        "in 2018 or since 2020 or in 2022",
        "in 2018, 2019 or later",
        "from 2018 to 2020 or later",
        "in 2018-2020 and 2022",
        "before 2019 or 2020",
        "in 2019 or before the war",
        "in 2019 and after the war",
        "in 2019 or during the war",
        "from 2020 back to 2015",
        "on Windows Server 2019 or later",
        "COVID-2019 or later",
        "the last two years of the war",
        "in the last 3 months before the war",
        "since the end of last year",
        "by today",
        "compared to last year",
        "at least two years ago",
        "no more than 5, at most 5, not less than 5",
        "see https://kind:8080/x and http://year:1",
        "mankind:great",
        "a population of 2000 people",
        "",
        "🦊",
    ],
)
def test_a_question_demands_nothing(question: str) -> None:
    assert found(question) == []


def test_dates_are_about_a_field_that_the_index_has() -> None:
    assert found("before 2019", "updated") == []
    assert found("before 2019", "year") == [("year", "<", "2019")]


def test_dates_are_resolved_in_code() -> None:
    assert the_filter("in May 2019") == Range(
        "date", gte=datetime(2019, 5, 1, tzinfo=UTC), lt=datetime(2019, 6, 1, tzinfo=UTC)
    )
    assert the_filter("after May 2019") == Range("date", gte=datetime(2019, 6, 1, tzinfo=UTC))
    assert the_filter("until 2019") == Range("date", lt=datetime(2020, 1, 1, tzinfo=UTC))
    assert the_filter("news of last month") == Range(
        "date", gte=datetime(2024, 2, 1, tzinfo=UTC), lt=datetime(2024, 3, 1, tzinfo=UTC)
    )


def test_a_named_day_is_within_what_includes_it() -> None:
    first, last = datetime(2019, 5, 5, tzinfo=UTC), datetime(2019, 5, 6, tzinfo=UTC)
    assert the_filter("on or after May 5, 2019") == Range("date", gte=first)
    assert the_filter("on or before May 5, 2019") == Range("date", lt=last)
    assert the_filter("after May 5, 2019") == Range("date", gte=last)
    assert the_filter("before May 5, 2019") == Range("date", lt=first)


HOLDS = {
    "no later than": operator.le,
    "no earlier than": operator.ge,
    "not before": operator.ge,
    "not after": operator.le,
    "in or after": operator.ge,
    "in or before": operator.le,
    "prior to": operator.lt,
    "newer than": operator.gt,
    "up to": operator.le,
    "since": operator.ge,
    "in": operator.eq,
}


@given(st.sampled_from(sorted(HOLDS)), st.integers(1600, 2099), st.dates(date(1600, 1, 1)))
def test_a_day_is_in_a_filter_where_its_year_is(phrase: str, year: int, day: date) -> None:
    filter = the_filter(f"reports {phrase} {year}")
    assert filter is not None
    assert matches(filter, {"date": str(day)}) == HOLDS[phrase](day.year, year)


def test_a_field_of_years_gets_the_years_that_the_days_touch() -> None:
    assert the_filter("in 2019", "year") == Equals("year", 2019)
    assert the_filter("in the 1990s", "year") == Range("year", gte=1990, lte=1999)
    assert the_filter("before May 2019", "year") == Range("year", lte=2019)
    assert the_filter("before 1 January 2019", "year") == Range("year", lte=2018)
    assert the_filter("the last 6 months", "year") == Range("year", gte=2023, lte=2024)


def test_several_values_of_one_field_are_alternatives_and_bounds_hold_together() -> None:
    filter = the_filter("pages>10 pages<20 kind:a kind:b")
    assert isinstance(filter, And)
    lower, upper, kinds = filter.parts
    assert (lower, upper) == (Range("pages", gt=10), Range("pages", lt=20))
    assert isinstance(kinds, Or)
    assert matches(filter, {"pages": 15, "kind": "b"})
    assert not matches(filter, {"pages": 15, "kind": "c"})
    assert not matches(filter, {"pages": 25, "kind": "b"})


def test_texts_are_found_in_other_letters() -> None:
    filter = the_filter('kind:"data sheet"')
    assert filter == AnyOf("kind", ("data sheet", "DATA SHEET", "Data sheet", "Data Sheet"))


@pytest.mark.parametrize(
    "constraint",
    [
        Constraint("date", "is", "soon"),
        Constraint("pages", "<", "few"),
        Constraint("pages", "is", "1" * 40),
        Constraint("draft", "is", "perhaps"),
        Constraint("kind", "<", "policy"),
        Constraint("kind", "is", " "),
        Constraint("kind", "like", "policy"),
        Constraint("document_id", "is", "secret"),
    ],
)
def test_what_means_nothing_narrows_nothing_and_is_named(constraint: Constraint) -> None:
    assert filter_of([constraint], KINDS, TODAY) == (None, [constraint])


FILTERS = st.sampled_from(
    [
        None,
        Equals("kind", "policy"),
        Range("pages", gte=10),
        Or(()),
        And(()),
        AnyOf("year", (2019,)),
    ]
)
RECORDS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "kind": st.sampled_from(["policy", "law", "Law"]),
        "pages": st.integers(0, 30),
        "year": st.integers(2015, 2025),
        "date": st.dates(date(2015, 1, 1), date(2025, 1, 1)).map(str),
    },
)
PHRASES = st.lists(
    st.sampled_from(
        [
            *("kind:law", "pages>5", "year<=2020", "before 2019", "last year", "in 2018 or 2019"),
            *("2019 or later", "no later than 2019", "or", "not", "cats"),
        ]
    ),
    max_size=5,
).flatmap(lambda each: st.sampled_from([" ; ", " "]).map(lambda mark: mark.join(each)))


@given(FILTERS, PHRASES, RECORDS)
def test_a_narrowed_filter_lets_through_nothing_that_was_not(
    filter: Filter | None, question: str, record: dict[str, Any]
) -> None:
    more = the_filter(question)
    if more is not None:
        both = matches(filter, record) and matches(more, record)
        assert matches(narrowed(filter, more), record) == both


@given(st.text(max_size=200) | PHRASES)
def test_no_question_breaks_the_rules(question: str) -> None:
    for each in constraints_of(question, KINDS, "date"):
        assert each.field in KINDS


def test_a_text_too_long_for_a_question_demands_nothing() -> None:
    assert found("in 2019 " + "and more " * 300) == []
