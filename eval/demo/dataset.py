"""The demo as a dataset's folder: the corpus of this Python, with the questions that come along."""

from importlib.resources import files
from pathlib import Path

from eval.demo.corpus import write_corpus
from retrieval.errors import InputError


def write_dataset(folder: Path) -> int:
    """Write the demo's dataset into a folder, and return how many documents its corpus has.

    Raises: InputError for a folder that holds something else.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        count = write_corpus(folder / "corpus")
    except OSError as error:
        raise InputError(f"folder: {error}.", "folder") from error
    for name in ("queries.jsonl", "judgments.jsonl"):
        text = (files("eval.demo") / name).read_text(encoding="utf-8")
        (folder / name).write_text(text, encoding="utf-8")
    return count
