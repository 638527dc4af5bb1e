"""`assay bench tune` as a user calls it."""

import json

import pytest
from typer.testing import CliRunner

from service.cli import app

RUNNER = CliRunner()
WORDS = ["bench", "tune", "--dataset", "animals", "--folds", "2", "--out", "tuned"]


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    """A working directory with a small dataset, on the hash encoder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASSAY_ENCODER", "hash")
    (tmp_path / "animals" / "qrels").mkdir(parents=True)
    texts = {"cat": "The cat sleeps on the sill.", "dog": "The dog barks at the postman."}
    (tmp_path / "animals" / "corpus.jsonl").write_text(
        "".join(json.dumps({"_id": id, "text": text}) + "\n" for id, text in texts.items())
    )
    (tmp_path / "animals" / "queries.jsonl").write_text(
        '{"_id": "q1", "text": "who sleeps"}\n{"_id": "q2", "text": "who barks"}\n'
    )
    (tmp_path / "animals" / "qrels" / "test.tsv").write_text("q1\tcat\t1\nq2\tdog\t1\n")


def test_a_parameter_is_tuned_and_the_pipeline_written():
    outcome = RUNNER.invoke(app, [*WORDS, "--param", "fuse.alpha=0,0.5,1"])
    assert outcome.exit_code == 0, outcome.output
    assert "animals (test): 2 queries, 2 folds, 3 combinations tried" in outcome.stdout
    assert "advice: keep the untuned values" in outcome.stdout
    assert outcome.stdout.endswith("pipeline: tuned/pipeline.toml\n")
    again = RUNNER.invoke(app, [*WORDS, "--param", "fuse.alpha=0,0.5,1", "--json"])
    assert json.loads(again.stdout)["cross_validated"]["mean"] <= 1


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--param", "fuse.alfa=0..1"], "fuse has no such parameter"),
        (["--param", "fuse.alpha=0..3"], "fuse.alpha: 0 to 1, got 3.0"),
        (["--param", "fuse.k=0..9", "--folds", "1"], "folds: 2 to 100"),
        (["--param", "fuse.k=0..9", "--metric", "nDCG"], "as nDCG@10"),
        (["--param", "fuse.k=0..9", "--metric", "NDGC@10"], "No measure 'NDGC@10'"),
        (["--param", "fuse.k=0..9", "-p", "nosuch"], "Pipeline 'nosuch' is not there"),
    ],
)
def test_what_is_wrong_is_one_line(words, named):
    outcome = RUNNER.invoke(app, [*WORDS, *words])
    assert outcome.exit_code == 2, outcome.output
    assert named in outcome.stderr
    assert outcome.stderr.count("\n") == 1
