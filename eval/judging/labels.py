"""Labels: what judges say of pooled passages; every one is on the disk before the next is asked.

Grades are those of UMBRELA, which are those of the TREC Deep Learning tracks.

Source: Upadhyay, Pradeep, Thakur, Craswell and Lin 2024, arXiv 2406.06519.
"""

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median_low
from typing import Any

from eval.dataset import Dataset
from eval.jsonl import records, string, whole_number
from eval.judging.pool import Place, Pooled, read_span
from eval.judgments import Judgment
from retrieval.errors import InputError
from retrieval.types import Span

GRADES = {
    0: "Irrelevant: has nothing to do with the question.",
    1: "Related: is about the subject, and does not answer.",
    2: "Highly relevant: has some answer, but unclear or among other things.",
    3: "Perfectly relevant: is about the question, and holds the exact answer.",
}
RELEVANT = 2
"""From this grade on a passage counts as an answer, as in the Deep Learning tracks."""


@dataclass(frozen=True, slots=True)
class Label:
    """A grade that somebody gave a place. None takes an earlier label of the same judge back."""

    query_id: str
    document_id: str
    span: Span | None
    grade: int | None
    by: str

    @property
    def place(self) -> Place:
        """What the label is given to."""
        return self.query_id, self.document_id, self.span


def label_of(pooled: Pooled, grade: int | None, by: str) -> Label:
    """Return a label of a passage. Raises: InputError for a grade or a name that is none."""
    if grade is not None and grade not in GRADES:
        raise InputError(f"grade: one of {', '.join(map(str, GRADES))}, got {grade!r}.", "grade")
    return Label(*pooled.place, grade, checked_judge(by))


def checked_judge(by: str) -> str:
    """Return the name of a judge without spaces around it. Raises: InputError where it is none."""
    if not by.strip():
        raise InputError("by: the name of the judge is needed.", "by")
    return by.strip()


def labels_file(pool: Path) -> Path:
    """Return where the labels of a pool are kept, beside it."""
    return pool.with_name(f"{pool.stem}.labels.jsonl")


def append(label: Label, file: Path) -> None:
    """Add a label to a file; when this returns, the label survives a kill and a loss of power."""
    line = {
        "query_id": label.query_id,
        "document_id": label.document_id,
        "span": None if label.span is None else [*label.span],
        "grade": label.grade,
        "by": label.by,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    torn = file.exists() and not file.read_bytes().endswith(b"\n") and file.stat().st_size
    with file.open("a", encoding="utf-8") as out:
        out.write("\n" if torn else "")
        out.write(json.dumps(line, ensure_ascii=False) + "\n")
        out.flush()
        os.fsync(out.fileno())


def read_labels(file: Path, by: str | None = None) -> dict[tuple[str, Place], int]:
    """Return the last grade of each judge and place; those of one judge if `by` says so.

    A file that is not there holds none. Raises: InputError that names file and line.
    """
    found: dict[tuple[str, Place], int] = {}
    if not file.exists():
        return found
    for where, record in records(file):
        label = _label(record, where)
        if by is not None and label.by != by:
            continue
        key = (label.by, label.place)
        found.pop(key, None)
        if label.grade is not None:
            found[key] = label.grade
    return found


def _label(record: Mapping[str, Any], where: str) -> Label:
    grade = record.get("grade")
    if grade is not None:
        grade = whole_number(grade, "grade", where)
        if grade not in GRADES:
            raise InputError(f"{where}: grade must be 0 to {max(GRADES)} or null, got {grade}.")
    ids = [string(record, name, where) for name in ("query_id", "document_id", "by")]
    return Label(ids[0], ids[1], read_span(record, where), grade, ids[2])


@dataclass(frozen=True)
class Merged:
    """Several judges' labels as judgments: the median grade, the lower one of two in the middle.

    `judges` is how many labels each had, `apart` how many places were graded otherwise by two.
    """

    grades: Mapping[Place, int]
    judges: Mapping[str, int]
    apart: int


def as_judgments(grades: Mapping[Place, int], relevant: int = RELEVANT) -> list[Judgment]:
    """Return grades as judgments, in order of question, document and span.

    From `relevant` on a grade is kept, as the gain of nDCG; below, it is 0: judged, not relevant,
    since binary measures take every judgment above 0 for an answer.
    """
    return [
        Judgment(query_id, document_id, grade if grade >= relevant else 0, span)
        for (query_id, document_id, span), grade in sorted(
            grades.items(), key=lambda each: (each[0][0], each[0][1], each[0][2] or ())
        )
    ]


def check_kind(places: Iterable[Place], dataset: Dataset) -> None:
    """Raise InputError for labels on spans where judgments are on documents, or the reverse."""
    wrong = [each for each in places if (each[2] is None) != (dataset.form == "documents")]
    if wrong:
        kind = "spans" if dataset.form == "documents" else "whole documents"
        raise InputError(
            f"{len(wrong)} labels are on {kind}, such as {wrong[0][0]} -> {wrong[0][1]}, and the"
            f" judgments of {dataset.folder} on {dataset.form}: these labels belong to another"
            " dataset.",
            "labels",
        )


def merged(files: Sequence[Path]) -> Merged:
    """Return the labels of some files together. Raises: InputError where there are none."""
    by_place: dict[Place, dict[str, int]] = {}
    for file in files:
        for (by, place), grade in read_labels(file).items():
            by_place.setdefault(place, {})[by] = grade
    if not by_place:
        raise InputError(f"No label in {', '.join(map(str, files))}.", "labels")
    judges = Counter(by for grades in by_place.values() for by in grades)
    return Merged(
        {place: median_low(grades.values()) for place, grades in by_place.items()},
        dict(sorted(judges.items())),
        sum(len(set(grades.values())) > 1 for grades in by_place.values()),
    )


def unlabelled(pool: Iterable[Pooled], labels: Mapping[tuple[str, Place], int], by: str) -> int:
    """Return how many passages of a pool a judge has still to see."""
    return sum((by, each.place) not in labels for each in pool)
