"""`assay router`: the commands with the hash encoder, what they print and what they refuse."""

import json

import pytest
from typer.testing import CliRunner

from service.cli import app

RUNNER = CliRunner()
TEXTS = {
    "pets": ["the cat sleeps", "a cat and a dog", "the dog barks", "dogs chase cats", "cat food"],
    "food": ["bake the bread", "bread and butter", "salt the soup", "soup with bread", "hot soup"],
}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working folder with labelled questions, the last two of them out of scope."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASSAY_CONFIG", str(tmp_path / "assay.toml"))
    (tmp_path / "assay.toml").write_text('encoder = "hash"\n')
    monkeypatch.setenv("COLUMNS", "120")
    inside = [(text, domain) for domain, texts in TEXTS.items() for text in texts]
    outside = [("zyx wvu", "oos"), ("qqq", "oos")]
    for name, rows in {"train": inside, "test": inside + outside}.items():
        records = [{"text": text, "meta": {"domain": domain}} for text, domain in rows]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, records)))
    return tmp_path


def assay(*words, code=0):
    outcome = RUNNER.invoke(app, ["router", *map(str, words)])
    assert outcome.exit_code == code, outcome.output
    return outcome


def refused(*words):
    outcome = assay(*words, code=2)
    assert outcome.stderr.count("\n") == 1, outcome.stderr
    return outcome.stderr


def test_a_router_is_trained_and_judged(place):
    shown = assay("train", "train.jsonl", "--label", "meta.domain", "--out", "a.router").stdout
    assert shown == "a.router: 2 domains (food 5, pets 5)\n"
    assay("train", "train.jsonl", "--label", "meta.domain", "--out", "b.router",
          "--method", "centroid", "--acceptance", "0.8")  # fmt: skip
    options = ["--label", "meta.domain", "--none", "oos", "--router", "a.router"]
    outcome = assay("eval", "test.jsonl", *options, "--router", "b.router")
    header, first, second, *_ = outcome.stdout.splitlines()
    assert header.startswith("router")
    assert first.split()[:3] == ["a", "distance", "1.0000"]
    assert second.split()[:2] == ["b", "centroid"]
    assert "truth, called:" in outcome.stdout
    (found,) = json.loads(assay("eval", "test.jsonl", *options, "--json").stdout)["routers"]
    assert found["none"]["recall"]["of"] == 2
    assert found["accuracy"]["value"] == 1.0


def test_out_of_scope_examples_and_validation_are_never_fitted_on(place):
    options = ["--label", "meta.domain", "--none", "oos", "--json", "--out", "a.router"]
    alone = json.loads(assay("train", "train.jsonl", *options).stdout)
    beside = json.loads(assay("train", "test.jsonl", *options).stdout)
    assert alone["examples"] == beside["examples"] == {"food": 5, "pets": 5}
    held = assay("train", "train.jsonl", *options, "--validation", "test.jsonl").stdout
    assert json.loads(held)["examples"] == alone["examples"]
    assert json.loads(held)["validation"] == ["test.jsonl"]
    assert json.loads(held)["sha256"] != alone["sha256"]


def test_documents_train_a_router_too(place):
    options = ["--label", "meta.domain", "--documents", "--most", "4", "--json"]
    found = json.loads(assay("train", "train.jsonl", *options, "--out", "a.router").stdout)
    assert found["embedded"] == "documents"
    assert found["examples"] == {"food": 4, "pets": 4}


def collections(place):
    """A BEIR folder whose documents ask for themselves."""
    folder = place / "data"
    (folder / "qrels").mkdir(parents=True)
    rows = [(f"{d}{n}", d, text) for d, texts in TEXTS.items() for n, text in enumerate(texts)]
    records = [{"_id": id, "text": text, "metadata": {"domain": d}} for id, d, text in rows]
    for name in ("corpus", "queries"):
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, records)))
    qrels = "".join(f"{id}\t{id}\t1\n" for id, _, _ in rows)
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + qrels)
    return folder


def test_routes_are_measured_on_a_dataset(place):
    folder = collections(place)
    shown = assay("eval", "--dataset", folder, "--votes", "3").stdout
    for words in ("3 votes", "no route", "oracle", "hard, then soft", "foreign in the first 10"):
        assert words in shown


def test_wrong_input_is_one_line(place):
    assert "'label' is needed" in refused("train", "train.jsonl", "--out", "x")
    label = ["--label", "meta.domain"]
    assert "is not there" in refused("train", "gone.jsonl", *label, "--out", "x")
    assert "method: one of" in refused(
        "train", "train.jsonl", *label, "--out", "x", "--method", "m"
    )
    one = '{"text": "a", "meta": {"domain": "x"}}\n'
    (place / "one.jsonl").write_text(one + one)
    assert "two or more domains" in refused("train", "one.jsonl", *label, "--out", "x")
    (place / "one.jsonl").write_text(one + one + one.replace('"x"', '"y"'))
    assert "one is there of: y" in refused("train", "one.jsonl", *label, "--out", "x")
    assert not (place / "x").exists()


def test_eval_needs_something_to_judge(place):
    assert "a --router are needed" in refused("eval", "test.jsonl")
    assert "it is not there" in refused("eval", "test.jsonl", "--router", "gone.router")


def test_a_router_of_another_encoder_is_refused(place):
    from retrieval.router import load_router

    assay("train", "train.jsonl", "--label", "meta.domain", "--out", "a.router")
    router = load_router(place / "a.router")
    object.__setattr__(router, "encoder", {"name": "other"})
    router.save(place / "a.router")
    line = refused("eval", "test.jsonl", "--label", "meta.domain", "--router", "a.router")
    assert "trained with the encoder" in line


def test_every_method_stands_in_one_table(place):
    rows = [json.loads(line) for line in (place / "train.jsonl").read_text().splitlines()]
    for number, row in enumerate(rows):
        row["meta"]["kind"] = f"{row['meta']['domain']}-{number % 2}"
    (place / "train.jsonl").write_text("\n".join(map(json.dumps, rows)))
    options = ["--test", "test.jsonl", "--label", "meta.domain", "--none", "oos"]
    shown = assay("compare", "train.jsonl", *options, "--class", "meta.kind").stdout.splitlines()
    names = [line.partition("  ")[0] for line in shown[1:7]]
    methods = ("distance", "logistic", "centroid")
    assert names == [f"{each}, {on}" for on in ("meta.kind", "domains") for each in methods]
    assert "sure from" in "\n".join(shown)
    found = json.loads(assay("compare", "train.jsonl", *options, "--json").stdout)
    assert [each["router"] for each in found] == [f"{each}, domains" for each in methods]
    assert found[0]["none"]["recall"]["of"] == 2


def test_shares_by_domain_become_a_pipeline(place):
    folder = collections(place)
    shown = assay("weights", "--dataset", folder, "--votes", "3", "--out", "routed.toml").stdout
    assert "by domain beside one for all: " in shown
    assert shown.endswith("pipeline: routed.toml\n")
    assert 'use = "route", how = "label", votes = 3' in (place / "routed.toml").read_text()
    assert "ends in .toml" in refused("weights", "--dataset", folder, "--out", "routed.txt")
