"""The curve of precision against recall, worked by hand."""

from pathlib import Path

import numpy as np
import pytest

from eval.report.curve import curve
from eval.report.material import Measured, Place, Question
from eval.results import Run
from eval.scores import Scores


def measured(folder: Path, questions: list[Question], measures=("R@10",)) -> Measured:
    names = {"measures": {each: {"mean": 0.5, "low": None, "high": None} for each in measures}}
    scores = Scores(tuple(q.id for q in questions), ("R@10",), np.zeros((len(questions), 1)))
    return Measured(Run(folder, {}, names, scores), tuple(questions))


def trec(folder: Path, **ranked: list[str]) -> Path:
    lines = [
        f"{query} Q0 {document} {rank} {100 - rank} assay"
        for query, documents in ranked.items()
        for rank, document in enumerate(documents, 1)
    ]
    (folder / "run.trec").write_text("\n".join(lines) + "\n")
    return folder


def question(id: str, right: str) -> Question:
    places = tuple(Place(each, each, 1, ()) for each in right)
    return Question(id, id, {"R@10": 1.0}, places=places)


def test_precision_at_a_recall_is_the_best_from_there_on(tmp_path: Path) -> None:
    # Right: b and d. After b 1/2 at recall .5, after d 2/4 at recall 1.
    folder = trec(tmp_path, q=list("abcde"))
    found = curve(measured(folder, [question("q", "bd")]))
    assert found.kind == "interpolated"
    assert [point.precision for point in found.points] == pytest.approx([1 / 2] * 11)
    found = curve(measured(folder, [question("q", "bdxy")]))
    # Two of four are found: recall up to .5 is reached with 1/2, nothing reaches more.
    assert [point.precision for point in found.points] == pytest.approx([1 / 2] * 6 + [0] * 5)
    assert found.points[0].low is None


def test_a_question_that_found_nothing_counts_zero(tmp_path: Path) -> None:
    folder = trec(tmp_path, one=["a"])
    found = curve(measured(folder, [question("one", "a"), question("two", "a")]))
    assert [point.precision for point in found.points] == pytest.approx([0.5] * 11)
    assert found.points[0].low == 0
    assert found.points[0].high == 1


def test_what_a_run_does_not_list_is_counted_from_its_recall(tmp_path: Path) -> None:
    # One found of two: recall@10 is 1/2. The other has a made-up id that nothing can find.
    old = Question("q", "q", {"R@10": 0.5}, found=frozenset("b"))
    found = curve(measured(trec(tmp_path, q=list("ab")), [old]))
    assert [point.precision for point in found.points] == pytest.approx([1 / 2] * 6 + [0] * 5)


def test_spans_have_a_point_for_each_cutoff(tmp_path: Path) -> None:
    names = ("P@1", "P@10", "R@1", "R@10", "span_recall@10")
    found = curve(measured(tmp_path, [question("q", "a")], names))
    assert found.kind == "cutoffs"
    assert [(point.at, point.recall) for point in found.points] == [("@1", 0.5), ("@10", 0.5)]


def test_without_a_ranking_there_is_no_curve(tmp_path: Path) -> None:
    assert curve(measured(tmp_path, [question("q", "a")])) is None
