"""A gate: costly stages run only for the questions that need them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import ClassVar, Literal

from retrieval.errors import ConfigError
from retrieval.inside import Inside, check_held, check_held_after, take_columns
from retrieval.kit import Kit
from retrieval.pipeline import Stage
from retrieval.questions import ASKING, MARKS, VERBS, split_questions
from retrieval.stages.fuse import min_max
from retrieval.types import Hit, Search

QueryClass = Literal["keywords", "question", "several"]
LEVELS = ("support", "similarity", "agreement", "margin")
"""Signals that count where they are below a threshold, from 0 to 1."""
FEWEST_WORDS = 3
OPENINGS = frozenset(f"{ASKING}|{VERBS}".split("|"))


@dataclass(frozen=True, slots=True)
class Signals:
    """What the first pass says about a question, at no cost.

    `margin`: how far the first hit is before the second, as a share of the distance from the first
    to the last of the first hits; in [0, 1], 1 for a hit alone, 0 without hits. `agreement`: the
    share that two legs have in common of their first hits, the mean over pairs of legs; `support`:
    the first hit's min-max score in the ranking of a leg, the mean over legs; both in [0, 1], None
    where one leg or none searched. `similarity`: the best score of the dense leg, None without one.
    `words` and `questions` are counts.
    """

    margin: float
    agreement: float | None
    support: float | None
    similarity: float | None
    words: int
    questions: int
    query_class: QueryClass


@dataclass(frozen=True)
class Gate:
    """What the stages `then` make of the search, where its first pass was doubtful.

    They run if any of these holds: the legs support the first hit to less than `support`; the best
    similarity of the dense leg is below `similarity`; the legs agree to less than `agreement` on
    their `first` hits; the margin between the first two hits is below `margin`; the question has
    more than `words` words; it holds at least `questions` questions; it is of a class in `always`.
    A class in `never` goes before all of that. 0 means that a signal does not count, and so does
    one that is not there (a support of a single leg). `assay gate train` fits them.

    Classes: `several` (questions), `question` (a question mark or a word that asks), `keywords`.
    The decision and the signals are in the notes. Without conditions they never run.

    Ours: the signals are those of query performance prediction: the spread of the first scores
    (Shtok et al. 2012, ACM TOIS 30(2)), the agreement of several retrievals (Aslam and Pavlu 2007,
    ECIR); margin and support are scaled so that a threshold holds for every fusion.
    """

    then: tuple[Stage, ...] = ()
    support: float = 0.9
    similarity: float = 0.0
    agreement: float = 0.0
    margin: float = 0.0
    first: int = 10
    words: int = 0
    questions: int = 2
    always: tuple[QueryClass, ...] = ()
    never: tuple[QueryClass, ...] = ()
    reads: ClassVar[tuple[str, ...]] = ("query", "rankings", "hits")
    writes: ClassVar[tuple[str, ...]] = ("hits",)
    optional: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Check the ranges, and take over the columns of the stages inside."""
        for name in LEVELS:
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"gate.{name}: 0 to 1, got {getattr(self, name)}.")
        if not 2 <= self.first <= 1000:
            raise ConfigError(f"gate.first: 2 to 1000, got {self.first}.")
        for name in ("words", "questions"):
            if getattr(self, name) < 0:
                raise ConfigError(f"gate.{name}: 0 or more, got {getattr(self, name)}.")
        both = set(self.always) & set(self.never)
        if both:
            raise ConfigError(f"gate: {', '.join(sorted(both))} is in 'always' and in 'never'.")
        take_columns(self, self.then)

    def check(self, before: tuple[Stage, ...]) -> None:
        """Let the stages inside look at those before them. Raises: ConfigError."""
        check_held(before, self.then)

    def check_after(self, later: Sequence[Stage]) -> None:
        """Let the stages inside look at those after them. Raises: ConfigError."""
        check_held_after(self.then, later)

    def __call__(self, search: Search, kit: Kit) -> Search:
        """Decide, and run the stages or let the search pass."""
        found = signals(search, self.first)
        reasons = self.reasons(found)
        if reasons:
            search = Inside("gate", self.then)(search, kit)
        shown = (f"{name}: {_shown(value)}" for name, value in asdict(found).items())
        decision = f"open: {', '.join(reasons)}" if reasons else "closed"
        return search.noted(decision, *shown)

    def reasons(self, found: Signals) -> list[str]:
        """Return why the stages run; none, and they do not."""
        if found.query_class in self.never:
            return []
        levels = {name: (getattr(found, name), getattr(self, name)) for name in LEVELS}
        checks = {
            f"{name} below {least}": value is not None and value < least
            for name, (value, least) in levels.items()
        } | {
            f"more than {self.words} words": 0 < self.words < found.words,
            f"{self.questions} questions or more": 0 < self.questions <= found.questions,
            f"class {found.query_class}": found.query_class in self.always,
        }
        return [reason for reason, holds in checks.items() if holds]


def signals(search: Search, first: int) -> Signals:
    """Return what is known about a question after a first pass, from its `first` hits."""
    questions = len(split_questions(search.query))
    return Signals(
        _margin([hit.score for hit in search.hits[:first]]),
        _agreement(search, first),
        _support(search),
        _similarity(search),
        len(search.query.split()),
        questions,
        query_class(search.query, questions),
    )


def query_class(query: str, questions: int) -> QueryClass:
    """Return the class of a text that holds so many questions."""
    if questions > 1:
        return "several"
    words = query.lower().split()
    asks = "?" in query.translate(MARKS) or (len(words) >= FEWEST_WORDS and words[0] in OPENINGS)
    return "question" if asks else "keywords"


def _margin(scores: list[float]) -> float:
    if len(scores) < 2:
        return float(len(scores))
    spread = scores[0] - scores[-1]
    return (scores[0] - scores[1]) / spread if spread > 0 else 0.0


def _agreement(search: Search, first: int) -> float | None:
    legs = {leg: {hit.chunk.id for hit in hits[:first]} for leg, hits in _legs(search).items()}
    pairs = list(combinations(legs.values(), 2))
    if not pairs:
        return None
    return sum(len(a & b) / max(len(a), len(b), 1) for a, b in pairs) / len(pairs)


def _support(search: Search) -> float | None:
    legs = _legs(search)
    if len(legs) < 2:
        return None
    first = search.hits[0].chunk.id if search.hits else ""
    found = []
    for hits in legs.values():
        values = min_max([hit.score for hit in hits]) if hits else []
        ids = [hit.chunk.id for hit in hits]
        found.append(values[ids.index(first)] if first in ids else 0.0)
    return sum(found) / len(found)


def _similarity(search: Search) -> float | None:
    hits = _legs(search).get("dense")
    return hits[0].score if hits else None


def _legs(search: Search) -> dict[str, tuple[Hit, ...]]:
    """The first ranking of a leg speaks for it: that of the question's own words."""
    legs: dict[str, tuple[Hit, ...]] = {}
    for ranking in search.rankings:
        legs.setdefault(ranking.leg, ranking.hits)
    return legs


def _shown(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
