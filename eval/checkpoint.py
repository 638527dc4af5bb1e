"""Answers on disk while a ladder runs: a file for each rung, a line for each question.

A line is written when all rungs have answered its question, so that a killed ladder loses one
question, and a long one needs no memory for the answers.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple

from eval.answers import Answer
from eval.corpus import Judged
from eval.judgments import Judgment, positives
from eval.prefixes import Spent
from eval.questions import Query
from eval.standing import Stood
from retrieval.errors import InputError
from retrieval.types import Chunk, Hit, Score, Span, Step


class Line(NamedTuple):
    """A question's answer by one rung."""

    query_id: str
    answer: Answer
    spent: Spent


@dataclass(frozen=True)
class Checkpoint:
    """The answers of each rung, by its file, to the first so many of a dataset's questions."""

    files: tuple[Path, ...]
    kept: Judged

    @property
    def queries(self) -> tuple[Query, ...]:
        """The questions in the order in which they are asked."""
        return (*self.kept.queries, *self.kept.unanswerable)

    def recovered(self) -> int:
        """Return how many questions all rungs have answered, and cut off whatever is beyond.

        Raises: InputError for a file that holds other questions.
        """
        ends = [_ends(file) for file in self.files]
        done = min(map(len, ends), default=0)
        for file, found in zip(self.files, ends, strict=True):
            ids = [line.query_id for line in islice(self.lines(file), done)]
            if ids != [query.id for query in self.queries[:done]]:
                raise InputError(f"{file} holds answers to other questions; remove it.", "out")
            if file.exists():
                with file.open("r+b") as content:
                    content.truncate(found[done - 1] if done else 0)
        return done

    def open(self) -> list[IO[str]]:
        """Return the files, open to add to."""
        return [file.open("a", encoding="utf-8") for file in self.files]

    def lines(self, file: Path) -> Iterator[Line]:
        """Give the lines of a rung's file. Raises: InputError for one that is none."""
        if not file.exists():
            return
        with file.open(encoding="utf-8") as content:
            for text, query in zip(content, self.queries, strict=False):
                try:
                    yield _read(text, self.kept.judgments.get(query.id, ()))
                except (ValueError, KeyError, TypeError) as error:
                    raise InputError(f"{file} holds something else; remove it.", "out") from error

    def answers(self, file: Path) -> tuple[dict[str, Answer], Spent]:
        """Return a rung's answers by question, and what they took together."""
        found, alone_s, executed_s = {}, 0.0, 0.0
        for line in self.lines(file):
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
    file.write(json.dumps(_written(line), separators=(",", ":")) + "\n")
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
        "trace": [_step_written(step) for step in answer.trace],
        "hits": [
            (chunk.id, chunk.document_id, chunk.text, chunk.span, scores)
            for chunk, scores in answer.hits
        ],
        "documents": answer.documents,
        "exhausted": answer.exhausted,
        "cost": dict(answer.cost),
        "ranks": [each.ranks for each in answer.judged],
        "spent": line.spent,
    }


def _read(text: str, judgments: Sequence[Judgment]) -> Line:
    data: Mapping[str, Any] = json.loads(text)
    hits = tuple(
        Hit(Chunk(id, document, excerpt, Span(*span)), tuple(Score(*each) for each in scores))
        for id, document, excerpt, span, scores in data["hits"]
    )
    judged = tuple(
        Stood(group, judgment, tuple((name, rank) for name, rank in ranks))
        for (group, judgment), ranks in zip(positives(judgments), data["ranks"], strict=True)
    )
    answer = Answer(
        hits,
        data["ms"],
        tuple(_step_read(step) for step in data["trace"]),
        tuple(data["documents"]),
        data["exhausted"],
        data["cost"],
        judged,
    )
    return Line(data["query_id"], answer, Spent(*data["spent"]))


def _step_written(step: Step) -> dict[str, Any]:
    """A step without its parameters: the manifest of a run has them once for all questions."""
    found = {each.name: getattr(step, each.name) for each in fields(step) if each.name != "params"}
    found |= {"changed": dict(step.changed), "cost": dict(step.cost)}
    return found | {"steps": [_step_written(inner) for inner in step.steps]}


def _step_read(data: Mapping[str, Any]) -> Step:
    held = {name: tuple(data[name]) for name in ("top", "notes")}
    steps = tuple(_step_read(inner) for inner in data["steps"])
    return Step(**{**data, **held, "params": {}, "steps": steps})
