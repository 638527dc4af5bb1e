from pathlib import Path

import pytest

from eval.dataset import load_dataset
from eval.judging.labels import Merged
from eval.judging.merge import write_merged
from retrieval.errors import InputError
from retrieval.types import Span


def test_labels_join_qrels_and_replace_what_they_judge_again(animals: Path, tmp_path: Path) -> None:
    labels = Merged({("q1", "cat", None): 0, ("q1", "ant", None): 3}, {"ada": 2}, 0)
    written = write_merged(labels, animals, tmp_path / "new")
    assert written == {"judgments": 7, "new": 1}
    grades = {
        each.document_id: each.grade for each in load_dataset(tmp_path / "new").judgments["q1"]
    }
    assert grades == {"cat": 0, "dog": 1, "ant": 3}


def test_labels_join_spans(guide: Path, tmp_path: Path) -> None:
    labels = Merged({("sleep", "guide.md", Span(0, 9)): 2}, {"ada": 1}, 0)
    written = write_merged(labels, guide, tmp_path / "new")
    before, after = (load_dataset(each).judgments["sleep"] for each in (guide, tmp_path / "new"))
    assert written["new"] == 1
    assert len(after) == len(before) + 1
    assert (tmp_path / "new" / "corpus" / "more" / "the farm.md").is_file()


def test_labels_of_another_dataset_are_refused(animals: Path, tmp_path: Path) -> None:
    labels = Merged({("strange", "cat", None): 1}, {"ada": 1}, 0)
    with pytest.raises(InputError, match="'strange'"):
        write_merged(labels, animals, tmp_path / "new")


def test_a_folder_that_holds_something_is_refused(animals: Path) -> None:
    with pytest.raises(InputError, match="not empty"):
        write_merged(Merged({("q1", "cat", None): 1}, {"ada": 1}, 0), animals, animals)
