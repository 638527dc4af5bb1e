"""What a question demands of the metadata: conditions in its own words, and the filter they are.

A condition names a field, an operator and words of the question; what the words mean (a number, a
date, a span of days) is worked out here, in code.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from retrieval.dated import dates_of, is_negated, with_tail
from retrieval.filters import MAX_INTEGER, And, AnyOf, Equals, Filter, Or, Range
from retrieval.manifest import FieldType
from retrieval.periods import midnight, period_of
from retrieval.questions import LONGEST

OPERATORS = ("is", "<", "<=", ">", ">=")
"""Of a period: before its first day, until its last, after its last, since its first."""
BOUNDS = {"<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}
FLAGS = {"true": True, "yes": True, "false": False, "no": False}
MOST = 8
"""Conditions of one question; more are not read."""


class Constraint(NamedTuple):
    """One condition: words of a question about a field."""

    field: str
    operator: str
    words: str

    def __str__(self) -> str:
        """Show it as a note does."""
        return f"{self.field} {self.operator} {self.words!r}"


def constraints_of(
    question: str, kinds: Mapping[str, FieldType], date_field: str
) -> list[Constraint]:
    """Return what a question demands outright: `field:value`, and dates after a preposition.

    `kind:policy`, `kind="data sheet"`, `year>=2019`; before, until, after, since, in 2019; between
    May 2018 and 2020; no later than 2019; 2019 or later; last month. A year by itself is no demand,
    nor is what stands behind a negation, or is not understood: `in 2019 or before the war`.
    Dates are about `date_field`, where the index has it. A text too long for a question has none.
    """
    if len(question) > LONGEST:
        return []
    found, rest = _named(question, kinds)
    if date_field in kinds:
        found += [Constraint(date_field, how, words) for how, words in dates_of(rest)]
    return list(dict.fromkeys(found))[:MOST]


def filter_of(
    constraints: Sequence[Constraint], kinds: Mapping[str, FieldType], today: date
) -> tuple[Filter | None, list[Constraint]]:
    """Return the filter that conditions make together, and those that mean nothing.

    Several values that one field `is` are alternatives; all else has to hold at once.
    """
    parts: list[Filter] = []
    values: dict[str, list[Filter]] = {}
    senseless = []
    for each in constraints:
        kind = kinds.get(each.field)
        found = None if kind is None else _condition(each, kind, today)
        if found is None:
            senseless.append(each)
        elif each.operator == "is":
            values.setdefault(each.field, []).append(found)
        else:
            parts.append(found)
    parts += [each[0] if len(each) == 1 else Or(tuple(each)) for each in values.values()]
    if not parts:
        return None, senseless
    return parts[0] if len(parts) == 1 else And(tuple(parts)), senseless


def narrowed(filter: Filter | None, more: Filter) -> Filter:
    """Return a filter that holds only where both do."""
    return more if filter is None else And((filter, more))


def _named(question: str, kinds: Mapping[str, FieldType]) -> tuple[list[Constraint], str]:
    """Return the conditions that name their field, and the question without them."""
    if not kinds:
        return [], question
    names = {name.lower(): name for name in sorted(kinds)}
    by_length = sorted(names, key=lambda name: (-len(name), name))
    pattern = re.compile(
        rf"(?<![\w.:/-])({'|'.join(map(re.escape, by_length))})"
        r"(?::|(?=[<>=]))(>=|<=|=|>|<)?(?!/)(\"[^\"]+\"|[^\s\"<>=,;?!]+)",
        re.I,
    )
    found = []
    for match in pattern.finditer(question):
        name, sign, value = match.groups()
        if is_negated(question[: match.start()]):
            continue
        operator = sign if sign and sign != "=" else "is"
        if value[0].isdigit():
            operator = with_tail(operator, f"{question[match.end() :]} ;")
        words = value.strip('"').rstrip(".:)")
        if words and operator:
            found.append(Constraint(names[name.lower()], operator, words))
    return found, pattern.sub(" ; ", question)


def _condition(constraint: Constraint, kind: FieldType, today: date) -> Filter | None:
    field, operator, words = constraint
    if operator not in OPERATORS:
        return None
    if kind in ("int", "float"):
        return _number(constraint) or _days(constraint, kind, today)
    if kind == "date":
        return _days(constraint, kind, today)
    if operator != "is" or not words.strip():
        return None
    if kind == "bool":
        flag = FLAGS.get(words.strip().lower())
        return None if flag is None else Equals(field, flag)
    # Texts are compared exactly, and a question rarely has the letters as they are stored.
    text = words.strip()
    forms = dict.fromkeys((text, text.lower(), text.upper(), text.capitalize(), text.title()))
    return AnyOf(field, tuple(forms))


def _number(constraint: Constraint) -> Filter | None:
    field, operator, words = constraint
    if not re.fullmatch(r"[+-]?\d{1,18}(?:\.\d{1,9})?", words.strip()):
        return None
    number = float(words) if "." in words else int(words)
    if abs(number) > MAX_INTEGER:
        return None
    if operator == "is":
        return Equals(field, number)
    return Range(field, **{BOUNDS[operator]: number})


def _days(constraint: Constraint, kind: FieldType, today: date) -> Filter | None:
    """A range of days, or of the years that these days touch, for a field of numbers."""
    field, operator, words = constraint
    period = period_of(words, today)
    if period is None:
        return None
    starts = {"is": period.start, ">=": period.start, ">": period.end}
    ends = {"is": period.end, "<": period.start, "<=": period.end}
    start, end = starts.get(operator), ends.get(operator)
    if kind == "date":
        return Range(
            field,
            gte=None if start is None else midnight(start),
            lt=None if end is None else midnight(end),
        )
    return Range(
        field,
        gte=None if start is None else start.year,
        lte=None if end is None else (end - timedelta(days=1)).year,
    )
