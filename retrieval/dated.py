"""Dates that a question demands: English words before and behind a period, and their operators.

`since 2019`, `2019 or later`, `from 2018 to 2020`. Words that are not understood demand nothing:
a filter that is missing finds more, one that is wrong hides what was asked for. What days a period
means is not known here.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from retrieval.periods import PERIOD, RELATIVE

_AT = ("in", "on", "during")
_EARLIER = ("before", "prior to", "earlier than")
_LATER = ("after", "later than")
BEFORE_A_DATE = {
    "is": (*_AT, "from"),
    "<": (*_EARLIER, "older than"),
    "<=": (
        *("until", "till", "through", "up to", "up to and including", "at the latest by"),
        *("no later than", "not later than", "no newer than", "not newer than", "not after"),
        *(f"{at} {joint} {word}" for at in _AT for joint in ("or", "and") for word in _EARLIER),
        *(f"before {joint} {at}" for at in _AT for joint in ("or", "and")),
        *(f"at the latest {at}" for at in _AT),
    ),
    ">": (*_LATER, "newer than", "more recent than"),
    ">=": (
        *("since", "as from", "starting", "starting from", "beginning from"),
        *("no earlier than", "not earlier than", "no older than", "not older than", "not before"),
        *(f"{at} {joint} {word}" for at in _AT for joint in ("or", "and") for word in _LATER),
        *(f"after {joint} {at}" for at in _AT for joint in ("or", "and")),
        *(f"{word} {at}" for at in _AT for word in ("starting", "beginning", "at the earliest")),
    ),
    "between": ("between",),
}
AFTER_A_DATE = {
    "<=": (
        *(f"{joint} {word}" for joint in ("or", "and") for word in ("before", "earlier", "older")),
        "at the latest",
    ),
    ">=": (
        *(f"{joint} {word}" for joint in ("or", "and") for word in ("after", "later", "newer")),
        *(f"{joint}{word}" for joint in ("", "or ", "and ") for word in ("onward", "onwards")),
        *(f"{to} {now}" for to in ("to", "until", "till") for now in ("now", "date", "present")),
        *(f"{to} the present" for to in ("to", "until", "till")),
        "at the earliest",
    ),
}
"""Of a date without a word before it, or one that `is`, or has the same operator."""
NEGATIONS = (
    *("not", "no", "nor", "never", "neither", "none", "nothing", "nobody", "cannot", "unless"),
    *("except", "excluding", "exclude", "excludes", "ignore", "ignoring", "omit", "omitting"),
    *("apart", "aside", "outside", "instead of", "other than", "rather than"),
    *("all but", "anything but", "everything but"),
)
"""What they mean of a date later in their clause is anyone's guess: it is no demand."""


def _either(words: Iterable[str]) -> str:
    """One expression for any of these words, the longest first."""
    longest = sorted(words, key=lambda word: (-len(word), word))
    return rf"(?:{'|'.join(longest)})".replace(" ", r"\s+")


_HOWS = {word: how for how, words in BEFORE_A_DATE.items() for word in words}
_TAILS = {word: how for how, words in AFTER_A_DATE.items() for word in words}
_BOUND = _either(word for word, how in _HOWS.items() if how != "is")
_TO = r"\s*(?:(?:to|until|till|through|through\s+to|up\s+to)\b|-|–)\s*"
_AND = rf"(?:\s+and\s+|{_TO})"
_BEHIND = r"(?:\s*,\s*|\s+)"
_MORE = r"(?!\s*$)"  # the text behind a date ends where another date begins

_PERIOD = re.compile(rf"(?<!\w)({PERIOD})", re.I)
_RELATIVE = re.compile(RELATIVE, re.I)
_HOW = re.compile(rf"(?<![\w/–-])({_either(_HOWS)})\s+$", re.I)
# `2019 or before` is a whole, `2019 or before the war` is not.
_TAIL = re.compile(
    rf"{_BEHIND}({_either(_TAILS)})\b{_MORE}"
    r"(?!(?:(?<=before)|(?<=after))\s+(?:\d|(?:the|an?|its|his|her|their|our|my|that|this)\b))",
    re.I,
)
_RANGES = {
    **dict.fromkeys(("from", "in", "during"), re.compile(_TO, re.I)),
    "between": re.compile(_AND, re.I),
}
# The other end of `from 2019 to the merger` or `between 2019 and the war` is no date.
_ENDLESS = {
    "from": re.compile(rf"{_TO}{_MORE}", re.I),
    "between": re.compile(rf"{_AND}{_MORE}", re.I),
}
_ON = re.compile(rf"\s+on\b{_MORE}", re.I)
# `2019 and later` ends a clause; `2019 and later revoked` goes on.
_END = re.compile(r"\s*(?:[.,;:!?)]|$)")
_JOINT = re.compile(r"(?:\s*(?:,|/|\b(?:or|and|later|earlier|then)\b))+\s*", re.I)
_OR_ELSE = re.compile(
    rf"{_BEHIND}(?:or\s+{_either(_HOWS)}|(?:or|and)\s+(?:before|after|earlier|later)"
    rf"|back(?:wards?)?|down)\b{_MORE}",
    re.I,
)
_CLAUSE = re.compile(r"[.;:!?]|(?<!\ball )(?<!thing )\bbut\b", re.I)
_NEGATED = re.compile(rf"\b{_either(NEGATIONS)}\b|n['’]t\b", re.I)
_UNCLEAR = re.compile(
    r"\b(?:(?:than|without)\s+(?:\w+\s+)?|(?:since|until|till|as\s+of|(?:in|on|during)\s+or)\s+)$",
    re.I,
)
# `about two years ago` is not that day, `since the end of last year` not that year.
_ABOUT = re.compile(
    r"\b(?:about|around|almost|nearly|roughly|some|over|under|or|at\s+least|at\s+most)\s+$", re.I
)
_ELSEWHEN = re.compile(
    rf"\b(?:by|to|versus|vs\.?|compared\s+with|(?:by|{_BOUND})\s+(?:the\s+)?"
    r"(?:(?:beginning|start|middle|end)\s+of|early|mid|late|about|around))\s+$",
    re.I,
)
# `Windows Server 2019 or later` is a version.
_NAMED = re.compile(r"(?:\b[A-Z]\w*\s+|[-–/.])$")
_NOT_THIS = re.compile(
    rf"(?:\b(?:without|{_either(NEGATIONS)})|n['’]t)\s+(?:(?:in|of|with|from|for)\s+)?$", re.I
)


class _Mention(NamedTuple):
    """A period in a question.

    The operator is '' where it is not understood, 'bare' where there is none, 'between' before
    the other end is read. `how` is the word before, `joint` what lies between that and the last.
    """

    operator: str
    words: str
    how: str
    joint: str


def dates_of(text: str) -> Iterator[tuple[str, str]]:
    """Yield operators and the words of a period; of what is not understood, nothing."""
    chains: list[list[_Mention]] = []
    pieces = _PERIOD.split(f"{text} ;")  # the mark: only what is before a date ends with a space
    for place in range(1, len(pieces), 2):
        mention = _mention(pieces[:place], *pieces[place : place + 2])
        last = chains[-1][-1] if chains else _Mention("", "", "", "")
        if last.how in _RANGES and _RANGES[last.how].fullmatch(pieces[place - 1]):
            # Something behind the end, as in `from 2018 to 2020 or later`, is not understood.
            closed = not _tail(pieces[place + 1]) and not _OR_ELSE.match(pieces[place + 1])
            chains[-1][-1] = last._replace(operator=last.operator and ">=")
            chains[-1].append(mention._replace(operator="<=" if closed else "", how=""))
        elif chains and _JOINT.fullmatch(mention.joint):
            if mention.operator == "bare":
                mention = mention._replace(operator="is" if last.operator == "is" else "")
            chains[-1].append(mention)
        else:
            chains.append([mention])
    for chain in filter(_understood, chains):
        yield from ((each.operator, each.words) for each in chain)


def with_tail(operator: str, behind: str) -> str:
    """Return the operator that a date has with what stands behind it, as in `2019 or later`.

    Its own where nothing does; '' where the two do not agree.
    """
    tail = _tail(behind)
    if not tail:
        return operator
    found = _TAILS[" ".join(tail[1].lower().split())]
    return found if operator in ("bare", "is", found) else ""


def _tail(behind: str) -> re.Match[str] | None:
    found = _TAIL.match(behind)
    goes_on = found and found[1].lower().startswith("and") and not _END.match(behind, found.end())
    return None if goes_on else found


def is_negated(before: str) -> bool:
    """Return whether a text ends in a negation of what follows: `not`, `except in`."""
    return _NOT_THIS.search(before) is not None


def _understood(chain: Sequence[_Mention]) -> bool:
    """Whether periods that are joined are a list of values, or bounds that hold together."""
    operators = {each.operator for each in chain}
    if operators & {"", "bare", "between"}:
        return False
    either = any(re.search(r"\bor\b", each.joint, re.I) for each in chain[1:])
    return operators == {"is"} or ("is" not in operators and not either)


def _mention(pieces: Sequence[str], words: str, behind: str) -> _Mention:
    found = _HOW.search(pieces[-1])
    joint = pieces[-1][: found.start()] if found else pieces[-1]
    how = " ".join(found[1].lower().split()) if found else ""
    before = "".join(pieces[:-1]) + joint
    if _NEGATED.search(_CLAUSE.split(before)[-1]) or _UNCLEAR.search(before):
        operator = ""
    elif _tail(behind):
        version = not how and _NAMED.search(before)
        operator = "" if version else with_tail(_HOWS.get(how, "bare"), behind)
    elif _OR_ELSE.match(behind) or (how in _ENDLESS and _ENDLESS[how].match(behind)):
        operator = ""
    elif how == "from" and _ON.match(behind):
        operator = ">="
    else:
        operator = _HOWS[how] if how else _alone(before, words)
    return _Mention(operator, words, how, joint)


def _alone(before: str, words: str) -> str:
    """Return the operator of a period that has no word before it."""
    if not _RELATIVE.fullmatch(words):
        return "bare"
    vague = _ELSEWHEN.search(before) or (words.lower().endswith("ago") and _ABOUT.search(before))
    return "" if vague else "is"
