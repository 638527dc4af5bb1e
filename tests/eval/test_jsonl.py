from pathlib import Path

import pytest

from eval.jsonl import place, text_lines


def test_a_file_is_named_with_the_folder_that_it_was_given_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert place(tmp_path / "qrels" / "test.tsv") == "qrels/test.tsv"
    monkeypatch.chdir(tmp_path)
    Path("runs.trec").write_text("a\n\nb\n")
    assert list(text_lines(Path("runs.trec"))) == [("runs.trec:1", "a"), ("runs.trec:3", "b")]
