"""BEIR: `queries.jsonl` and `qrels/SPLIT.tsv`, judgments on documents.

Source: Thakur et al. 2021, arXiv 2104.08663.
"""

from pathlib import Path

from eval.judgments import read_qrels
from eval.questions import Questions, read_queries
from retrieval.errors import NotFoundError

ON = "documents"
HOLDS = "queries.jsonl and qrels/SPLIT.tsv"
DEFAULT = "test"
SUFFIXES = (".tsv", ".txt", ".qrels")


def fits(folder: Path) -> bool:
    """Return whether a folder has questions in this form."""
    return (folder / "queries.jsonl").is_file()


def read(folder: Path, split: str | None) -> Questions:
    """Return every query, and the judgments of a split. Raises: InputError."""
    split = split or DEFAULT
    judgments = tuple(read_qrels(_qrels(folder, split)))
    return Questions(split, read_queries(folder / "queries.jsonl"), judgments)


def splits(folder: Path) -> list[str]:
    """Return the names of the splits that are there, sorted."""
    files = (folder / "qrels").glob("*.*")
    return sorted({file.stem for file in files if file.suffix in SUFFIXES})


def _qrels(folder: Path, split: str) -> Path:
    for suffix in SUFFIXES:
        file = folder / "qrels" / f"{split}{suffix}"
        if file.is_file():
            return file
    there = splits(folder)
    hint = f"Its splits are: {', '.join(there)}." if there else "No qrels are."
    raise NotFoundError(f"{folder}: qrels/{split}.tsv is not there. {hint}", "split")
