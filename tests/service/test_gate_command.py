"""`assay gate train` with a recorded model: the file that it writes is what it says it is."""

import json

import pytest
from typer.testing import CliRunner

from retrieval.config import load_pipeline
from service.cli import app

RUNNER = CliRunner()
TEXTS = {
    "cat": "The cat sleeps on the warm window sill.",
    "dog": "The dog barks at the postman every morning.",
    "owl": "The owl hunts mice at night without a sound.",
    "bee": "The bee dances to show where flowers are.",
}
CLEAR = {f"clear-{id}": (text, id) for id, text in TEXTS.items()}
VAGUE = {f"vague-{id}": ("who moves", id) for id in TEXTS}
GATED = """stages = [{ use = "dense" }, { use = "sparse" }, { use = "fuse" },
    { use = "gate", then = [{ use = "hyde", how = "concat" }, { use = "dense" },
    { use = "sparse" }, { use = "fuse" }] }]"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Questions that a search answers, and others that it needs a recorded passage for."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "assay.toml").write_text(
        'encoder = "hash"\ncassette = "c.jsonl"\ncassette_mode = "replay"\n'
    )
    monkeypatch.setenv("ASSAY_CONFIG", str(tmp_path / "assay.toml"))
    asked = {**CLEAR, **{id: (f"{text} {id}", to) for id, (text, to) in VAGUE.items()}}
    passages = [{"_id": id, "text": TEXTS[to]} for id, (_, to) in asked.items()]
    (tmp_path / "animals" / "qrels").mkdir(parents=True)
    for name, records in {
        "animals/corpus.jsonl": [{"_id": id, "text": text} for id, text in TEXTS.items()],
        "animals/queries.jsonl": [{"_id": id, "text": text} for id, (text, _) in asked.items()],
        "passages.jsonl": passages,
    }.items():
        (tmp_path / name).write_text("\n".join(map(json.dumps, records)))
    lines = "".join(f"{id}\t{to}\t1\n" for id, (_, to) in asked.items())
    qrels = f"query-id\tcorpus-id\tscore\n{lines}"
    (tmp_path / "animals" / "qrels" / "test.tsv").write_text(qrels)
    (tmp_path / "gated.toml").write_text(GATED)
    (tmp_path / "c.jsonl").touch()
    put = ["cassette", "import", "passages.jsonl", "--dataset", "animals", "--stage", "hyde"]
    assert RUNNER.invoke(app, put).exit_code == 0
    return tmp_path


def train(*words):
    return RUNNER.invoke(app, ["gate", "train", "--dataset", "animals", *words])


def test_a_gate_is_fitted_written_and_proven_on_questions_held_out(folder):
    outcome = train("-p", "gated.toml", "--out", "fitted.toml", "--loss", "0", "--json")
    assert outcome.exit_code == 0, outcome.output
    found = json.loads(outcome.stdout)
    always, never = found["against"]["always open"], found["against"]["never open"]
    assert always["baseline"] == 1.0
    assert always["queries"] == 8
    assert never["baseline"] < 1.0
    assert never["candidate"] == always["candidate"]
    assert found["opened"] == pytest.approx(1 - found["calls_saved"])
    gate = load_pipeline("fitted.toml").stages[-1]
    assert getattr(gate, found["threshold"]["signal"]) == found["threshold"]["value"]
    # What the fitted pipeline is worth on these questions is what the command says of them.
    run = ["bench", "run", "--dataset", "animals", "-p", "fitted.toml", "--json"]
    measured = json.loads(RUNNER.invoke(app, run).stdout)["measures"]["nDCG@10"]["mean"]
    assert measured == pytest.approx(1.0)


def test_the_lines_say_what_is_kept_and_what_is_saved(folder):
    outcome = train("-p", "gated.toml", "--out", "fitted.toml")
    assert outcome.exit_code == 0, outcome.output
    said = outcome.stdout
    assert "8 questions, each decided by the threshold of the other half" in said
    assert "of the calls saved" in said
    assert "against by chance" in said
    assert "8 questions, each decided by" in (folder / "fitted.toml").read_text()


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["-p", "hybrid", "--out", "f.toml"], "one gate with stages"),
        (["-p", "gated.toml", "--out", "f.txt"], "ends in .toml"),
        (["-p", "gated.toml", "--out", "f.toml", "--loss", "2"], "loss"),
        (["-p", "gated.toml", "--out", "f.toml", "--metric", "fame@10"], "fame"),
        (["-p", "none.toml", "--out", "f.toml"], "none.toml"),
    ],
)
def test_what_is_wrong_is_one_line(folder, words, named):
    outcome = train(*words)
    assert outcome.exit_code == 2, outcome.output
    assert named in outcome.stderr
    assert outcome.stderr.splitlines()[-1].startswith("Error: ")
    assert not (folder / "f.toml").exists()


def test_a_gate_on_a_model_that_is_not_there_is_refused_before_anything_is_indexed(folder):
    (folder / "assay.toml").write_text('encoder = "hash"\n')
    outcome = train("-p", "gated.toml", "--out", "f.toml")
    assert outcome.stderr.startswith("Error: hyde: no language model is set.")
