"""What a report is made of: runs with every question, its first hits and where judged places stood.

What a run does not hold (an older one, or that of another system) is None, and the report says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eval.jsonl import records
from eval.results import PER_QUERY, Run, read_run
from retrieval.errors import InputError

HITS = 10
"""How many hits of a question are kept."""

Rank = tuple[str, int | None]
"""The name of a list and a rank in it, from 1; None is not there."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A served hit: its scores by maker, its grade (0: irrelevant), how its text begins."""

    document_id: str
    span: tuple[int, int] | None
    scores: Mapping[str, float]
    grade: int
    excerpt: str


@dataclass(frozen=True, slots=True)
class Step:
    """What one stage did to a question, and the stages inside it."""

    stage: str
    ms: float
    changed: Mapping[str, Any]
    notes: tuple[str, ...]
    error: str
    steps: tuple["Step", ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A judged place above grade 0, a document or a span of it: its group, its rank in each list.

    The last list is the answer.
    """

    document_id: str
    group: str
    grade: int
    ranks: tuple[Rank, ...]
    span: tuple[int, int] | None = None

    @property
    def answer(self) -> int | None:
        """Its rank in the answer."""
        return self.ranks[-1][1] if self.ranks else None


@dataclass(frozen=True, slots=True)
class Question:
    """One question of a run. `found` are the relevant documents among all its served hits.

    `places` is None where the run does not hold where judged places stood, and `stages` is empty
    where it does not hold what the stages did.
    """

    id: str
    text: str
    measures: Mapping[str, float]
    answerable: bool = True
    ms: float = 0.0
    stages: tuple[Step, ...] = ()
    hits: tuple[Hit, ...] = ()
    served: int = 0
    found: frozenset[str] = frozenset()
    places: tuple[Place, ...] | None = None

    @property
    def label(self) -> str:
        """The question, or its id where it is empty."""
        return self.text.strip() or f"(empty question {self.id})"


@dataclass(frozen=True)
class Measured:
    """A run with its questions in their order, the unanswerable ones too."""

    run: Run
    questions: tuple[Question, ...]
    name: str = field(default="")

    @property
    def scored(self) -> list[Question]:
        """The questions with measures."""
        return [each for each in self.questions if each.measures]

    @property
    def places(self) -> list[Place] | None:
        """All judged places above grade 0, or None where the run does not hold them."""
        if any(each.places is None for each in self.scored):
            return None
        return [place for each in self.scored for place in each.places or ()]


def read_measured(folder: Path) -> Measured:
    """Return the run of a folder with its questions.

    Raises: NotFoundError for no run, InputError for one that is not whole.
    """
    run = read_run(folder)
    questions = tuple(_question(record, where) for where, record in records(folder / PER_QUERY))
    return Measured(run, questions, run.name)


def _question(record: Mapping[str, Any], where: str) -> Question:
    """Return a line's question. Raises: InputError that names the line and what is wrong in it."""
    hits = _objects(record, "hits", where)
    judged = _objects(record, "judged", where) if "judged" in record else None
    name = "hits"
    try:
        shown = tuple(_hit(hit) for hit in hits[:HITS])
        found = frozenset(str(hit.get("document_id")) for hit in hits if hit.get("grade"))
        name = "judged"
        places = None if judged is None else tuple(_place(each) for each in judged)
        name = "stages"
        stages = tuple(_step(each) for each in _objects(record, "stages", where))
        name = "ms"
        ms = float(record.get("ms") or 0.0)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{where}: {name!r} cannot be read ({error!r}).", "run") from error
    return Question(
        id=str(record["query_id"]),
        text=str(record.get("query", "")),
        measures=record["measures"],
        answerable=record.get("answerable") is not False,
        ms=ms,
        stages=stages,
        hits=shown,
        served=len(hits),
        found=found,
        places=places,
    )


def _hit(found: Mapping[str, Any]) -> Hit:
    scores = found.get("scores") or ({"score": found["score"]} if "score" in found else {})
    return Hit(
        str(found["document_id"]),
        _span(found.get("span")),
        {str(by): float(value) for by, value in scores.items()},
        int(found.get("grade") or 0),
        str(found.get("excerpt") or ""),
    )


def _step(found: Mapping[str, Any]) -> Step:
    return Step(
        str(found["stage"]),
        float(found.get("ms") or 0.0),
        dict(found.get("changed") or {}),
        tuple(map(str, found.get("notes") or ())),
        str(found.get("error") or ""),
        tuple(_step(each) for each in found.get("steps") or ()),
    )


def _place(judged: Mapping[str, Any]) -> Place:
    return Place(
        str(judged["document_id"]),
        str(judged["group"]),
        int(judged["grade"]),
        tuple((str(name), None if rank is None else int(rank)) for name, rank in judged["ranks"]),
        _span(judged.get("span")),
    )


def _span(found: Any) -> tuple[int, int] | None:
    return None if not found else (int(found[0]), int(found[1]))


def _objects(record: Mapping[str, Any], name: str, where: str) -> list[Mapping[str, Any]]:
    found = record.get(name) or []
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise InputError(f"{where}: {name!r} must be a list of objects.", "run")
    return found
