"""Generations that exist already, put into a cassette: a benchmark's published model outputs."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from retrieval.adapters.cassette import Cassette, Take
from retrieval.config import stage_types
from retrieval.errors import InputError, NotFoundError

EXAMPLES = 3


class Imported(NamedTuple):
    """What an import did: answers written, ids without a question, questions given twice.

    Two ids with the same words are one question: the later answer stays.
    """

    answers: int
    unknown: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()


def import_generations(file: Path, dataset: Path, stage: str, cassette: Cassette) -> Imported:
    """Put generations into a cassette, for any prompt of a stage, and write it.

    `file` holds a line `{_id, text}` for each question, and `step` where a stage asks more than
    once; text that is a JSON object is an answer's JSON. A line `{_id, steps: [{question,
    answer}]}` is a decomposition with the answers of its steps. `dataset` is the folder that holds
    the questions, or a file of them.

    Raises: NotFoundError for a missing file, InputError for one that cannot be used.
    """
    if stage not in stage_types():
        raise InputError(f"No stage {stage!r}. There are: {', '.join(stage_types())}.", "stage")
    questions = _questions(dataset)
    takes: dict[tuple[str, int], Take] = {}
    unknown, repeated = [], []
    for where, record in _records(file):
        id = _text(record, "_id", where)
        if id not in questions:
            unknown.append(id)
            continue
        for step, answer in _answers(record, where):
            place = (questions[id], step)
            if place in takes:
                repeated.append(id)
            takes[place] = Take(stage, questions[id], step, answer, imported=True)
    if not takes:
        raise InputError(
            f"{file}: none of its ids is one of the questions in {dataset}"
            f" (such as {', '.join(unknown[:EXAMPLES]) or 'none'}).",
            "dataset",
        )
    cassette.tidy(takes.values())
    return Imported(len(takes), tuple(unknown), tuple(repeated))


def _answers(record: Mapping[str, Any], where: str) -> Iterator[tuple[int, Any]]:
    """Give the steps and answers of one line."""
    if "steps" in record:
        steps = record["steps"]
        if not isinstance(steps, list) or not all(isinstance(each, dict) for each in steps):
            raise InputError(f"{where}: steps must be a list of objects.")
        yield 0, {"questions": [_text(each, "question", where) for each in steps]}
        for number, each in enumerate(steps, 1):
            yield number, {"answer": _text(each, "answer", where)}
        return
    step = record.get("step", 0)
    if not isinstance(step, int) or isinstance(step, bool) or step < 0:
        raise InputError(f"{where}: step must be a number from 0 on, got {step!r}.")
    text = _text(record, "text", where)
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        data = None
    yield step, data if isinstance(data, dict) else text


def _questions(dataset: Path) -> dict[str, str]:
    """Return the questions of a dataset by id."""
    file = dataset / "queries.jsonl" if dataset.is_dir() else dataset
    return {_text(each, "_id", where): _text(each, "text", where) for where, each in _records(file)}


def _records(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give each line's object, and where it stands."""
    try:
        lines = file.read_text(encoding="utf-8").split("\n")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFoundError(f"{file} is not there.", "dataset") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: cannot be read ({error}).") from error
    for number, line in enumerate(lines, 1):
        where = f"{file}:{number}"
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{where}: broken JSON ({error}).") from error
        if not isinstance(record, dict):
            raise InputError(f"{where}: an object is needed, got {type(record).__name__}.")
        yield where, record


def _text(record: Mapping[str, Any], name: str, where: str) -> str:
    value = record.get(name)
    if not isinstance(value, str):
        raise InputError(f"{where}: {name} must be a text, got {value!r}.")
    return value
