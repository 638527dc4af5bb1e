"""`assay bench chunking` on the real engine with the hash encoder."""

import json

import pytest
from typer.testing import CliRunner

from service.cli import app

RUNNER = CliRunner()
TEXT = "The cat sleeps on the sill. The dog barks at the postman. The owl hunts mice at night."
QUOTES = {"cat": "The cat sleeps on the sill.", "owl": "The owl hunts mice at night."}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A dataset of one document whose judgments are quotes, and the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "assay.toml").write_text('encoder = "hash"\n')
    monkeypatch.setenv("ASSAY_CONFIG", str(tmp_path / "assay.toml"))
    own = tmp_path / "animals"
    own.mkdir()
    queries = [{"_id": id, "text": quote} for id, quote in QUOTES.items()]
    judgments = [{"query_id": id, "quote": quote} for id, quote in QUOTES.items()]
    (own / "corpus.jsonl").write_text(json.dumps({"_id": "farm", "text": TEXT}))
    (own / "queries.jsonl").write_text("\n".join(map(json.dumps, queries)))
    (own / "judgments.jsonl").write_text("\n".join(map(json.dumps, judgments)))
    return own


def asked(folder, *words):
    return RUNNER.invoke(app, ["bench", "chunking", "--dataset", str(folder), *words])


def test_chunkers_are_compared_and_the_comparison_is_written(folder):
    outcome = asked(folder, "-c", "whole", "-c", "sentences:8", "--limit", "1", "--out", "out")
    assert outcome.exit_code == 0, outcome.output
    assert "animals: 2 queries, 1 documents; read are the first 1 hits" in outcome.stdout
    written = json.loads((folder.parent / "out" / "chunking.json").read_text())
    whole, sentences = written["chunkers"]
    assert whole["measures"]["span_recall"]["mean"] == 1.0
    assert whole["measures"]["characters"]["mean"] == len(TEXT)
    assert sentences["measures"]["span_precision"]["mean"] == 1.0
    again = asked(folder, "-c", "whole", "-c", "sentences:8", "--budget", "30", "--json")
    assert again.exit_code == 0, again.output
    values = json.loads(again.stdout)
    assert values["read"] == {"limit": 5, "budget": 30}
    assert [each["indexing_seconds"] for each in values["chunkers"]] == [None, None]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-c", "fix:20"], "No chunker 'fix'. Did you mean 'fixed'?"),
        (["-c", "fixed:a"], "NAME:TOKENS/OVERLAP"),
        (["-c", "fixed", "--baseline", "whole"], "'whole' is none of fixed"),
        (["-c", "fixed@nowhere"], "Pipeline 'nowhere' is not there"),
        (["-c", "fixed", "--embed", "all"], "got 'all'"),
    ],
)
def test_bad_input_is_one_line_before_anything_is_indexed(folder, words, said):
    outcome = asked(folder, *words)
    assert outcome.exit_code == 2, outcome.output
    assert said in outcome.stderr
    assert not (folder.parent / ".assay").exists()
