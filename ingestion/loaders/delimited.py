"""CSV and TSV: a document a row, with the first row as the names of the columns.

The text is the column that the options name, else one called text, content or body, else all
columns as lines of `name: value`. The other columns are metadata; a value that prints back as the
number it reads as is a number, `true` and `false` are booleans.
"""

import csv
import math
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import Any, BinaryIO

from ingestion.document import Document, Failure
from ingestion.lines import Lines
from ingestion.rows import TEXT_FIELDS, field_of, row_document, row_failure
from ingestion.sources import LoadOptions, Source
from retrieval.errors import InputError

SUFFIXES = (".csv", ".tsv")
READING = "streamed"

DELIMITERS = ",;\t|"
NO_DELIMITER = "\x1f"
SAMPLE_LINES = 50
CELL_LIMIT = 8_000_000
INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
ALL_COLUMNS = "\n"
"""Stands for all columns together where no column is the text; no column is called so."""

Cells = list[str]


def load(file: BinaryIO, source: Source, options: LoadOptions) -> Iterator[Document | Failure]:
    """Return the documents in order; a row that cannot be read is a failure of its own.

    Raises: InputError if the file is not text, or has no column that the options name.
    """
    csv.field_size_limit(CELL_LIMIT)
    with Lines(file, options.max_bytes) as lines:
        table = _Table(lines, options)
        if field_of(table.columns, options.text_field, TEXT_FIELDS) is None:
            options = replace(options, text_field=ALL_COLUMNS)
        for number, (line, cells) in enumerate(table.rows(), 1):
            if isinstance(cells, str):
                yield Failure(source.at(line), cells)
                continue
            row = dict(zip(table.columns, cells, strict=False))
            try:
                yield _document(row, f"{source.name}#{number}", options)
            except InputError as error:
                yield row_failure(source.at(line), error)


class _Table:
    """The names of the columns, and the rows under them."""

    def __init__(self, lines: Lines, options: LoadOptions) -> None:
        self._lines = lines
        self._delimiter = _delimiter(lines)
        self._reader = csv.reader(lines, delimiter=self._delimiter, strict=True)
        try:
            header = next((cells for cells in self._reader if any(map(str.strip, cells))), [])
        except csv.Error as error:
            raise InputError(f"no row of column names: {error}") from error
        self.columns = _names(header)
        for wanted in (options.id_field, options.text_field, options.title_field):
            if header and wanted and wanted not in self.columns:
                columns = ", ".join(self.columns)
                raise InputError(f"no column {wanted!r}; its columns are {columns}")

    def rows(self) -> Iterator[tuple[int, Cells | str]]:
        """Return the first line of each row with its cells, or with what is wrong with it.

        After a broken row, reading goes on with its second line: a stray quote costs one line. In
        tables with tabs, where many write quotes as they are, it costs none.
        """
        while True:
            first = self._lines.mark()
            try:
                cells = next(self._reader, None)
                if cells is None:
                    return
                self._check_width(cells)
            except (csv.Error, InputError) as error:
                skipped = self._lines.rewind(1)
                unquoted = skipped[0].rstrip("\r\n").split("\t") if skipped else []
                fits = self._delimiter == "\t" and len(unquoted) == len(self.columns)
                yield first, unquoted if fits and isinstance(error, csv.Error) else str(error)
                continue
            if any(map(str.strip, cells)):
                yield first, cells

    def _check_width(self, cells: Cells) -> None:
        width = len(self.columns)
        if any(map(str.strip, cells[width:])):
            raise csv.Error(
                f"{len(cells)} cells, but {width} columns: quote a cell that holds a delimiter"
            )


def _delimiter(lines: Lines) -> str:
    """The delimiter that splits the first row, and most of the next ones into as many cells."""
    sample = list(islice(lines, SAMPLE_LINES))
    lines.rewind()

    def agreement(delimiter: str) -> tuple[float, int]:
        rows = [row for row in csv.reader(sample, delimiter=delimiter) if row]
        width = len(rows[0]) if rows else 0
        agreeing = sum(len(row) == width for row in rows)
        return (agreeing / len(rows), width) if width > 1 else (0, 0)

    best = max(DELIMITERS, key=agreement)
    return best if agreement(best) > (0, 0) else NO_DELIMITER


def _names(header: Cells) -> Cells:
    """The names of the columns: stripped, a blank one by its number, a repeated one numbered."""
    columns: Cells = []
    for position, cell in enumerate(header, 1):
        name = cell.strip() or f"column_{position}"
        columns.append(name if name not in columns else f"{name}_{position}")
    return columns


def _document(row: dict[str, str], name: str, options: LoadOptions) -> Document:
    if options.text_field == ALL_COLUMNS:
        joined = "\n".join(f"{column}: {cell}" for column, cell in row.items() if cell.strip())
        row[ALL_COLUMNS] = joined
    document = row_document(row, name, options)
    meta = {column: _typed(cell) for column, cell in document.meta.items() if cell.strip()}
    return replace(document, meta=meta)


def _typed(cell: str) -> Any:
    if INTEGER.fullmatch(cell) and cell != "-0":
        return int(cell)
    with suppress(ValueError):
        number = float(cell)
        if repr(number) == cell and math.isfinite(number):
            return number
    return {"true": True, "false": False}.get(cell.lower(), cell)
