"""Quotes that do not stand in a text letter by letter: found within a stated number of edits.

An edit is one character put in, left out or exchanged. White space, case, and typographic quotation
marks and dashes are no edits. Up to 10% of a quote's characters may differ.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from eval.judgments import Judgment
from retrieval.types import Span

TOLERANCE = 0.1
"""How many of a quote's characters may differ."""
WORD = re.compile(r"\S+")
PLAIN = str.maketrans("‘’‚“”„«»–—−\u00ad", '\'\'\'"""""----')


class Near(NamedTuple):
    """Where a quote stands but for some edits."""

    span: Span
    edits: int


def closest(judgment: Judgment, texts: Mapping[str, str]) -> list[Judgment]:
    """Return a judgment at the places with the fewest edits of its quote.

    Nothing is returned where none is within the tolerance. Several places are alternatives: one
    group, named by the quote where it has no name.
    """
    own = {id: text for id, text in texts.items() if judgment.document_id in ("", id)}
    found = [(each, id) for id, text in own.items() for each in near(judgment.quote, text)]
    edits = min((each.edits for each, _ in found), default=0)
    places = [(id, each.span) for each, id in found if each.edits == edits]
    alone = judgment.group is not None or len(places) == 1
    group = judgment.group if alone else judgment.quote
    return [replace(judgment, document_id=id, span=span, group=group) for id, span in places]


def near(quote: str, text: str) -> list[Near]:
    """Return the places in a text with the fewest edits of a quote, ascending, none overlapping.

    A quote of n characters with at most k edits holds one of its k + 1 parts unchanged, so that
    only the surroundings of such parts are compared.

    Source: Navarro 2001, ACM Computing Surveys 33(1), section 8.2 (partitioning into exact search).
    """
    wanted, _ = _plain(quote)
    plain, places = _plain(text)
    most = int(TOLERANCE * len(wanted))
    if not wanted or len(wanted) - most > len(plain):
        return []
    found = [
        each
        for start, end in _windows(wanted, plain, most)
        for each in _matches(wanted, (start, plain[start:end]), most)
    ]
    fewest = min((each.edits for each in found), default=0)
    kept: list[Near] = []
    for each in sorted(each for each in found if each.edits == fewest):
        if not kept or each.span.start >= kept[-1].span.end:
            kept.append(each)
        else:
            kept[-1] = max(kept[-1], each, key=lambda near: _fit(near.span, plain))
    return [
        Near(Span(int(places[each.span.start]), int(places[each.span.end - 1]) + 1), each.edits)
        for each in kept
    ]


def _fit(span: Span, plain: str) -> tuple[int, int]:
    """Return at how many ends a span of a text ends with a word, then its length."""
    before, after = plain[: span.start][-1:], plain[span.end :][:1]
    return (not before.isalnum()) + (not after.isalnum()), span.end - span.start


@lru_cache(maxsize=64)
def _plain(text: str) -> tuple[str, NDArray[np.int64]]:
    """Return a text as it is compared, and the place of each of its characters in the original."""
    even = text.translate(PLAIN)
    lower = even.lower()
    even = lower if len(lower) == len(even) else even
    words = [match.span() for match in WORD.finditer(even)]
    # The space behind a word has the place of the character behind it.
    places = [np.arange(start, end + 1) for start, end in words]
    joined = np.concatenate(places)[:-1] if places else np.empty(0, dtype=np.int64)
    return " ".join(even[start:end] for start, end in words), joined


def _windows(wanted: str, plain: str, most: int) -> list[tuple[int, int]]:
    """Return the parts of a text that may hold a quote, joined where they overlap."""
    bounds = [len(wanted) * part // (most + 1) for part in range(most + 2)]
    windows = []
    for start, end in pairwise(bounds):
        part = wanted[start:end]
        at = plain.find(part)
        while at >= 0:
            first = max(0, at - start - most)
            windows.append((first, min(len(plain), first + len(wanted) + 3 * most)))
            at = plain.find(part, at + 1)
    joined: list[tuple[int, int]] = []
    for first, last in sorted(windows):
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return joined


def _matches(wanted: str, window: tuple[int, str], most: int) -> list[Near]:
    """Return the places of a window with the fewest edits, if those are not too many."""
    offset, text = window
    edits = _edits(wanted, text, anywhere=True)
    fewest = int(edits.min())
    if fewest > most:
        return []
    found = []
    for end in map(int, np.flatnonzero(edits == fewest)):
        back = _edits(wanted[::-1], text[:end][::-1], anywhere=False)
        starts = (end - int(length) for length in np.flatnonzero(back == fewest))
        found += [Near(Span(offset + start, offset + end), fewest) for start in starts]
    return [each for each in found if each.span.end > each.span.start]


def _edits(wanted: str, text: str, anywhere: bool) -> NDArray[np.int64]:
    """Return the edits from a quote to what ends at each place of a text, from 0 on.

    What is compared begins `anywhere`, or at the beginning of the text.

    Source: Sellers 1980, Journal of Algorithms 1(4).
    """
    letters = np.array([ord(each) for each in text], dtype=np.int64)
    steps = np.arange(len(text) + 1)
    row = np.zeros(len(text) + 1, dtype=np.int64) if anywhere else steps.copy()
    for number, letter in enumerate(wanted, 1):
        below = np.empty_like(row)
        below[0] = number
        below[1:] = np.minimum(row[:-1] + (letters != ord(letter)), row[1:] + 1)
        row = np.minimum.accumulate(below - steps) + steps
    return row
