"""`assay cassette import | show`, and a benchmark that replays what was imported."""

import json

import pytest
from typer.testing import CliRunner

from service.cli import app

RUNNER = CliRunner()
TEXTS = {"cat": "The cat sleeps on the sill.", "dog": "The dog barks at the postman."}
PASSAGES = {"1": "A feline naps on the sill.", "2": "A hound barks at the post."}
HYDE = 'stages = [{ use = "hyde", how = "each" }, { use = "dense" }, { use = "fuse" }]'


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A BEIR folder of two questions, in the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "assay.toml").write_text('encoder = "hash"\ncassette = "c.jsonl"\n')
    monkeypatch.setenv("ASSAY_CONFIG", str(tmp_path / "assay.toml"))
    (tmp_path / "animals" / "qrels").mkdir(parents=True)
    corpus = [{"_id": id, "text": text} for id, text in TEXTS.items()]
    asked = [{"_id": "1", "text": "who naps"}, {"_id": "2", "text": "who is loud"}]
    for name, records in {
        "animals/corpus.jsonl": corpus,
        "animals/queries.jsonl": asked,
        "passages.jsonl": [{"_id": id, "text": text} for id, text in PASSAGES.items()],
        "others.jsonl": [{"_id": "2", "text": "who barks"}],
    }.items():
        (tmp_path / name).write_text("\n".join(map(json.dumps, records)))
    qrels = "query-id\tcorpus-id\tscore\n1\tcat\t1\n2\tdog\t1\n"
    (tmp_path / "animals" / "qrels" / "test.tsv").write_text(qrels)
    (tmp_path / "own.toml").write_text(HYDE)
    return tmp_path


def call(*words):
    return RUNNER.invoke(app, [*words])


def put(*words):
    return call("cassette", "import", "passages.jsonl", "--dataset", "animals", *words)


def test_what_was_imported_is_listed_and_found(folder):
    outcome = put("--stage", "hyde")
    assert outcome.exit_code == 0, outcome.output
    assert "c.jsonl: 2 answers for hyde, digest " in outcome.stdout
    assert "note" not in outcome.stdout
    listed = call("cassette", "show").stdout
    assert "hyde" in listed
    assert "imported" in listed
    assert "A feline naps" in call("cassette", "show", "c.jsonl", "--query", "who naps").stdout
    found = json.loads(call("cassette", "show", "--json").stdout)
    assert found["counts"] == [{"stage": "hyde", "step": 0, "by": "imported", "answers": 2}]
    assert found["digest"] == json.loads(put("--stage", "hyde", "--json").stdout)["digest"]
    assert "answers" not in found


def test_a_benchmark_replays_it_and_its_manifest_says_which(folder):
    put("--stage", "hyde")
    replay = ["--set", "cassette_mode=replay", "bench", "run", "--dataset", "animals"]
    outcome = call(*replay, "-p", "own.toml", "--out", "run")
    assert outcome.exit_code == 0, outcome.output
    digest = json.loads(call("cassette", "show", "--json").stdout)["digest"]
    manifest = json.loads((folder / "run" / "manifest.json").read_text())
    assert manifest["system"]["llm"] == {"cassette": "c.jsonl", "digest": digest, "model": ""}
    call(*replay, "-p", "dense", "--out", "plain")
    assert json.loads((folder / "plain" / "manifest.json").read_text())["system"]["llm"] == {}
    assert (
        f"cassette: - -> c.jsonl {digest[:40]}" in call("bench", "compare", "plain", "run").stdout
    )


def test_a_replay_without_an_answer_ends_and_names_the_stage_and_the_question(folder):
    (folder / "passages.jsonl").write_text('{"_id": "1", "text": "A feline."}')
    assert "1 questions have no answer" in put("--stage", "hyde").stdout
    replay = ["--set", "cassette_mode=replay", "bench", "run", "--dataset", "animals"]
    outcome = call(*replay, "-p", "own.toml", "--out", "run")
    assert outcome.exit_code == 1
    assert "hyde, question 'who is loud'" in outcome.stderr
    assert not (folder / "run" / "manifest.json").exists()


def test_other_words_for_the_same_ids_are_measured_and_the_manifest_says_so(folder):
    asked = ["bench", "run", "--dataset", "animals", "-p", "dense", "--queries", "others.jsonl"]
    outcome = call(*asked, "--out", "run")
    assert outcome.exit_code == 0, outcome.output
    assert "animals (test, others.jsonl): 1 queries scored" in outcome.stdout
    assert "note: 1 queries are not in others.jsonl (not asked), such as 1" in outcome.stdout
    assert "who barks" in (folder / "run" / "per_query.jsonl").read_text()
    call(*asked[:-2], "--out", "plain")
    refused = call("bench", "compare", "plain", "run")
    assert refused.exit_code == 2
    assert "queries differ" in refused.stderr


def test_a_line_of_another_type_is_one_line_of_error(folder):
    line = {"stage": "hyde", "query": "who naps", "answer": "A feline.", "imported": True}
    lines = (json.dumps({**line, "step": step}) for step in (0, "1"))
    (folder / "bad.jsonl").write_text("\n".join(lines))
    outcome = call("cassette", "show", "bad.jsonl")
    assert outcome.exit_code == 2, outcome.output
    assert "bad.jsonl, line 2: no recorded answer (step: a whole number" in outcome.stderr
    assert outcome.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["cassette", "import", "nope.jsonl", "--dataset", "animals", "--stage", "hyde"], "nope"),
        (["cassette", "import", "passages.jsonl", "--dataset", "animals", "--stage", "fuse"],
         "asks no language model"),
        (["cassette", "show", "nope.jsonl"], "nope.jsonl is not there"),
        (["bench", "run", "--dataset", "animals", "--queries", "nope.jsonl"], "nope.jsonl"),
        (["bench", "run", "--dataset", "animals", "--queries", "animals/corpus.jsonl"],
         "none of its 2 ids is a query"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line(folder, words, named):
    outcome = call(*words)
    assert outcome.exit_code == 2, outcome.output
    assert named in outcome.stderr
    assert outcome.stderr.count("\n") == 1
