"""The demo: its dataset is whole, and the same steps work on any dataset with judged spans."""

import json

import pytest

from eval.dataset import load_dataset
from eval.demo.dataset import write_dataset
from service.commands.demo import show


def test_the_dataset_is_written_whole(tmp_path):
    assert write_dataset(tmp_path / "demo") > 200
    dataset = load_dataset(tmp_path / "demo", None)
    assert dataset.form == "spans"
    assert len(dataset.queries) == 196


@pytest.fixture
def dataset(tmp_path):
    folder = tmp_path / "small"
    (folder / "corpus").mkdir(parents=True)
    texts = {"a.md": "# Cats\n\nCats sleep.", "b.md": "# Bread\n\nBread is baked in an oven."}
    for name, text in texts.items():
        (folder / "corpus" / name).write_text(text)
    queries = [{"_id": "q1", "text": "sleeping cats"}, {"_id": "q2", "text": "oven for bread"}]
    judged = [
        {"query_id": "q1", "document_id": "a.md", "quote": "Cats sleep.", "grade": 1},
        {"query_id": "q2", "document_id": "b.md", "quote": "Bread is baked", "grade": 1},
    ]
    for row in judged:
        row["start"] = texts[row["document_id"]].index(row["quote"])
        row["end"] = row["start"] + len(row["quote"])
    for name, rows in (("queries", queries), ("judgments", judged)):
        (folder / f"{name}.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    return folder


def test_it_ingests_asks_measures_and_says_how_to_go_on(dataset, tools, capsys):
    for _ in range(2):
        show(tools, dataset, {"encoder": "hash"})
        said = capsys.readouterr().out
        for word in ("1. Ingest", "2. Ask", "3. Measure", "a.md", "hybrid", "nDCG@10"):
            assert word in said
        assert "assay --set encoder=hash query" in said
        assert "--index small-structure" in said
    assert "2 unchanged" in said
