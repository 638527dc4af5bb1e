"""The contract of a form: found by itself, documented, and told from the others."""

from pathlib import Path

import pytest

from eval.dataset import form_of, forms

QUERY = '{"_id": "q", "text": "why?"}\n'


def test_the_folder_is_the_registry() -> None:
    here = Path(__file__).parents[3] / "eval" / "forms"
    assert sorted(forms()) == sorted(file.stem for file in here.glob("[a-z]*.py"))


@pytest.mark.parametrize("name", sorted(forms()))
def test_a_form_says_what_it_is_and_an_empty_folder_fits_none(name: str, tmp_path: Path) -> None:
    form = forms()[name]
    assert form.__doc__
    assert form.HOLDS
    assert form.ON in ("documents", "spans")
    assert not form.fits(tmp_path)


def test_spans_go_first_unless_a_split_is_named(tmp_path: Path) -> None:
    (tmp_path / "corpus").mkdir()
    (tmp_path / "queries.jsonl").write_text(QUERY)
    (tmp_path / "judgments.jsonl").write_text("")
    assert form_of(tmp_path) is forms()["spans"]
    assert form_of(tmp_path, "test") is forms()["beir"]
    (tmp_path / "judgments.jsonl").unlink()
    assert form_of(tmp_path) is forms()["beir"]
