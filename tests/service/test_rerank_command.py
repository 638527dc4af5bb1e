"""`assay rerank train` on the real engine with the hash encoder."""

import json

import pytest
from typer.testing import CliRunner

from retrieval.rerank_weights import load_weights
from service.cli import app
from service.commands.options import dataset_place

RUNNER = CliRunner()
TEXTS = {
    "cat": "The cat sleeps on the warm window sill.",
    "dog": "The dog barks at the postman every morning.",
    "owl": "The owl hunts mice at night without a sound.",
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A BEIR folder with a train split, and the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "assay.toml").write_text('encoder = "hash"\n')
    monkeypatch.setenv("ASSAY_CONFIG", str(tmp_path / "assay.toml"))
    own = tmp_path / "animals"
    (own / "qrels").mkdir(parents=True)
    corpus = [{"_id": id, "title": id, "text": text} for id, text in TEXTS.items()]
    queries = [{"_id": id, "text": f"what does the {id} do"} for id in TEXTS]
    (own / "corpus.jsonl").write_text("\n".join(map(json.dumps, corpus)))
    (own / "queries.jsonl").write_text("\n".join(map(json.dumps, queries)))
    lines = "".join(f"{id}\t{id}\t1\n" for id in TEXTS)
    (own / "qrels" / "train.tsv").write_text(f"query-id\tcorpus-id\tscore\n{lines}")
    return own


def test_weights_are_fitted_written_and_served(folder):
    words = ["rerank", "train", "--dataset", f"{folder}:train", "--out", "new/weights.toml"]
    outcome = RUNNER.invoke(app, [*words, "--folds", "3"])
    assert outcome.exit_code == 0, outcome.output
    assert "animals (train): 1.0000 -> " in outcome.stdout
    assert "weights: new/weights.toml" in outcome.stdout
    load_weights("new/weights.toml")
    (folder.parent / "own.toml").write_text(
        'stages = [{ use = "dense" }, { use = "sparse" }, { use = "fuse" },'
        ' { use = "rerank", weights = "new/weights.toml" }]'
    )
    asked = RUNNER.invoke(
        app, ["query", "warm sill", "--index", "animals-whole", "--pipeline", "own.toml", "--json"]
    )
    assert asked.exit_code == 0, asked.output
    hits = json.loads(asked.stdout)["hits"]
    assert len(hits) == 3
    assert "rerank:learned" in json.dumps(hits[0])


def test_weights_as_json(folder):
    words = ["rerank", "train", "--dataset", f"{folder}:train", "--out", "w.toml", "--json"]
    outcome = RUNNER.invoke(app, [*words, "--folds", "2"])
    assert outcome.exit_code == 0, outcome.output
    found = json.loads(outcome.stdout)
    assert found["fusion"]["how"] == "convex"
    assert found["held_out"][0]["queries"] == 3


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--dataset", "nowhere", "--out", "w.toml"], "nowhere"),
        (["--dataset", "animals:train", "--out", "animals"], "animals cannot be written"),
        (["--dataset", "animals:other", "--out", "w.toml"], "qrels/other.tsv"),
        (["--dataset", "animals:train", "--out", "w.toml", "--blend", "2"], "rerank.blend"),
        (["--dataset", "animals:train", "--out", "w.toml", "-p", "learned"], "without rerank"),
    ],
)
def test_what_is_wrong_is_one_line(folder, words, named):
    outcome = RUNNER.invoke(app, ["rerank", "train", *words, "--folds", "2"])
    assert outcome.exit_code == 2, outcome.output
    assert named in outcome.stderr
    assert outcome.stderr.count("\n") == 1


def test_a_split_stands_behind_the_last_colon(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "odd:name").mkdir()
    assert [
        (str(f), s) for f, s in map(dataset_place, ["a:train", "a", "odd:name", "odd:name:dev"])
    ] == [
        ("a", "train"),
        ("a", None),
        ("odd:name", None),
        ("odd:name", "dev"),
    ]
