"""Spans in the metadata of `queries.jsonl`: all of a question's references are needed.

Source: Smith and Troynikov 2024, "Evaluating Chunking Strategies for Retrieval", its data.
"""

from pathlib import Path

from eval.judgments import read_references
from eval.questions import ALL, Questions, query_records

ON = "spans"
HOLDS = "queries.jsonl with metadata.references"


def fits(folder: Path) -> bool:
    """Return whether a folder has questions in this form; a `judgments.jsonl` goes before it."""
    file = folder / "queries.jsonl"
    if not file.is_file() or (folder / "judgments.jsonl").is_file():
        return False
    if b'"references"' not in file.read_bytes():
        return False
    return any("references" in query.meta for query, _ in query_records(file))


def read(folder: Path, split: str | None) -> Questions:
    """Return every query and every reference; there are no splits. Raises: InputError."""
    queries = query_records(folder / "queries.jsonl")
    judgments = [
        each
        for query, where in queries
        if "references" in query.meta
        for each in read_references(query.id, query.meta, where)
    ]
    return Questions(ALL, tuple(query for query, _ in queries), tuple(judgments))
