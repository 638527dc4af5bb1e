import re
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.errors import ConfigError
from retrieval.periods import (
    PERIOD,
    RELATIVE,
    Period,
    checked_day,
    moment,
    period_of,
    reference_day,
)

TODAY = date(2024, 3, 31)  # a Sunday, and a day that February does not have


@pytest.mark.parametrize(
    ("words", "start", "end"),
    [
        ("2019", "2019-01-01", "2020-01-01"),
        ("the 1990s", "1990-01-01", "2000-01-01"),
        ("2020-02", "2020-02-01", "2020-03-01"),
        ("2020-12-31", "2020-12-31", "2021-01-01"),
        ("May 2019", "2019-05-01", "2019-06-01"),
        ("Sept. 2019", "2019-09-01", "2019-10-01"),
        ("december of 2019", "2019-12-01", "2020-01-01"),
        ("5 May 2019", "2019-05-05", "2019-05-06"),
        ("5th of May 2019", "2019-05-05", "2019-05-06"),
        ("May 5th, 2019", "2019-05-05", "2019-05-06"),
        ("today", "2024-03-31", "2024-04-01"),
        ("Yesterday", "2024-03-30", "2024-03-31"),
        ("last month", "2024-02-01", "2024-03-01"),
        ("this month", "2024-03-01", "2024-04-01"),
        ("last week", "2024-03-18", "2024-03-25"),
        ("this week", "2024-03-25", "2024-04-01"),
        ("previous  year", "2023-01-01", "2024-01-01"),
        ("the past month", "2024-02-29", "2024-04-01"),
        ("the last 10 days", "2024-03-21", "2024-04-01"),
        ("past two years", "2022-03-31", "2024-04-01"),
        ("13 months ago", "2023-02-28", "2023-03-01"),
        ("one week ago", "2024-03-24", "2024-03-25"),
        ("the last 3 months of 2019", "2019-10-01", "2020-01-01"),
        ("the first two weeks of May 2019", "2019-05-01", "2019-05-15"),
        ("last month in 2019", "2019-12-01", "2020-01-01"),
        ("the last ten years of the 1990s", "1990-01-01", "2000-01-01"),
    ],
)
def test_words_mean_the_days_from_start_to_end(words: str, start: str, end: str) -> None:
    assert period_of(words, TODAY) == (date.fromisoformat(start), date.fromisoformat(end))


@pytest.mark.parametrize(
    "words",
    [
        *("", "soon", "2019-02-30", "31 June 2019", "1200", "2019x", "5"),
        *(
            "the last two years of the war",
            "the last 13 months of 2019",
            "first day of 31 June 2019",
        ),
        "the last months of 2019",
    ],
)
def test_words_that_are_no_date_mean_nothing(words: str) -> None:
    assert period_of(words, TODAY) is None


def test_the_month_before_january_is_of_the_year_before() -> None:
    assert period_of("last month", date(2024, 1, 5)) == (date(2023, 12, 1), date(2024, 1, 1))
    assert period_of("this month", date(2024, 12, 5)) == (date(2024, 12, 1), date(2025, 1, 1))


@pytest.mark.parametrize(
    "words", ["last 3 months of the war", "past year before it", "last year of"]
)
def test_what_is_seen_from_something_else_is_no_period_in_a_text(words: str) -> None:
    assert re.search(PERIOD, words) is None
    assert re.search(RELATIVE, words) is None


@given(
    st.dates(date(1900, 1, 1), date(2200, 12, 31)),
    st.integers(0, 999),
    st.sampled_from(["day", "week", "month", "year"]),
)
def test_no_number_of_units_leads_out_of_the_calendar(day: date, count: int, unit: str) -> None:
    period = period_of(f"the past {count} {unit}s", day)
    assert period is not None
    assert period.start <= day
    assert period.end == day + timedelta(days=1)
    for which in ("last", "this"):
        whole = period_of(f"{which} {unit}", day)
        assert unit == "day" or isinstance(whole, Period)


@pytest.mark.parametrize(
    ("value", "day"),
    [
        ("2019-05-03", "2019-05-03"),
        ("2019-05-03T23:00:00-02:00", "2019-05-04"),
        (2019, "2019-01-01"),
        ("2019", "2019-01-01"),
        ("2019-05", "2019-05-01"),
    ],
)
def test_metadata_is_a_moment(value: object, day: str) -> None:
    found = moment(value)
    assert found is not None
    assert found.date() == date.fromisoformat(day)


@pytest.mark.parametrize("value", [None, True, 7, "soon", 2019.0, "2019-13"])
def test_other_metadata_is_none(value: object) -> None:
    assert moment(value) is None


def test_the_reference_day_is_the_parameter_or_the_clocks() -> None:
    assert reference_day("2024-03-31") == TODAY
    assert reference_day("") >= date(2024, 3, 31)


@pytest.mark.parametrize("today", ["soon", "2024-02-30", "0001-01-01", "9999-12-31"])
def test_a_reference_day_that_is_none_is_a_config_error(today: str) -> None:
    with pytest.raises(ConfigError, match=r"rules\.today"):
        checked_day("rules.today", today)
