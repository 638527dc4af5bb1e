"""A TREC folder: which files are taken, and that what it holds is a dataset."""

from pathlib import Path

import pytest

from eval.dataset import load_dataset
from eval.judgments import Judgment
from retrieval.errors import InputError, NotFoundError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "corpus.jsonl").write_text('{"_id": "d1", "text": "one"}\n')
    (tmp_path / "topics.robust.txt").write_text("<top>\n<num> Number: 301\n<title> one\n</top>\n")
    (tmp_path / "qrels.robust.txt").write_text("301 0 d1 1\n301 0 d2 -2\n")
    return tmp_path


def test_topics_and_qrels_are_a_dataset(folder: Path) -> None:
    found = load_dataset(folder)
    assert (found.form, found.split) == ("documents", "all")
    assert [(each.id, each.text) for each in found.queries] == [("301", "one")]
    assert found.judgments["301"] == (Judgment("301", "d1"), Judgment("301", "d2", 0))


def test_of_several_files_the_split_picks_one(folder: Path) -> None:
    (folder / "qrels.dev.txt").write_text("301 0 d2 1\n")
    with pytest.raises(InputError, match=r"holds qrels.dev.txt, qrels.robust.txt: --split picks"):
        load_dataset(folder)
    found = load_dataset(folder, "dev")
    assert (found.split, found.judgments["301"][0].document_id) == ("dev", "d2")
    with pytest.raises(NotFoundError, match=r"qrels.test.\* is not there; there is qrels.dev.txt"):
        load_dataset(folder, "test")
