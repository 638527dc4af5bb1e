"""Labels and the judgments that a dataset has, written as a dataset of their own."""

import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from eval.dataset import Dataset, load_dataset
from eval.judging.labels import RELEVANT, Merged, as_judgments, check_kind
from eval.judgments import Judgment
from eval.questions import ALL, Query
from retrieval.errors import InputError


@dataclass(frozen=True)
class Written:
    """How many judgments a dataset has now, and how many of them are on places new to it.

    `not_relevant` counts the labels written as grade 0: judged, and not relevant.
    """

    judgments: int
    new: int
    not_relevant: int


def write_merged(labels: Merged, source: Path, folder: Path, relevant: int = RELEVANT) -> Written:
    """Write a dataset with the corpus and questions of `source`, its judgments, and the labels.

    A label takes the place, and the group, of a judgment on the same document and span; below
    `relevant` it is written as grade 0. Judgments on documents of a named split become its qrels,
    all others `judgments.jsonl`. The folder is there when all of it is; a failure leaves none.

    Raises: InputError for a folder that holds something or cannot be written, and for labels on
    other questions, or on spans where the dataset's judgments are on documents, or the reverse.
    """
    dataset = load_dataset(source)
    _check(labels, dataset, source)
    old = [each for judged in dataset.judgments.values() for each in judged]
    groups = {_place(each): each.group for each in old}
    given = [
        replace(each, group=groups.get(_place(each)))
        for each in as_judgments(labels.grades, relevant)
    ]
    kept = [each for each in old if _place(each) not in labels.grades]
    try:
        if folder.exists() and any(folder.iterdir()):
            raise InputError(f"{folder} is not empty; give a new folder.", "out")
        _write(dataset, (*kept, *given), folder.resolve())
    except OSError as error:
        raise InputError(f"{folder} cannot be made: {error.strerror or error}.", "out") from error
    return Written(
        judgments=len(kept) + len(given),
        new=len(labels.grades.keys() - {_place(each) for each in old}),
        not_relevant=sum(each.grade == 0 for each in given),
    )


def _check(labels: Merged, dataset: Dataset, source: Path) -> None:
    """Refuse labels that belong to another dataset."""
    asked = {query.id for query in dataset.queries}
    strange = sorted({query_id for query_id, _, _ in labels.grades} - asked)
    if strange:
        raise InputError(
            f"{len(strange)} labelled questions are not in {source}, such as {strange[0]!r}: these"
            " labels belong to another dataset.",
            "labels",
        )
    check_kind(labels.grades, dataset)


def _place(judgment: Judgment) -> tuple[str, str, Any]:
    """Return what a label would be given to; a quote without a span is a place of its own."""
    where = judgment.span or judgment.quote.strip() or None
    return judgment.query_id, judgment.document_id, where


def _write(dataset: Dataset, judgments: Iterable[Judgment], folder: Path) -> None:
    """Write all files beside the folder, and give them its name when they are whole."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as beside:
        part = Path(beside) / "part"  # not the temporary folder itself, which only its owner reads
        part.mkdir()
        _write_lines(map(_question, dataset.queries), part / "queries.jsonl")
        if dataset.form == "documents" and dataset.split != ALL:
            _write_qrels(judgments, part / "qrels" / f"{dataset.split}.tsv")
        else:
            _write_lines(map(_judgment, judgments), part / "judgments.jsonl")
        copy = shutil.copytree if dataset.corpus.is_dir() else shutil.copy
        copy(dataset.corpus, part / dataset.corpus.name)
        if folder.exists():
            folder.rmdir()
        part.rename(folder)


def _question(query: Query) -> dict[str, Any]:
    """Return a question as a line of `queries.jsonl`."""
    unanswerable = {} if query.answerable else {"answerable": False}
    line = {"_id": query.id, "text": query.text, "metadata": {**query.meta, **unanswerable}}
    return line if line["metadata"] else {"_id": query.id, "text": query.text}


def _judgment(judgment: Judgment) -> dict[str, Any]:
    """Return a judgment as a line of `judgments.jsonl`."""
    span = judgment.span
    line: dict[str, Any] = {"query_id": judgment.query_id, "grade": judgment.grade}
    line |= {"document_id": judgment.document_id} if judgment.document_id else {}
    line |= {} if span is None else {"start": span.start, "end": span.end}
    line |= {"quote": judgment.quote} if judgment.quote else {}
    return line if judgment.group is None else {**line, "group": judgment.group}


def _write_qrels(judgments: Iterable[Judgment], file: Path) -> None:
    file.parent.mkdir()
    lines = [f"{each.query_id}\t{each.document_id}\t{each.grade}\n" for each in judgments]
    file.write_text("query-id\tcorpus-id\tscore\n" + "".join(lines), encoding="utf-8")


def _write_lines(lines: Iterable[Mapping[str, Any]], file: Path) -> None:
    with file.open("w", encoding="utf-8") as out:
        out.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
