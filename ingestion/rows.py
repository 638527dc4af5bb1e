"""Rows to documents, for every format that has rows: which field is the id, the title, the text."""

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from ingestion.document import Document, Failure
from ingestion.sources import LoadOptions
from retrieval.errors import InputError

ID_FIELDS = ("_id", "id")
TITLE_FIELDS = ("title",)
TEXT_FIELDS = ("text", "content", "body")
META_FIELD = "metadata"
MAX_INTEGER = 2**63
KINDS = {
    bool: "a boolean",
    dict: "an object",
    float: "a number",
    int: "a number",
    list: "a list",
    str: "a text",
    type(None): "null",
}
"""What a JSON value is called."""


class NoTextError(InputError):
    """The text of a row is blank; `id` is that of its document."""

    def __init__(self, reason: str, id: str) -> None:
        """Keep both."""
        super().__init__(reason)
        self.id = id


def row_document(row: Mapping[str, Any], fallback_id: str, options: LoadOptions) -> Document:
    """Return the document of a row; fields that are not its id, title or text are its metadata.

    A row with a title and no text is a document of that title. An object in `metadata` is metadata.

    Raises: NoTextError if its text is blank; InputError if it has no field of a text, or not the
        field that the options name.
    """
    id_field = field_of(row, options.id_field, ID_FIELDS)
    text_field = field_of(row, options.text_field, TEXT_FIELDS)
    title_field = field_of(row, options.title_field, TITLE_FIELDS)
    title = _string(row, title_field)
    text = _string(row, text_field)
    if not text.strip():
        if not title.strip():
            raise _no_text(row, text_field, _id(row, id_field, options) or fallback_id)
        title, text = "", title
    meta = {
        name: value
        for name, value in row.items()
        if name not in (id_field, text_field, title_field)
    }
    if isinstance(meta.get(META_FIELD), Mapping):
        meta = {**meta.pop(META_FIELD), **meta}
    return Document(_id(row, id_field, options) or fallback_id, text, title, meta=meta)


def row_failure(place: str, error: InputError) -> Failure:
    """Return the failure of a row that gave no document."""
    return Failure(place, str(error), error.id if isinstance(error, NoTextError) else None)


def field_of(row: Iterable[str], wanted: str | None, usual: tuple[str, ...]) -> str | None:
    """Return the field that is wanted, else the first usual one there is, in any case, or None."""
    if wanted:
        return wanted
    found = {name.lower(): name for name in row}
    return next((found[name] for name in usual if name in found), None)


def _id(row: Mapping[str, Any], field: str | None, options: LoadOptions) -> str:
    value = row.get(field) if field else None
    if value is None or value == "":
        if options.id_field:
            raise InputError(f"no value in the id field {field!r}; {_fields(row)}")
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InputError(f"the id field {field!r} holds {KINDS[type(value)]}, no text or number")
    return str(value)


def _string(row: Mapping[str, Any], field: str | None) -> str:
    value = row.get(field) if field else None
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InputError(f"the field {field!r} holds {KINDS[type(value)]}, no text")
    return value


def _no_text(row: Mapping[str, Any], field: str | None, id: str) -> InputError:
    if field and field in row:
        return NoTextError(f"no text in the field {field!r}", id)
    missing = f"no field {field!r}" if field else f"none of the fields {', '.join(TEXT_FIELDS)}"
    return InputError(f"{missing}: name the field of the text with --text-field; {_fields(row)}")


def _fields(row: Mapping[str, Any]) -> str:
    names = [name[:40] for name in list(row)[:12]]
    return f"its fields are {', '.join(names)}" if names else "it has no fields"


def json_value(text: str) -> Any:
    """Return a JSON value; numbers that no 64 bits hold stay text. Raises: InputError."""
    try:
        return JSON.decode(text.strip())
    except json.JSONDecodeError as error:
        raise InputError(f"not JSON: {error.msg}, column {error.colno}") from error
    except ValueError as error:
        raise InputError(f"not JSON: {error}") from error
    except RecursionError as error:
        raise InputError("JSON that is nested too deep") from error


def json_row(value: Any) -> Mapping[str, Any]:
    """Return a JSON value that is an object. Raises: InputError for another one."""
    if not isinstance(value, dict):
        raise InputError(f"not a JSON object but {KINDS[type(value)]}")
    return value


def _integer(digits: str) -> int | str:
    number = int(digits) if len(digits) < 21 else MAX_INTEGER
    return number if -MAX_INTEGER <= number < MAX_INTEGER else digits


def _number(digits: str) -> float | str:
    number = float(digits)
    return number if math.isfinite(number) else digits


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON number")


JSON = json.JSONDecoder(parse_int=_integer, parse_float=_number, parse_constant=_refuse)
