"""Recorded answers of language models: one file, one answer a line, sorted, readable, diffable.

A recorded answer is found by model, prompt, parameters and input; an imported one (a generation
that exists already) by stage, question and step, whatever the prompt. A structured answer stands
in the file as JSON, any other as text.
"""

import json
import os
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from retrieval.adapters.cassette_fields import fields
from retrieval.adapters.llm_answer import validated
from retrieval.adapters.llm_limits import LlmError
from retrieval.errors import ConfigError
from retrieval.kit import Prompt, Reply
from retrieval.manifest import digest
from retrieval.prompts import prompt_digest

REPLAYED = {"calls": 1.0, "tokens_in": 0.0, "tokens_out": 0.0, "usd": 0.0, "replayed": 1.0}
"""What an answer costs whose recording does not tell: one call, of unknown length."""


@dataclass(frozen=True)
class Take:
    """One recorded answer. An imported one has no model, prompt, parameters, input and cost."""

    stage: str
    query: str
    step: int
    answer: Any
    imported: bool = False
    model: str = ""
    prompt: str = ""
    temperature: float = 0.0
    max_tokens: int = 0
    input: str = ""
    cost: Mapping[str, float] | None = None

    @classmethod
    def of(cls, prompt: Prompt, query: str, model: str, answer: Any) -> "Take":
        """Return what is recorded of a prompt and its answer."""
        return cls(
            prompt.stage,
            query,
            prompt.step,
            answer,
            model=model,
            prompt=prompt_digest(prompt),
            temperature=prompt.temperature,
            max_tokens=prompt.max_tokens,
            input=prompt.text,
        )

    @property
    def key(self) -> tuple[Any, ...]:
        """What it is found by, apart from the model; sorts."""
        if self.imported:
            return (self.stage, self.query, self.step)
        asked = (self.prompt, self.temperature, self.max_tokens, self.input)
        return (self.stage, self.query, self.step, *asked)

    @property
    def line(self) -> str:
        """It as a line of the file."""
        hidden = ("model", "prompt", "temperature", "max_tokens", "input", "cost")
        left_out = hidden if self.imported else ("imported",)
        values = {name: value for name, value in vars(self).items() if name not in left_out}
        if self.cost is None:
            values.pop("cost", None)
        return json.dumps(values, ensure_ascii=False) + "\n"

    def reply(self, prompt: Prompt) -> Reply:
        """Return the answer as the model gave it, with what it cost then. Raises: LlmError.

        An imported plain text passes where JSON is asked for, without data: a stage that can use
        it does.
        """
        cost = {**REPLAYED, **(self.cost or {})}
        if isinstance(self.answer, str):
            return Reply(self.answer, None, cost)
        text = json.dumps(self.answer, ensure_ascii=False)
        return Reply(text, validated(self.answer, prompt), cost)


class Cassette:
    """The answers of one file. Threads share it; processes that add to it do not lose a line."""

    def __init__(self, path: Path) -> None:
        """Read the file, if it is there. Raises: ConfigError that names the line."""
        self.path = path
        self._lock = threading.Lock()
        try:
            self._takes = _read(path)
        except ConfigError:
            # It may be a line that somebody is writing: nobody is, under the lock.
            with _written(path):
                self._takes = _read(path)

    def find(self, prompt: Prompt, query: str, model: str) -> Take | None:
        """Return the recorded answer, else the imported one; model "" stands for the only one.

        Raises: LlmError where the answers of several models are recorded and none is named.
        """
        asked = Take.of(prompt, query, model, None)
        with self._lock:
            found = self._takes.get(asked.key, {})
            imported = self._takes.get(asked.key[:3], {})
        if not model and len(found) > 1:
            raise LlmError(f"models {', '.join(sorted(found))} have answered: set llm_model")
        if not model and found:
            return next(iter(found.values()))
        return found.get(model) or imported.get("")

    def add(self, take: Take) -> None:
        """Append an answer. Raises: ConfigError where the file cannot be written."""
        with self._lock, _written(self.path):
            self._takes.setdefault(take.key, {})[take.model] = take
            with self.path.open("a+b") as file:
                file.write(_line_end(file) + take.line.encode("utf-8", "replace"))

    def tidy(self, takes: Iterable[Take] = ()) -> None:
        """Write the file anew, in order, each answer once, with these in it.

        Raises: ConfigError where it cannot be written.
        """
        with self._lock, _written(self.path):
            self._takes = _read(self.path)
            for take in takes:
                self._takes.setdefault(take.key, {})[take.model] = take
            _replace(self.path, "".join(take.line for take in self))

    def __iter__(self) -> Iterator[Take]:
        """Give the answers in the order of the file."""
        for key in sorted(self._takes, key=lambda key: (key[:3], len(key), key[3:])):
            yield from (take for _, take in sorted(self._takes[key].items()))

    @property
    def digest(self) -> str:
        """The sha256 of all answers, whatever their order in the file."""
        with self._lock:
            return digest([take.line for take in self])


def _read(path: Path) -> dict[tuple[Any, ...], dict[str, Take]]:
    """Return the answers of a file by key and model; of two alike, the later."""
    found: dict[tuple[Any, ...], dict[str, Take]] = {}
    try:
        lines = path.read_text(encoding="utf-8").split("\n") if path.exists() else []
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"Cassette {path}: cannot be read ({error}).") from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                take = Take(**fields(line))
            except (ValueError, RecursionError) as error:
                raise ConfigError(
                    f"Cassette {path}, line {number}: no recorded answer ({error}). Remove the"
                    " line; its answer can be recorded again."
                ) from error
            found.setdefault(take.key, {})[take.model] = take
    return found


def _line_end(file: BinaryIO) -> bytes:
    """Return the newline that a file's last line lacks, as an editor or a killed process leaves it.

    Under the lock it is not a line that somebody is writing.
    """
    if file.seek(0, os.SEEK_END) == 0:
        return b""
    file.seek(-1, os.SEEK_END)
    return b"" if file.read(1) == b"\n" else b"\n"


@contextmanager
def _written(path: Path) -> Iterator[None]:
    """Keep other processes from writing meanwhile. The folder is locked: the file is replaced."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if sys.platform == "win32":
            yield
            return
        import fcntl

        folder = os.open(path.parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)
    except OSError as error:
        raise ConfigError(f"Cassette {path}: cannot be written ({error}).") from error


def _replace(path: Path, text: str) -> None:
    """Put a text into a file at once: readers see the old one or the new one."""
    new = path.with_name(f"{path.name}.new")
    new.write_bytes(text.encode("utf-8", "replace"))
    new.replace(path)
