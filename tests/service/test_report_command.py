"""`assay bench report` and `bench run --report`: what they write, say and refuse."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from service.cli import app
from service.commands.bench_report import of_run

RUNNER = CliRunner()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a run of one question, and one that is no run."""
    monkeypatch.chdir(tmp_path)
    run = tmp_path / "a run"
    run.mkdir()
    dataset = {"name": "one", "split": "test", "findings": [], "hashes": {}}
    measures = {"nDCG@10": 0.5, "Success@10": 1.0, "R@10": 1.0}
    (run / "manifest.json").write_text(
        json.dumps({"dataset": dataset, "system": {"name": "other", "kind": "file"}})
    )
    means = {name: {"mean": value, "low": None, "high": None} for name, value in measures.items()}
    (run / "metrics.json").write_text(
        json.dumps({"queries": 1, "measures": means, "latency": {"queries": 0}, "shallow": 0})
    )
    (run / "per_query.jsonl").write_text(json.dumps({"query_id": "1", "measures": measures}))
    (tmp_path / "empty").mkdir()
    return tmp_path


def assay(*words: str, code: int = 0):
    outcome = RUNNER.invoke(app, ["bench", "report", *words])
    assert outcome.exit_code == code, outcome.output
    return outcome


def refused(*words: str) -> str:
    outcome = assay(*words, code=2)
    assert outcome.stderr.count("\n") == 1, outcome.stderr
    return outcome.stderr


def test_the_page_is_written_where_nothing_else_is_named(place: Path) -> None:
    shown = assay("a run").stdout.splitlines()
    assert shown == [
        "other finds a right document among the first 10 for 1 of 1 questions",
        "report: report.html",
    ]
    text = (place / "report.html").read_text()
    assert "One query only: no interval is claimed" in text
    assert "one question: no interval" in text


def test_markdown_and_json_are_written_without_a_page(place: Path) -> None:
    assay("a run", "--markdown", "r.md", "--json", "r.json")
    assert (place / "r.md").read_text().startswith("## other finds")
    assert json.loads((place / "r.json").read_text())["runs"][0]["name"] == "other"
    assert not (place / "report.html").exists()


def test_standard_output_holds_the_markdown_alone(place: Path) -> None:
    assert assay("a run", "--markdown", "-").stdout.startswith("## other finds")
    assert "holds one of them only" in refused("a run", "--markdown", "-", "--json", "-")


def test_what_cannot_be_written_is_found_out_first(place: Path) -> None:
    assert "its folder is not there" in refused("empty", "--out", "nowhere/r.html")
    assert "is a folder" in refused("empty", "--out", "empty")


def test_what_is_no_run_is_named(place: Path) -> None:
    assert "empty is no finished run" in refused("empty")
    assert "got 3 folders" in refused("a run", "a run", "a run")
    assert "No measure 'P@3'" in refused("a run", "--metric", "P@3")


def test_a_run_says_how_to_get_its_report(place: Path) -> None:
    run = place / "a run"
    assert of_run(run, wanted=False) == f"report: assay bench report '{run}' --out report.html"
    assert of_run(run, wanted=True) == f"report: {run / 'report.html'}"
    assert "<!doctype html>" in (run / "report.html").read_text()
