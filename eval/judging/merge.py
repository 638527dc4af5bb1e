"""Labels and the judgments that a dataset has, written as a dataset of their own."""

import json
import shutil
from collections.abc import Iterable
from pathlib import Path

from eval.dataset import Dataset, load_dataset
from eval.judging.labels import Merged
from eval.judgments import Judgment
from retrieval.errors import InputError


def write_merged(labels: Merged, source: Path, folder: Path) -> dict[str, int]:
    """Write a dataset with the corpus and questions of `source`, its judgments, and the labels.

    A label takes the place of a judgment on the same document and span. Returns how many judgments
    there are, and how many of them are new.

    Raises: InputError for a folder that holds something, and for labels on other questions.
    """
    dataset = load_dataset(source)
    asked = {query.id for query in dataset.queries}
    given = labels.judgments()
    strange = sorted({each.query_id for each in given} - asked)
    if strange:
        raise InputError(
            f"{len(strange)} labelled questions are not in {source}, such as {strange[0]!r}: these"
            " labels belong to another dataset.",
            "labels",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise InputError(f"{folder} is not empty; give a new folder.", "out")
    except OSError as error:
        raise InputError(f"{folder} cannot be made: {error.strerror}.", "out") from error
    old = [each for judged in dataset.judgments.values() for each in judged]
    places = {(each.query_id, each.document_id, each.span) for each in given}
    kept = [each for each in old if (each.query_id, each.document_id, each.span) not in places]
    _copy_corpus(dataset, folder)
    shutil.copy(source / "queries.jsonl", folder / "queries.jsonl")
    if dataset.form == "documents":
        _write_qrels((*kept, *given), folder / "qrels" / f"{dataset.split}.tsv")
    else:
        _write_spans((*kept, *given), folder / "judgments.jsonl")
    return {"judgments": len(kept) + len(given), "new": len(given) - (len(old) - len(kept))}


def _copy_corpus(dataset: Dataset, folder: Path) -> None:
    if dataset.corpus.is_dir():
        shutil.copytree(dataset.corpus, folder / dataset.corpus.name)
    else:
        shutil.copy(dataset.corpus, folder / dataset.corpus.name)


def _write_qrels(judgments: Iterable[Judgment], file: Path) -> None:
    file.parent.mkdir()
    lines = [f"{each.query_id}\t{each.document_id}\t{each.grade}\n" for each in judgments]
    file.write_text("query-id\tcorpus-id\tscore\n" + "".join(lines), encoding="utf-8")


def _write_spans(judgments: Iterable[Judgment], file: Path) -> None:
    with file.open("w", encoding="utf-8") as out:
        for each in judgments:
            line: dict[str, object] = {
                "query_id": each.query_id,
                "document_id": each.document_id,
                "grade": each.grade,
            }
            if each.span is not None:
                line |= {"start": each.span.start, "end": each.span.end}
            if each.quote:
                line["quote"] = each.quote
            if each.group is not None:
                line["group"] = each.group
            out.write(json.dumps(line, ensure_ascii=False) + "\n")
