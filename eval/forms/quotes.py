"""A table of questions and the evidence quoted for them: `quotes.csv`.

Columns: `question`, `document`, `quote`, and where wanted `grade`, `group`, `query_id`. A row is a
piece of evidence; rows with the same question belong together. Without a document the quote is
looked for in all of them, without a quote the whole document is judged, without both the question
is one that the corpus does not answer.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from eval.jsonl import place, text_lines, whole_number
from eval.judgments import Judgment
from eval.questions import ALL, Query, Questions
from retrieval.errors import InputError

ON = "spans"
HOLDS = "quotes.csv with question,document,quote[,grade,group,query_id]"
FILE = "quotes.csv"
NAMES = {
    "question": ("question", "query"),
    "document": ("document", "document_id", "source"),
    "quote": ("quote", "evidence"),
    "grade": ("grade", "relevance"),
    "group": ("group",),
    "query_id": ("query_id", "id"),
}
SEPARATORS = (",", ";", "\t")
NEEDED = ("question", "document", "quote")


def fits(folder: Path) -> bool:
    """Return whether a folder has questions in this form."""
    return (folder / FILE).is_file()


def read(folder: Path, split: str | None) -> Questions:
    """Return the questions in the order of their first row, and the evidence of all rows.

    A question without an id is named `q` and its number, from 1. Raises: InputError that names
    file and line.
    """
    ids: dict[str, str] = {}
    queries: dict[str, Query] = {}
    judgments = []
    for where, row in _rows(folder / FILE):
        if not row["question"]:
            raise InputError(f"{where}: the question is empty.")
        id = row["query_id"] or ids.setdefault(row["question"], f"q{len(ids) + 1}")
        evidence = bool(row["document"] or row["quote"])
        query = Query(id, row["question"], answerable=evidence)
        known = queries.setdefault(id, query)
        if known.text != query.text:
            raise InputError(f"{where}: {id!r} is already the id of {known.text!r}.")
        if known.answerable != evidence:
            raise InputError(f"{where}: {known.text!r} has rows with evidence, and one without.")
        if evidence:
            grade = max(0, whole_number(row["grade"] or 1, "the grade", where))
            group = row["group"] or None
            judgments.append(Judgment(id, row["document"], grade, None, row["quote"], group))
    return Questions(ALL, tuple(queries.values()), tuple(judgments))


def _rows(file: Path) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Return every row with its place and its cells by name; cells that are not there are empty.

    Cells are separated by commas, or by what separates the header: semicolons or tabs.
    """
    name = place(file)
    lines = [line for _, line in text_lines(file)]
    if not lines:
        raise InputError(f"{name} is empty: {HOLDS} is needed.", "dataset")
    separator = max(SEPARATORS, key=lines[0].count)
    with file.open(encoding="utf-8-sig", newline="") as rows:
        reader = csv.reader(rows, delimiter=separator, strict=True)
        try:
            columns = _columns([cell.strip().lower() for cell in next(reader)], name)
            for row in reader:
                cells = {each: row[at].strip() for each, at in columns.items() if at < len(row)}
                if any(cells.values()):
                    yield f"{name}:{reader.line_num}", dict.fromkeys(NAMES, "") | cells
        except csv.Error as error:
            raise InputError(f"{name}:{reader.line_num}: no CSV ({error}).", "dataset") from error


def _columns(header: Sequence[str], name: str) -> dict[str, int]:
    """Return the place of each column. Raises: InputError for one that is needed and not there."""
    found = {}
    for each, spoken in NAMES.items():
        places = [at for at, cell in enumerate(header) if cell in spoken]
        if len(places) > 1:
            raise InputError(f"{name}: two columns are the {each}: {', '.join(header)}.", "dataset")
        if places:
            found[each] = places[0]
    missing = [each for each in NEEDED if each not in found]
    if missing:
        raise InputError(
            f"{name}: column {missing[0]!r} is needed in the first line; there are"
            f" {', '.join(map(repr, header))}.",
            "dataset",
        )
    return found
