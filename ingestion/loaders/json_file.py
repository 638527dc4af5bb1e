"""JSON files: an array of objects, one object, or JSON lines under this name."""

from collections.abc import Iterator
from typing import BinaryIO

from ingestion.decoding import decoded
from ingestion.document import Document, Failure
from ingestion.loaders import json_lines
from ingestion.rows import json_row, json_value, row_document, row_failure
from ingestion.sources import LoadOptions, Source
from retrieval.errors import InputError

SUFFIXES = (".json",)
READING = "apart"


def load(file: BinaryIO, source: Source, options: LoadOptions) -> Iterator[Document | Failure]:
    """Return the document of each object; one that cannot be used is a failure of its own.

    A blank file holds none.

    Raises: InputError if the file is no JSON.
    """
    text = decoded(file.read()).text
    if not text.strip():
        return
    try:
        value = json_value(text)
    except InputError:
        if not _is_json(text.partition("\n")[0]):
            raise
        file.seek(0)
        yield from json_lines.load(file, source, options)
        return
    rows = value if isinstance(value, list) else [value]
    for number, row in enumerate(rows, 1):
        name = f"{source.name}#{number}" if isinstance(value, list) else source.name
        try:
            yield row_document(json_row(row), name, options)
        except InputError as error:
            place = f" item {number}" if isinstance(value, list) else ""
            yield row_failure(f"{source}{place}", error)


def _is_json(line: str) -> bool:
    try:
        return isinstance(json_value(line), dict)
    except InputError:
        return False
