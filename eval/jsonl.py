"""Records of a dataset, one JSON object a line; whatever is wrong is named with file and line."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from retrieval.errors import InputError, NotFoundError


def place(file: Path) -> str:
    """Return how a file is named in messages, as `qrels/test.tsv`."""
    return "/".join(file.parts[-2:])


def text_lines(file: Path) -> Iterator[tuple[str, str]]:
    """Return every line that is not blank with where it stands, as `qrels/test.tsv:12`.

    Raises: as `numbered_lines`.
    """
    where = place(file)
    for number, line in numbered_lines(file):
        yield f"{where}:{number}", line


def numbered_lines(file: Path) -> Iterator[tuple[int, str]]:
    """Return every line that is not blank with its number, from 1: for a million of them.

    Raises: NotFoundError for a missing file, InputError for one that is not UTF-8.
    """
    try:
        with file.open(encoding="utf-8-sig", newline=None) as lines:
            for number, line in enumerate(lines, 1):
                if not line.isspace():
                    yield number, line.rstrip("\n")
    except FileNotFoundError:
        raise NotFoundError(f"{file} is not there.", "dataset") from None
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}.", "dataset") from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{file}: no UTF-8 ({error.reason}). Save it as UTF-8.", "dataset"
        ) from error


def records(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return every object of a JSON lines file with where it stands. Raises: InputError."""
    for where, line in text_lines(file):
        try:
            found = json.loads(line)
        except json.JSONDecodeError as error:
            raise InputError(f"{where}: no JSON ({error.msg}, column {error.colno}).") from error
        if not isinstance(found, dict):
            raise InputError(f"{where}: a JSON object is needed, got {type(found).__name__}.")
        yield where, found


def string(record: Mapping[str, Any], name: str, where: str) -> str:
    """Return a field that must be there, as a string; numbers count as their digits.

    Raises: InputError that names the place, the field and the fields that are there.
    """
    value = record.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int):
        there = ", ".join(map(repr, record)) or "nothing"
        raise InputError(
            f"{where}: {name!r} is needed as a string, got {value!r}; fields: {there}."
        )
    return str(value)


def whole_number(value: Any, name: str, where: str) -> int:
    """Return an integer, also from text or from a float without a fraction. Raises: InputError."""
    try:
        number = float(value)
        if isinstance(value, bool) or number != int(number):
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{where}: {name} must be a whole number, got {value!r}.") from None
    return int(number)
