"""TREC: a file of topics and one of qrels, beside the corpus.

Their names begin with `topics` and `qrels`; of several, `--split` picks the one that has the split
between dots, as `topics.dev.txt` and `qrels.dev.txt`.
"""

from pathlib import Path

from eval.judgments import read_qrels
from eval.questions import ALL, Questions
from eval.topics import read_topics
from retrieval.errors import InputError, NotFoundError

ON = "documents"
HOLDS = "topics.* and qrels.*"


def fits(folder: Path) -> bool:
    """Return whether a folder has questions in this form."""
    return any(each.is_file() for each in folder.glob("topics*"))


def read(folder: Path, split: str | None) -> Questions:
    """Return every topic, and the judgments of a split. Raises: InputError."""
    topics, qrels = (_file(folder, start, split) for start in ("topics", "qrels"))
    return Questions(split or ALL, read_topics(topics), tuple(read_qrels(qrels)))


def _file(folder: Path, start: str, split: str | None) -> Path:
    files = sorted(each for each in folder.glob(f"{start}*") if each.is_file())
    named = [each for each in files if split in each.name.split(".")] if split else files
    if split and not named and len(files) == 1 and start == "topics":
        named = files
    if len(named) == 1:
        return named[0]
    there = ", ".join(each.name for each in files) or "none"
    if not named:
        which = f"{start}.{split}.*" if split else f"{start}.*"
        raise NotFoundError(f"{folder}: {which} is not there; there is {there}.", "split")
    raise InputError(f"{folder} holds {there}: --split picks one.", "split")
