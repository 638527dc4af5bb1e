"""What a question demands of the metadata: conditions in its own words, and the filter they are.

A condition names a field, an operator and words of the question; what the words mean (a number, a
date, a span of days) is worked out here, in code.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from retrieval.filters import MAX_INTEGER, And, AnyOf, Equals, Filter, Or, Range
from retrieval.manifest import FieldType
from retrieval.periods import PERIOD, RELATIVE, midnight, period_of
from retrieval.questions import LONGEST

OPERATORS = ("is", "<", "<=", ">", ">=")
"""Of a period: before its first day, until its last, after its last, since its first."""
WORDS = {
    "before": "<",
    "prior to": "<",
    "earlier than": "<",
    "until": "<=",
    "till": "<=",
    "up to": "<=",
    "through": "<=",
    "after": ">",
    "later than": ">",
    "since": ">=",
    **dict.fromkeys(("in", "from", "during", "on"), "is"),
}
BOUNDS = {"<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}
FLAGS = {"true": True, "yes": True, "false": False, "no": False}
MOST = 8
"""Conditions of one question; more are not read."""

_HOW = "|".join(word.replace(" ", r"\s+") for word in WORDS)
_NEGATED = re.compile(
    r"(?:\b(?:not|never|except|excluding|without|than)|n['’]t)\s+(?:\w+\s+)?$", re.I
)
_BETWEEN = re.compile(
    rf"\b(?:between\s+(?P<first>{PERIOD})\s+and"
    rf"|(?:from|in|during)\s+(?P<start>{PERIOD})\s*(?:to|until|till|through|up\s+to|-|–))\s*(?P<last>{PERIOD})",
    re.I,
)
_DATED = re.compile(
    rf"\b(?P<how>{_HOW})\s+(?P<when>{PERIOD})(?P<on>\s+on(?:wards?)?\b)?"
    rf"(?P<more>(?:\s*(?:,|/|\bor\b|\band\b)+\s*{PERIOD})*)",
    re.I,
)
_RELATIVE = re.compile(rf"\b{RELATIVE}", re.I)
_PERIOD = re.compile(PERIOD, re.I)


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
    May 2018 and 2020; last month. A year by itself is no demand, nor is one behind a negation.
    Dates are about `date_field`, where the index has it. A text too long for a question has none.
    """
    if len(question) > LONGEST:
        return []
    found, rest = _named(question, kinds)
    if date_field in kinds:
        found += [Constraint(date_field, how, words) for how, words in _dates(rest)]
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
    for name, sign, value in pattern.findall(question):
        operator = sign if sign and sign != "=" else "is"
        words = value.strip('"').rstrip(".:)")
        if words:
            found.append(Constraint(names[name.lower()], operator, words))
    return found, pattern.sub(" ; ", question)


def _dates(text: str) -> Iterator[tuple[str, str]]:
    """Yield operators and the words of a period; what is found is taken out before the next."""
    for found in _BETWEEN.finditer(text):
        yield ">=", found["first"] or found["start"]
        yield "<=", found["last"]
    text = _BETWEEN.sub(" ; ", text)
    for found in _DATED.finditer(text):
        how = WORDS[" ".join(found["how"].lower().split())]
        if _NEGATED.search(text[: found.start()]):
            continue
        yield ">=" if found["on"] and how == "is" else how, found["when"]
        if how == "is":
            yield from (("is", more.group()) for more in _PERIOD.finditer(found["more"]))
    text = _DATED.sub(" ; ", text)
    for found in _RELATIVE.finditer(text):
        if not _NEGATED.search(text[: found.start()]):
            yield "is", found.group()


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
