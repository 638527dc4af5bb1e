"""The pipelines of the benchmarks load, say what they are, and differ."""

import tomllib
from pathlib import Path

import pytest

import eval.benchmarks
from retrieval.config import load_pipeline

FILES = sorted((Path(eval.benchmarks.__file__).parent / "pipelines").glob("*.toml"))


@pytest.fixture(autouse=True)
def _acronyms(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "acronyms.txt").write_text("AD, Alzheimer's disease\n")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_pipeline_loads_and_says_what_it_is(file):
    assert load_pipeline(str(file)).stages
    assert tomllib.loads(file.read_text(encoding="utf-8"))["about"].endswith(".")


def test_no_two_are_the_same():
    assert len(FILES) > 10
    assert len({load_pipeline(str(file)).key for file in FILES}) == len(FILES)
