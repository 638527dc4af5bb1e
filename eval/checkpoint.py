"""Answers on disk while a ladder runs: a file for each rung, a line for each question.

A line is written when all rungs have answered its question, so that a killed ladder loses one
question, and a long one needs no memory for the answers.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple

from eval.answers import Answer
from eval.questions import Query
from retrieval.errors import InputError
from retrieval.types import Chunk, Hit, Score, Span


class Spent(NamedTuple):
    """What a question took in seconds: the rung alone, and what it added to the rungs before."""

    alone_s: float
    executed_s: float


class Line(NamedTuple):
    """A question's answer by one rung."""

    query_id: str
    answer: Answer
    spent: Spent


@dataclass(frozen=True)
class Checkpoint:
    """The answers of each rung, by its file, to the first so many of some questions."""

    files: tuple[Path, ...]
    queries: Sequence[Query]

    def recovered(self) -> int:
        """Return how many questions all rungs have answered, and cut off whatever is beyond.

        Raises: InputError for a file that holds other questions.
        """
        ends = [_ends(file) for file in self.files]
        done = min(map(len, ends), default=0)
        for file, found in zip(self.files, ends, strict=True):
            if file.exists():
                with file.open("r+b") as content:
                    content.truncate(found[done - 1] if done else 0)
            ids = [line.query_id for line in self.lines(file)]
            if ids != [query.id for query in self.queries[:done]]:
                raise InputError(f"{file} holds answers to other questions; remove it.", "out")
        return done

    def open(self) -> list[IO[str]]:
        """Return the files, open to add to."""
        return [file.open("a", encoding="utf-8") for file in self.files]

    def lines(self, file: Path) -> Iterator[Line]:
        """Give the lines of a rung's file."""
        if file.exists():
            with file.open(encoding="utf-8") as content:
                yield from map(_read, content)

    def answers(self, file: Path) -> tuple[dict[str, Answer], Spent]:
        """Return a rung's answers by question, and what they took together."""
        found, alone_s, executed_s = {}, 0.0, 0.0
        for line in islice(self.lines(file), len(self.queries)):
            found[line.query_id] = line.answer
            alone_s += line.spent.alone_s
            executed_s += line.spent.executed_s
        return found, Spent(alone_s, executed_s)

    def remove(self) -> None:
        """Remove the files: what they held is in the runs."""
        for file in self.files:
            file.unlink(missing_ok=True)


def write(file: IO[str], line: Line) -> None:
    """Add a line, and hand it to the system: a killed process does not lose it."""
    file.write(json.dumps(_written(line), ensure_ascii=False, separators=(",", ":")) + "\n")
    file.flush()


def _ends(file: Path) -> list[int]:
    """Return where each whole line of a file ends; a line that was torn by a kill has no end."""
    if not file.exists():
        return []
    ends, at = [], 0
    with file.open("rb") as content:
        for line in content:
            at += len(line)
            if line.endswith(b"\n"):
                ends.append(at)
    return ends


def _written(line: Line) -> dict[str, Any]:
    answer = line.answer
    return {
        "query_id": line.query_id,
        "ms": answer.ms,
        "stages": answer.stages,
        "hits": [(h.chunk.id, h.chunk.document_id, h.chunk.span, h.scores) for h in answer.hits],
        "documents": answer.documents,
        "exhausted": answer.exhausted,
        "cost": dict(answer.cost),
        "spent": line.spent,
    }


def _read(text: str) -> Line:
    data: Mapping[str, Any] = json.loads(text)
    hits = tuple(
        Hit(Chunk(id, document, "", Span(*span)), tuple(Score(*each) for each in scores))
        for id, document, span, scores in data["hits"]
    )
    answer = Answer(
        hits,
        data["ms"],
        tuple((stage, ms) for stage, ms in data["stages"]),
        tuple(data["documents"]),
        data["exhausted"],
        data["cost"],
    )
    return Line(data["query_id"], answer, Spent(*data["spent"]))
