"""A dataset as the doctor looks at it: what was read, and what was kept of a corpus on the way."""

import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from eval.corpus import Judged
from eval.damage import damage
from eval.judgments import Judgment
from eval.questions import EXAMPLES, Query, Questions
from ingestion.document import Document, Failure
from ingestion.load import Loaded
from retrieval.kit import Embedder

WORD = re.compile(r"\w+")
NUMBERED = re.compile(r"(.*?)(\d+)", re.DOTALL)
OFFSETS = (-2, -1, 1, 2)
"""How far neighbours are looked at."""
PAIRS = 2000
"""So many judgments, drawn at random, are held against their neighbours."""
COUNTED = 100_000
"""In so many first documents words are counted."""
MEASURED = 20_000
"""Of so many first documents the tokens are counted."""

Severity = Literal["wrong", "doubtful", "note"]


@dataclass(frozen=True)
class Symptom:
    """Something about a dataset: `wrong` figures come of it, `doubtful` ones, or it is a `note`."""

    severity: Severity
    what: str
    count: int
    examples: tuple[str, ...]
    remedy: str


def symptoms(severity: Severity, what: str, found: Iterable[str], remedy: str) -> Iterator[Symptom]:
    """Give a symptom with the first examples, or none where nothing was found."""
    listed = list(found)
    if listed:
        yield Symptom(severity, what, len(listed), tuple(listed[:EXAMPLES]), remedy)


def words(text: str) -> frozenset[str]:
    """Return the distinct words of a text, in lower case."""
    return frozenset(WORD.findall(text.lower()))


def by_number(id: str, offset: int) -> str | None:
    """Return the id whose number at the end is higher by an offset; None without a number."""
    found = NUMBERED.fullmatch(id)
    if found is None or int(found[2]) + offset < 0:
        return None
    return found[1] + str(int(found[2]) + offset).zfill(len(found[2]) if found[2][0] == "0" else 0)


class Body(NamedTuple):
    """A document that is looked at closely."""

    title: str
    text: str

    @property
    def whole(self) -> str:
        """Title and text."""
        return f"{self.title}\n{self.text}"


@dataclass
class Shelf:
    """What is kept of the documents of a corpus, one by one.

    `wanted` are those whose texts are kept, with their neighbours in the file. `copies` are later
    documents with the title and text of an earlier one.
    """

    wanted: frozenset[str] = frozenset()
    embedder: Embedder | None = None
    rows: dict[str, int] = field(default_factory=dict)
    bodies: dict[str, Body] = field(default_factory=dict)
    copies: list[tuple[str, str]] = field(default_factory=list)
    damaged: dict[str, list[str]] = field(default_factory=dict)
    long: list[str] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    frequency: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        """Start with an empty shelf."""
        self._first: dict[bytes, str] = {}
        self._last: deque[tuple[str, Body]] = deque(maxlen=2 * max(OFFSETS) + 1)

    @cached_property
    def ids(self) -> list[str]:
        """The ids in the order of the file."""
        return list(self.rows)

    def seen(self, items: Iterable[Loaded]) -> Iterator[Loaded]:
        """Give the same items, and keep what a doctor needs of them."""
        for each in items:
            if isinstance(each.item, Failure):
                self.failures.append(each.item)
            elif each.item.id not in self.rows:
                self._keep(each.item)
            yield each

    def _keep(self, document: Document) -> None:
        body = Body(document.title, document.text)
        self.rows[document.id] = len(self.rows)
        even = "\x1f".join(" ".join(part.split()) for part in body).encode("utf-8", "replace")
        first = self._first.setdefault(blake2b(even, digest_size=8).digest(), document.id)
        if first != document.id:
            self.copies.append((document.id, first))
        for kind, example in damage(body.whole).items():
            self.damaged.setdefault(kind, []).append(f"{document.id} {example!r}")
        if len(self.rows) <= COUNTED:
            self.frequency.update(words(body.whole))
        if len(self.rows) <= MEASURED and self._is_long(body):
            self.long.append(document.id)
        self._keep_near(document.id, body)

    def _keep_near(self, id: str, body: Body) -> None:
        """Keep a wanted document with its neighbours, before and behind it."""
        self._last.append((id, body))
        reach = max(OFFSETS)
        near_end = [each for each, _ in list(self._last)[-1 - reach :]]
        if any(each in self.wanted for each in near_end):
            self.bodies[id] = body
        if id in self.wanted:
            self.bodies.update(list(self._last)[-1 - reach :])

    def _is_long(self, body: Body) -> bool:
        limit = self.embedder.limit if self.embedder else 0
        if not self.embedder or len(body.whole) <= limit:
            return False
        return self.embedder.token_counts([body.whole])[0] > limit


@dataclass(frozen=True)
class Case:
    """A dataset as it was read, its corpus, and its judgments as they hold in it.

    `asked` are the queries of the split, `kept` is None where the dataset cannot be measured, for
    the reason in `refusal`. `splits` has the queries of each split by name.
    """

    folder: Path
    read: Questions
    shelf: Shelf
    kept: Judged | None
    refusal: str = ""
    splits: dict[str, frozenset[str]] = field(default_factory=dict)

    @cached_property
    def queries(self) -> dict[str, Query]:
        """Every query by its id."""
        return {each.id: each for each in self.read.queries}

    @cached_property
    def asked(self) -> list[Query]:
        """The queries of this split: those that are judged, and those without an answer."""
        judged = {each.query_id for each in self.read.judgments}
        return [each for each in self.read.queries if each.id in judged or not each.answerable]

    @cached_property
    def positives(self) -> list[Judgment]:
        """The judgments above grade 0 whose query is there."""
        return [e for e in self.read.judgments if e.grade > 0 and e.query_id in self.queries]


def sampled(read: Questions) -> list[Judgment]:
    """Return judgments above grade 0 whose neighbours are looked at: all, or drawn at random."""
    positives = [each for each in read.judgments if each.grade > 0 and each.document_id]
    if len(positives) <= PAIRS:
        return positives
    drawn = np.random.default_rng(0).choice(len(positives), PAIRS, replace=False)
    return [positives[i] for i in sorted(drawn)]


def wanted(read: Questions) -> frozenset[str]:
    """Return the documents whose texts the doctor needs: judged ones, neighbours, namesakes."""
    judged = {each.document_id for each in sampled(read)}
    near = {by_number(id, offset) for id in judged for offset in OFFSETS}
    namesakes = {each.id for each in read.queries}
    return frozenset(judged | {each for each in near if each} | namesakes)


def weights(case: Case) -> Mapping[str, float]:
    """Return the inverse document frequency of the words of the corpus."""
    total = min(len(case.shelf.rows), COUNTED)
    return {
        word: float(np.log((1 + total) / count)) for word, count in case.shelf.frequency.items()
    }
