"""`assay judge` in the terminal."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from eval.judging.labels import labels_file, read_labels
from eval.judging.pool import Pooled, write_pool
from service.cli import app

RUNNER = CliRunner()


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    file = tmp_path / "p.jsonl"
    write_pool([Pooled("q", "which?", name, None, "", f"Text of {name}.") for name in "abc"], file)
    return file


def grades(pool: Path) -> dict[str, int]:
    return {place[1]: grade for (_, place), grade in read_labels(labels_file(pool)).items()}


def test_keys_grade_skip_take_back_and_stop(pool):
    outcome = RUNNER.invoke(app, ["judge", "label", str(pool), "--by", "ada"], input="3xsu12q")
    assert outcome.exit_code == 0, outcome.output
    assert "Text of a." in outcome.output
    assert grades(pool) == {"a": 1, "c": 2}


def test_labelling_goes_on_where_it_stopped(pool):
    RUNNER.invoke(app, ["judge", "label", str(pool), "--by", "ada"], input="0q")
    outcome = RUNNER.invoke(app, ["judge", "label", str(pool), "--by", "ada"], input="12")
    assert "2 of 3" in outcome.output
    assert grades(pool) == {"a": 0, "b": 1, "c": 2}


def test_a_pool_that_is_not_there_is_named(tmp_path):
    outcome = RUNNER.invoke(app, ["judge", "label", str(tmp_path / "none.jsonl"), "--by", "ada"])
    assert outcome.exit_code == 2
    assert "none.jsonl" in outcome.output


def test_a_judge_has_a_name_and_a_terminal(pool, monkeypatch):
    outcome = RUNNER.invoke(app, ["judge", "label", str(pool), "--by", " "])
    assert (outcome.exit_code, "the name of the judge is needed" in outcome.output) == (2, True)

    def nowhere() -> str:
        raise OSError(6, "No such device or address", "/dev/tty")

    monkeypatch.setattr("typer.getchar", nowhere)
    outcome = RUNNER.invoke(app, ["judge", "label", str(pool), "--by", "ada"])
    assert outcome.exit_code == 2
    assert "`assay serve`, then /judge" in outcome.output


def dataset(folder: Path) -> Path:
    (folder / "qrels").mkdir(parents=True)
    corpus = [{"_id": name, "text": f"Text of {name}."} for name in "abc"]
    (folder / "corpus.jsonl").write_text("\n".join(map(json.dumps, corpus)))
    (folder / "queries.jsonl").write_text('{"_id": "q", "text": "which?"}\n')
    (folder / "qrels" / "test.tsv").write_text("q\ta\t1\n")
    return folder


def test_labels_become_a_dataset(tmp_path, pool):
    source = dataset(tmp_path / "set")
    RUNNER.invoke(app, ["judge", "label", str(pool), "--by", "ada"], input="23q")
    words = ["judge", "merge", str(labels_file(pool)), "--dataset", str(source)]
    outcome = RUNNER.invoke(app, [*words, "--out", str(tmp_path / "new"), "--json"])
    assert outcome.exit_code == 0, outcome.output
    assert json.loads(outcome.stdout)["judgments"] == 2


def test_a_label_that_is_no_answer_is_said_to_be_written_as_grade_0(tmp_path, pool):
    source = dataset(tmp_path / "set")
    RUNNER.invoke(app, ["judge", "label", str(pool), "--by", "ada"], input="213")
    words = ["judge", "merge", str(labels_file(pool)), "--dataset", str(source)]
    outcome = RUNNER.invoke(app, [*words, "--out", str(tmp_path / "new")])
    assert outcome.exit_code == 0, outcome.output
    said = " ".join(outcome.output.split())
    assert "1 labels below grade 2 are written as grade 0: judged, not relevant" in said
    qrels = (tmp_path / "new" / "qrels" / "test.tsv").read_text().splitlines()
    assert qrels[1:] == ["q\ta\t2", "q\tb\t0", "q\tc\t3"]
    words += ["--relevant", "1", "--out", str(tmp_path / "lenient"), "--json"]
    assert json.loads(RUNNER.invoke(app, words).stdout)["not_relevant"] == 0


def test_agreement_says_how_many_labelled_questions_a_run_holds(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASSAY_CONFIG", str(tmp_path / "assay.toml"))
    (tmp_path / "assay.toml").write_text('encoder = "hash"\n')
    source = dataset(tmp_path / "set")
    runs = []
    for name in ("dense", "hybrid"):
        runs += ["--run", str(tmp_path / name)]
        words = ["bench", "run", "--dataset", str(source), "--pipeline", name]
        outcome = RUNNER.invoke(app, [*words, "--out", str(tmp_path / name)])
        assert outcome.exit_code == 0, outcome.output
    pool = tmp_path / "p.jsonl"
    outcome = RUNNER.invoke(app, ["judge", "pool", *runs[1::2], "--out", str(pool)])
    assert outcome.exit_code == 0, outcome.output
    for by, keys in (("ada", "21"), ("eve", "03")):
        RUNNER.invoke(app, ["judge", "label", str(pool), "--by", by], input=keys)
    words = ["judge", "agreement", str(labels_file(pool)), "--by", "ada", "--by", "eve", *runs]
    outcome = RUNNER.invoke(app, words)
    assert outcome.exit_code == 0, outcome.output
    assert "1/1" in outcome.output
    assert "of the 1 that both labelled" in outcome.output
