"""`assay bench ladder` as a user calls it, and its table while it runs."""

import io
import json

import pytest
from rich.console import Console
from typer.testing import CliRunner

from retrieval.config import load_pipeline
from service.cli import app
from service.live_table import LiveTable

RUNNER = CliRunner()
LADDER = """\
rungs = [
    { pipeline = "sparse" },
    { name = "one per document", add = { use = "rules", most = 1 } },
]
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with a small dataset and a ladder, on the hash encoder."""
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
    (tmp_path / "animals" / "qrels" / "dev.tsv").write_text("q1\tcat\t1\nq2\tdog\t1\n")
    (tmp_path / "mine.toml").write_text(LADDER)
    return tmp_path


def test_a_ladder_is_climbed_and_its_winner_promoted(folder):
    words = ["bench", "ladder", "--dataset", "animals:dev", "--ladder", "mine.toml", "--out", "out"]
    outcome = RUNNER.invoke(app, [*words, "--promote", "served/best.toml"])
    assert outcome.exit_code == 0, outcome.output
    assert "animals (dev): 2 queries" in outcome.stdout
    assert "Winner: sparse, nDCG@10 1.0000" in outcome.stdout
    assert "The winner is in served/best.toml" in outcome.stderr
    assert load_pipeline("served/best.toml").key == load_pipeline("sparse").key
    again = RUNNER.invoke(app, [*words, "--json", "--metric", "MRR@10"])
    assert json.loads(again.stdout)["winner"]["name"] == "sparse"
    listed = RUNNER.invoke(app, ["pipelines"], env={"ASSAY_PIPELINES_DIR": "served"})
    assert "best" in listed.stdout


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--ladder", "nosuch"], "Ladder 'nosuch' is not there"),
        (["--ladder", "mine.toml", "--metric", "nDCG"], "a measure at a cutoff, as nDCG@10"),
        (["--ladder", "mine.toml", "--promote", "best.json"], "ends in .toml"),
        (["--ladder", "mine.toml", "--margin", "-1"], "margin: 0 to 1"),
        (["--ladder", "mine.toml"], "qrels/test.tsv is not there"),
    ],
)
def test_what_is_wrong_is_one_line(folder, words, named):
    outcome = RUNNER.invoke(app, ["bench", "ladder", "--dataset", "animals", "--out", "o", *words])
    assert outcome.exit_code == 2, outcome.output
    assert named in outcome.stderr
    assert outcome.stderr.count("\n") == 1
    assert not (folder / "o").exists()


ROWS = [["animals: 3 of 4", "nDCG@10", "ms"], ["dense", "0.5000", "1.0"], ["top", "0.7500", "2.0"]]


def test_the_standing_is_a_table_in_a_terminal():
    shown = io.StringIO()
    live = LiveTable(Console(file=shown, force_terminal=True, width=80))
    with live.running():
        live.said("two datasets")
        live.asked(3, 4)
        live.standing(ROWS)
    text = shown.getvalue()
    assert "animals: 3 of 4" in text
    assert "0.7500" in text
    assert "3 of 4 questions" in text
    assert "two datasets" in text


def test_the_standing_is_a_line_now_and_then_elsewhere(monkeypatch):
    shown = io.StringIO()
    live = LiveTable(Console(file=shown, width=80))
    with live.running():
        live.standing(ROWS)
        assert shown.getvalue() == ""
        monkeypatch.setattr("service.live_table.EVERY_S", 0.0)
        live.standing(ROWS)
    assert shown.getvalue() == "animals: 3 of 4: dense 0.5000, top 0.7500\n"
