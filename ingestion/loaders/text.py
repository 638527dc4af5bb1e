r"""Plain text: the file as it stands, with newlines as `\n`."""

from collections.abc import Iterator
from typing import BinaryIO

from ingestion.decoding import decoded
from ingestion.document import Document
from ingestion.sources import LoadOptions, Source

SUFFIXES = (".txt", ".text", ".log")
READING = "whole"


def load(file: BinaryIO, source: Source, options: LoadOptions) -> Iterator[Document]:
    """Return one document. Raises: InputError if the file is not text."""
    found = decoded(file.read())
    yield Document(source.name, found.text, meta=found.meta)
