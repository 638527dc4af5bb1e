"""JSON lines: one object a line, among them the corpus files of BEIR."""

from collections.abc import Iterator
from typing import BinaryIO

from ingestion.document import Document, Failure
from ingestion.lines import Lines
from ingestion.rows import json_row, json_value, row_document, row_failure
from ingestion.sources import LoadOptions, Source
from retrieval.errors import InputError

SUFFIXES = (".jsonl", ".ndjson")
READING = "streamed"


def load(file: BinaryIO, source: Source, options: LoadOptions) -> Iterator[Document | Failure]:
    """Return the documents in order; a line that cannot be read is a failure of its own."""
    with Lines(file, options.max_bytes) as lines:
        while True:
            number = lines.mark()
            try:
                line = next(lines, None)
                if line is None:
                    return
                if line.strip():
                    row = json_row(json_value(line))
                    yield row_document(row, f"{source.name}#{number}", options)
            except InputError as error:
                yield row_failure(source.at(number), error)
