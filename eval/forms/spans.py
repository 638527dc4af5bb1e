"""The project's own form: `queries.jsonl` and `judgments.jsonl`, judgments on character spans."""

from pathlib import Path

from eval.judgments import read_spans
from eval.questions import ALL, Questions, read_queries

ON = "spans"
HOLDS = "queries.jsonl and judgments.jsonl"


def fits(folder: Path) -> bool:
    """Return whether a folder has questions in this form."""
    return (folder / "queries.jsonl").is_file() and (folder / "judgments.jsonl").is_file()


def read(folder: Path, split: str | None) -> Questions:
    """Return every query and every judgment; there are no splits. Raises: InputError."""
    judgments = tuple(read_spans(folder / "judgments.jsonl"))
    return Questions(ALL, read_queries(folder / "queries.jsonl"), judgments)
