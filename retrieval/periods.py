"""Dates as people write them: a stretch of words to the days that it means, seen from a day.

English: `2019`, `the 1990s`, `2019-05`, `May 2019`, `5 May 2019`, `May 5, 2019`, `today`,
`yesterday`, `last month`, `this year`, `the past 3 weeks`, `two years ago`, `the last 3 months of
2019`. `The last two years of` something else is no date. Weeks begin on Monday.
A year lies between 1600 and 2099: other numbers of four digits rarely are one.
"""

import re
from calendar import monthrange
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

from retrieval.errors import ConfigError
from retrieval.filters import instant

FIRST_YEAR, LAST_YEAR = 1900, 2200
"""Between which years the reference day lies, so that no phrase leads out of the calendar."""
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
DAY = timedelta(days=1)

_YEAR = r"((?:1[6-9]|20)\d\d)"
_MONTH = (
    r"(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sep(?:t(?:ember)?)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DAY = r"(\d{1,2})(?:st|nd|rd|th)?"
_NUMBER = rf"(\d{{1,3}}|{'|'.join(NUMBERS)})"
_UNIT = r"(day|week|month|year)"
_OWN = r"(?! (?:of|before|prior)\b)"  # `the last 3 months of the war` are not seen from today


class Period(NamedTuple):
    """The days [start, end)."""

    start: date
    end: date


def checked_day(name: str, today: str) -> None:
    """Check a parameter that is an ISO date or empty. Raises: ConfigError."""
    try:
        day = date.fromisoformat(today) if today else date(2000, 1, 1)
    except ValueError as error:
        raise ConfigError(f"{name}: a date as 2024-01-31 is needed, got {today!r}.") from error
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ConfigError(f"{name}: between {FIRST_YEAR} and {LAST_YEAR}, got {today!r}.")


def reference_day(today: str) -> date:
    """Return the day that a parameter names, or else the clock's day in UTC."""
    return date.fromisoformat(today) if today else datetime.now(UTC).date()


def midnight(day: date) -> datetime:
    """Return the instant at which a day begins in UTC."""
    return datetime.combine(day, time(), UTC)


def moment(value: Any) -> datetime | None:
    """Return the instant of a metadata value, or None if it is no date.

    ISO 8601, or a year or a month, which stand for their first day.
    """
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = str(value).strip()
    found = instant(text)
    if found is None and re.fullmatch(rf"{_YEAR}(?:-\d\d)?", text):
        period = period_of(text, date(2000, 1, 1))
        return None if period is None else midnight(period.start)
    return found


def period_of(words: str, today: date) -> Period | None:
    """Return the days that words mean as a whole, or None where they are no date."""
    text = re.sub(r"^the\s+", "", " ".join(words.lower().split()))
    for pattern, meaning in _PHRASES:
        if found := re.fullmatch(pattern, text):
            try:
                return meaning(today, *found.groups())
            except ValueError:  # a 31st of February
                return None
    return None


def _ymd(_: date, year: str, month: str, day: str) -> Period:
    start = date(int(year), int(month), int(day))
    return Period(start, start + DAY)


def _ym(_: date, year: str, month: str) -> Period:
    return _of("month", date(int(year), int(month), 1))


def _month(name: str) -> str:
    return str(MONTHS.index(name[:3]) + 1)


def _calendar(today: date, which: str, unit: str) -> Period:
    this = _of(unit, today)
    return this if which in ("this", "current") else _of(unit, this.start - DAY)


def _of(unit: str, day: date) -> Period:
    """The calendar's week, month or year that a day is in."""
    if unit == "week":
        monday = day - timedelta(days=day.weekday())
        return Period(monday, monday + timedelta(days=7))
    if unit == "month":
        return Period(day.replace(day=1), _back(day.replace(day=1), -1, "month"))
    return Period(date(day.year, 1, 1), date(day.year + 1, 1, 1))


def _past(today: date, number: str, unit: str) -> Period:
    return Period(_back(today, _count(number), unit), today + DAY)


def _part(_: date, which: str, length: str, whole: str) -> Period:
    """The first or the last units of a period. Raises: ValueError (it has not so many)."""
    *number, unit = length.split()
    count, unit = _count(number[0]) if number else 1, unit.removesuffix("s")
    found = period_of(whole, date(2000, 1, 1))
    if found is None:  # a 31st of February
        raise ValueError(whole)
    start, end = found
    part = Period(start, _back(start, -count, unit))
    if which == "last":
        part = Period(_back(end, count, unit), end)
    if part.start < start or part.end > end:
        raise ValueError(whole)
    return part


def _ago(today: date, number: str, unit: str) -> Period:
    day = _back(today, _count(number), unit)
    return Period(day, day + DAY)


def _count(number: str) -> int:
    return int(number) if number.isdigit() else NUMBERS.index(number) + 1


def _back(day: date, count: int, unit: str) -> date:
    """The day so many units before; the last of a month stands in for one that it lacks."""
    if unit in ("day", "week"):
        return day - timedelta(days=count * (7 if unit == "week" else 1))
    months = day.year * 12 + day.month - 1 - count * (12 if unit == "year" else 1)
    year, month = months // 12, months % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


_RELATIVE: list[tuple[str, Callable[..., Period]]] = [
    (r"today", lambda today: Period(today, today + DAY)),
    (r"yesterday", lambda today: Period(today - DAY, today)),
    (rf"(last|previous|this|current) (week|month|year){_OWN}", _calendar),
    (rf"(?:last|past|previous) {_NUMBER} {_UNIT}s?{_OWN}", _past),
    (rf"past {_UNIT}{_OWN}", lambda today, unit: _past(today, "1", unit)),
    (rf"{_NUMBER} {_UNIT}s? ago", _ago),
]
_DATES: list[tuple[str, Callable[..., Period]]] = [
    (rf"{_YEAR}-(\d\d)-(\d\d)", _ymd),
    (rf"{_YEAR}-(\d\d)", _ym),
    (rf"{_DAY} (?:of )?{_MONTH},? {_YEAR}", lambda t, d, m, y: _ymd(t, y, _month(m), d)),
    (rf"{_MONTH} {_DAY},? {_YEAR}", lambda t, m, d, y: _ymd(t, y, _month(m), d)),
    (rf"{_MONTH},? (?:of )?{_YEAR}", lambda t, m, y: _ym(t, y, _month(m))),
    (
        r"((?:1[6-9]|20)\d)0s",
        lambda _, y: Period(date(int(y) * 10, 1, 1), date(int(y) * 10 + 10, 1, 1)),
    ),
    (_YEAR, lambda _, year: _of("year", date(int(year), 1, 1))),
]


def _ungrouped(pattern: str) -> str:
    return re.sub(r"\((?!\?)", "(?:", pattern)


def _alternatives(phrases: list[tuple[str, Callable[..., Period]]]) -> str:
    """One expression without groups, white space of any kind and number between the words."""
    parts = "|".join(_ungrouped(pattern) for pattern, _ in phrases)
    return rf"(?:the\s+)?(?:{parts})(?!\w|-\d\d(?!\d))".replace(" ", r"\s+")


_LENGTH = _ungrouped(rf"{_NUMBER} {_UNIT}s?|{_UNIT}")
_PARTS: list[tuple[str, Callable[..., Period]]] = [
    (rf"(last|first) ({_LENGTH}) (?:of|in) ({_alternatives(_DATES)})", _part),
]
_PHRASES = _PARTS + _DATES + _RELATIVE
PERIOD = _alternatives(_PHRASES)
"""A regular expression (for small and capital letters alike) of everything that is a period."""
RELATIVE = _alternatives(_PARTS + _RELATIVE)
"""Those that are seen from today, or from an end of another."""
