from pathlib import Path

import pytest

from eval.judging.labels import (
    append,
    as_judgments,
    label_of,
    labels_file,
    merged,
    read_labels,
    unlabelled,
)
from eval.judging.pool import Pooled
from retrieval.errors import InputError
from retrieval.types import Span

ONE = Pooled("q1", "which?", "d1", Span(0, 9))
TWO = Pooled("q1", "which?", "d2", None)


def test_labels_stand_beside_their_pool() -> None:
    assert labels_file(Path("pools/a.jsonl")) == Path("pools/a.labels.jsonl")


def test_the_last_label_of_a_judge_counts_and_null_takes_it_back(tmp_path: Path) -> None:
    file = tmp_path / "new" / "l.jsonl"
    append(label_of(ONE, 1, "ada"), file)
    append(label_of(ONE, 3, "ada"), file)
    append(label_of(ONE, 0, "bob"), file)
    append(label_of(TWO, 2, "ada"), file)
    assert read_labels(file) == {
        ("ada", ONE.place): 3,
        ("bob", ONE.place): 0,
        ("ada", TWO.place): 2,
    }
    append(label_of(TWO, None, "ada"), file)
    assert read_labels(file, "ada") == {("ada", ONE.place): 3}
    assert unlabelled([ONE, TWO], read_labels(file), "ada") == 1


def test_a_label_after_a_torn_line_is_not_lost_with_it(tmp_path: Path) -> None:
    file = tmp_path / "l.jsonl"
    append(label_of(ONE, 1, "ada"), file)
    with file.open("a") as torn:
        torn.write('{"query_id": "q1", "docu')
    append(label_of(TWO, 2, "ada"), file)
    assert file.read_text().count("\n") == 3
    with pytest.raises(InputError, match=r"l\.jsonl:2: no JSON"):
        read_labels(file)


def test_of_several_judges_the_lower_median_counts(tmp_path: Path) -> None:
    for by, grade in (("ada", 3), ("bob", 1), ("eve", 2)):
        append(label_of(ONE, grade, by), tmp_path / "a.jsonl")
    for by, grade in (("ada", 2), ("bob", 1)):
        append(label_of(TWO, grade, by), tmp_path / "b.jsonl")
    found = merged([tmp_path / "a.jsonl", tmp_path / "b.jsonl"])
    assert found.grades == {ONE.place: 2, TWO.place: 1}
    assert found.judges == {"ada": 2, "bob": 2, "eve": 1}
    assert found.apart == 2


def test_a_label_below_relevant_is_a_judgment_of_grade_0() -> None:
    places = {("q", f"d{grade}", None): grade for grade in range(4)}
    assert [each.grade for each in as_judgments(places)] == [0, 0, 2, 3]
    assert [each.grade for each in as_judgments(places, 1)] == [0, 1, 2, 3]
    assert [each.grade for each in as_judgments(places, 3)] == [0, 0, 0, 3]


@pytest.mark.parametrize(("grade", "by"), [(4, "ada"), (-1, "ada"), (1, " ")])
def test_a_grade_or_a_name_that_is_none_is_refused(grade: int, by: str) -> None:
    with pytest.raises(InputError):
        label_of(ONE, grade, by)


def test_no_labels_at_all_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No label"):
        merged([tmp_path / "none.jsonl"])
