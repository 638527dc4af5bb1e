"""Classes of questions and judged places, by which losses are told apart."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from retrieval.questions import split_questions

NUMBER = re.compile(r"\d")
NAME = re.compile(r"(?<=[\w,;:)'\"] )[A-Z][\w-]+|\b[A-Z][A-Z\d-]+\b")
"""A word with a capital letter that begins no sentence, or one of capitals alone."""
LENGTHS = ((4, "1 to 4 words"), (9, "5 to 9 words"), (15, "10 to 15 words"))
OVERLAPS = ((0.25, "under 1/4"), (0.5, "1/4 to 1/2"), (0.75, "1/2 to 3/4"))
LONGEST, WHOLE, NOWHERE = "16 words or more", "3/4 and more", "no passage"
VALUES = [name for _, name in LENGTHS] + [LONGEST] + [name for _, name in OVERLAPS] + [WHOLE]
"""Values of classes that have an order; others are shown by the alphabet."""
MOST_VALUES = 12
"""A label with more values than this is no class."""


def classes_of(query: str) -> dict[str, str]:
    """Return the classes of a question that its text tells."""
    words = len(query.split())
    names = [each for each in NAME.findall(query) if each != "I"]
    return {
        "length": next((name for most, name in LENGTHS if words <= most), LONGEST),
        "questions": "several" if len(split_questions(query)) > 1 else "one",
        "numbers": "some" if NUMBER.search(query) else "none",
        "names": "some" if names else "none",
    }


def overlap_class(share: float) -> str:
    """Return the class of a place by the share of the question's words that its passage has."""
    return next((name for most, name in OVERLAPS if share < most), WHOLE)


def in_order(value: str) -> tuple[int, str]:
    """Return a key that puts the values of a class in order."""
    return (VALUES.index(value) if value in VALUES else len(VALUES)), value


def label_names(metas: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the labels of questions that are classes: 2 to 12 values, each a text or a truth."""
    found: dict[str, Counter[str]] = {}
    plain: dict[str, bool] = {}
    for meta in metas:
        for name, value in meta.items():
            found.setdefault(name, Counter())[str(value)] += 1
            plain[name] = plain.get(name, True) and isinstance(value, str | bool | int)
    return tuple(n for n, each in found.items() if plain[n] and 2 <= len(each) <= MOST_VALUES)
