"""`assay bench score | gate`: their exit codes and what they print."""

import json

import pytest
from typer.testing import CliRunner

from service.cli import app

RUNNER = CliRunner()


def assay(*words, code=0):
    """Return the outcome of a command that ends with a code."""
    outcome = RUNNER.invoke(app, [str(word) for word in words])
    assert outcome.exit_code == code, outcome.output
    return outcome


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with 40 documents, each the answer to one of 40 questions, and two runs of them."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "set" / "qrels").mkdir(parents=True)
    numbers = range(40)
    texts = {
        "set/corpus.jsonl": [json.dumps({"_id": f"d{i}", "text": f"text {i}"}) for i in numbers],
        "set/queries.jsonl": [json.dumps({"_id": f"q{i}", "text": "?"}) for i in numbers],
        "set/qrels/test.tsv": [f"q{i}\td{i}\t1" for i in numbers],
        "good.trec": [f"q{i} Q0 d{i} 1 1.0 good" for i in numbers],
        "bad.trec": [f"q{i} Q0 d{i if i % 4 else i + 1} 1 1.0 bad" for i in numbers],
    }
    for name, lines in texts.items():
        (tmp_path / name).write_text("\n".join(lines) + "\n")
    for name in ("good", "bad"):
        assay("bench", "score", "--run", f"{name}.trec", "--dataset", "set", "--out", name)
    return tmp_path


def test_a_scored_run_is_gated_with_exit_codes_and_reasons(folder):
    worse = assay("bench", "gate", "--baseline", "good", "--candidate", "bad", code=1)
    assert worse.stdout.startswith("FAILED: nDCG@10\n")
    assert "FAIL nDCG@10 fell by more than 0.01, and that is no chance" in worse.stdout
    better = assay("bench", "gate", "--baseline", "bad", "--candidate", "good", "--json")
    assert json.loads(better.stdout)["passed"] is True
    refused = assay(
        *("bench", "gate", "--baseline", "good", "--candidate", "bad"),
        *("--max-p95-ms", 10),
        code=2,
    )
    assert "bad holds no times" in refused.stderr


def test_limits_and_runs_that_cannot_be_read_are_named(folder):
    words = ("bench", "gate", "--baseline", "good", "--candidate")
    assert "nowhere is no finished run" in assay(*words, "nowhere", code=2).stderr
    assert "NAME=VALUE is needed" in assay(*words, "bad", "--max-cost", "usd", code=2).stderr
    said = assay("bench", "score", "--run", "no.trec", "--dataset", "set", code=2).stderr
    assert "no.trec is not there" in said


def test_a_scored_run_is_given_as_json(folder):
    found = assay("bench", "score", "--run", "good.trec", "--dataset", "set", "--json")
    metrics = json.loads(found.stdout)
    assert metrics["measures"]["nDCG@10"]["mean"] == 1.0
    assert metrics["run"].startswith(".assay")


def test_the_doctor_exits_with_1_where_figures_are_wrong(folder):
    (folder / "assay.toml").write_text('encoder = "hash"\n')
    sound = assay("bench", "doctor", "set")
    assert sound.stdout.startswith("set (test): 40 documents, 40 queries, 40 asked")
    assert sound.stdout.endswith("Nothing makes figures wrong.\n")
    with (folder / "set" / "qrels" / "test.tsv").open("a") as file:
        file.write("q1\tunicorn\t1\n")
    wrong = json.loads(assay("bench", "doctor", "set", "--json", code=1).stdout)
    assert wrong["sound"] is False
    assert wrong["symptoms"][0]["examples"] == ["q1 -> unicorn"]
    assert "is no folder" in assay("bench", "doctor", "nowhere", code=2).stderr


@pytest.mark.parametrize("names", [["scifact"], ["scifact", "musique_train100"]])
def test_a_named_benchmark_whose_dataset_is_missing_is_a_failure(tmp_path, names):
    words = ["bench", "suite", *names, "--data", str(tmp_path), "--out", str(tmp_path / "o")]
    outcome = RUNNER.invoke(app, words)
    assert outcome.exit_code == 1, outcome.output
    for name in names:
        assert f"skipped: no folder {name}" in outcome.stdout


def test_what_goes_wrong_in_a_process_of_the_suite_is_one_line(tmp_path):
    for name in ("scifact", "musique_train100"):
        (tmp_path / name).mkdir()
    words = ["bench", "suite", "musique_train100", "scifact", "--data", str(tmp_path)]
    outcome = RUNNER.invoke(app, ["--data-dir", str(tmp_path / "d"), *words])
    assert outcome.exit_code in (1, 2), outcome.output
    assert "is not there" in outcome.stderr
    assert outcome.stderr.count("Error: ") == 1
    assert not isinstance(outcome.exception, RuntimeError)
