"""Generations that exist already, put into a cassette: a benchmark's published model outputs."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from retrieval.adapters.cassette import Cassette, Take
from retrieval.adapters.llm_answer import validated
from retrieval.adapters.llm_limits import LlmError
from retrieval.config import stage_types
from retrieval.errors import InputError, NotFoundError
from retrieval.kit import Prompt
from retrieval.prompts import Form

EXAMPLES = 3
Answers = dict[tuple[str, int], Any]
"""Recorded answers by question and step."""


class Imported(NamedTuple):
    """What an import did: answers written, and the ids with which something is not as expected.

    `unknown` are no questions of the dataset; `repeated` have the words of another question, or
    were given twice: the later answer stays; `missing` are questions without an answer.
    """

    answers: int
    unknown: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Generations:
    """Generations for a stage: `files`, and the `dataset` whose questions their ids are.

    A file holds a line `{_id, text}` for each question; `step`, in the line or for all of them,
    tells calls of a stage apart. Text that is a JSON object is an answer's JSON. A line `{_id,
    steps: [{question, answer}]}` is a decomposition with the answers of its steps. What several
    files say about one question is one list. `dataset` is a folder, or a file of its questions.
    """

    files: Sequence[Path]
    dataset: Path
    stage: str
    step: int = 0

    def __post_init__(self) -> None:
        """Check that the stage asks a language model, at that step. Raises: InputError."""
        asking = [name for name, kind in stage_types().items() if hasattr(kind, "forms")]
        if self.stage not in asking:
            known = "asks no language model" if self.stage in stage_types() else "is not there"
            raise InputError(
                f"Stage {self.stage!r} {known}. Those that ask one: {', '.join(asking)}.", "stage"
            )
        self.form(self.step, f"Stage {self.stage!r}")

    def form(self, step: int, where: str) -> Form:
        """Return what an answer at a step is. Raises: InputError for a step that is not there."""
        forms: Mapping[int, Form] = stage_types()[self.stage].forms  # type: ignore[attr-defined]
        if step not in forms:
            allowed = ", ".join(map(str, forms))
            raise InputError(f"{where}: {self.stage} has no step {step}, only {allowed}.", "step")
        return forms[step]


def import_generations(given: Generations, cassette: Cassette) -> Imported:
    """Put generations into a cassette, for any prompt of their stage, and write it.

    Raises: NotFoundError for a missing file, InputError for one that cannot be used: a line that
    is broken, an answer that the stage could not read, no id that is a question's.
    """
    questions = _questions(given.dataset)
    answers: Answers = {}
    unknown: dict[str, None] = {}
    repeated: dict[str, None] = {}
    for file in given.files:
        own = {}
        for where, record in _records(file):
            id = _text(record, "_id", where)
            if id not in questions:
                unknown[id] = None
                continue
            for step, answer in _answers(given, record, where):
                place = (questions[id], step)
                if place in own:
                    repeated[id] = None
                own[place] = answer
        answers |= {
            place: _together(given, place, answers, answer) for place, answer in own.items()
        }
    if not answers:
        named = ", ".join(map(str, given.files))
        raise InputError(
            f"{named}: none of the ids is one of the questions in {given.dataset}"
            f" (such as {', '.join([*unknown][:EXAMPLES]) or 'none'}).",
            "dataset",
        )
    answered = {question for question, _ in answers}
    missing = tuple(id for id, question in questions.items() if question not in answered)
    cassette.tidy(
        Take(given.stage, question, step, answer, imported=True)
        for (question, step), answer in answers.items()
    )
    return Imported(len(answers), tuple(unknown), tuple(repeated), missing)


def _together(given: Generations, place: tuple[str, int], answers: Answers, answer: Any) -> Any:
    """Return what earlier files say about a question and what this one says, in one list."""
    if place not in answers:
        return answer
    name = given.form(place[1], given.stage).lists
    if not name or given.stage == "decompose":
        raise InputError(
            f"{given.stage}: two files have an answer to {place[0]!r}; such answers cannot be"
            " joined. Import one file.",
            "file",
        )
    texts = [[each] if isinstance(each, str) else each[name] for each in (answers[place], answer)]
    return {name: [*texts[0], *texts[1]]}


def _answers(
    given: Generations, record: Mapping[str, Any], where: str
) -> Iterator[tuple[int, Any]]:
    """Give the steps and answers of one line, each as the stage can read it, without blank ones."""
    if "steps" in record:
        steps = record["steps"]
        if not isinstance(steps, list) or not all(isinstance(each, dict) for each in steps):
            raise InputError(f"{where}: steps must be a list of objects.")
        found: list[tuple[int, Any]] = [
            (number, {"answer": _text(each, "answer", where)})
            for number, each in enumerate(steps, 1)
        ]
        found.append((0, {"questions": [_text(each, "question", where) for each in steps]}))
    else:
        step = record.get("step", given.step)
        if not isinstance(step, int) or isinstance(step, bool) or step < 0:
            raise InputError(f"{where}: step must be a number from 0 on, got {step!r}.")
        found = [(step, _data(_text(record, "text", where)))]
    for step, answer in found:
        if not isinstance(answer, str) or answer.strip():
            yield step, _checked(answer, given, step, where)


def _data(text: str) -> Any:
    """Return the JSON object that a text is, or the text."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return data if isinstance(data, dict) else text


def _checked(answer: Any, given: Generations, step: int, where: str) -> Any:
    form = given.form(step, where)
    if isinstance(answer, str):
        if form.plain:
            return answer
        names = ", ".join(form.schema["properties"])
        raise InputError(
            f"{where}: {given.stage} reads JSON with {names}; the text is none: {answer[:40]!r}."
        )
    try:
        return validated(answer, Prompt(given.stage, "", "", schema=form.schema))
    except LlmError as error:
        raise InputError(f"{where}: {given.stage} cannot read it: {error}.") from error


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
