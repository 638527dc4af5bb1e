"""Scoring other systems' runs: the same numbers as our own, and what the two do not share."""

import json
from pathlib import Path
from typing import Any

import pytest

from eval.bench import Bench
from eval.compare import compare
from eval.results import read_run
from eval.run import run_benchmark
from eval.score_run import score_run
from retrieval.errors import InputError
from retrieval.open_kit import Tools


def scored(folder: Path, dataset: Path, text: str, **options: Any) -> Any:
    file = folder / options.pop("name", "other.trec")
    file.write_text(text, encoding="utf-8")
    return score_run(Bench(dataset=dataset, **options), file, folder / "data")


def notes(run: Any) -> list[str]:
    return [each["line"] for each in run.manifest["dataset"]["findings"]]


def test_our_own_run_file_gets_our_own_numbers(animals: Path, tools: Tools, tmp_path: Path) -> None:
    ours = run_benchmark(Bench(dataset=animals, out=tmp_path / "ours"), tools)
    theirs = score_run(Bench(dataset=animals), tmp_path / "ours" / "run.trec", tmp_path / "data")
    assert theirs.folder.parent == tmp_path / "data" / "runs"
    assert theirs.folder.name.startswith("animals-hybrid-")
    read = read_run(theirs.folder)
    for each in compare(read_run(ours.folder), read).differences:
        assert (each.difference, each.p) == (0.0, 1.0)
    assert read.manifest["system"]["kind"] == "run file"
    assert read.metrics["latency"] == {"queries": 0}


def test_what_run_and_dataset_do_not_share_is_reported(animals: Path, tmp_path: Path) -> None:
    run = scored(tmp_path, animals, "q1 Q0 cat 1 2 t\nq1 Q0 unicorn 2 1 t\nq7 Q0 cat 1 1 t\n")
    assert run.scores.rows()["q1"]["nDCG@1"] == 1.0
    assert run.scores.rows()["q2"]["R@100"] == 0.0
    assert notes(run)[-3:] == [
        "1 queries of the run are not asked in this split (left out), such as q7",
        "3 queries are not in the run (count 0, as in trec_eval -c), such as q2; q3; owl",
        "1 documents of the run are not in the corpus (irrelevant), such as unicorn",
    ]
    line = json.loads((run.folder / "per_query.jsonl").read_text().splitlines()[0])
    assert line["judged"][0]["ranks"] == [["answer", 1]]
    assert [hit["grade"] for hit in line["hits"]] == [2, 0]


def test_a_run_of_other_queries_or_documents_is_refused(animals: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none of its 1 queries \(x\) is one of the 4"):
        scored(tmp_path, animals, "x Q0 cat 1 2 t\n")
    with pytest.raises(InputError, match=r"none of its 1 documents \(7\) is one of the 5"):
        scored(tmp_path, animals, "q1 Q0 7 1 2 t\n")


def test_ids_with_spaces_are_found_as_they_are_written(guide: Path, tmp_path: Path) -> None:
    (guide / "qrels").mkdir()
    (guide / "qrels" / "test.tsv").write_text("both\tmore/the farm.md\t1\n")
    run = scored(tmp_path, guide, "both Q0 more/the%20farm.md 1 1 t\n", split="test")
    assert run.scores.of("nDCG@10").tolist() == [1.0]
    assert "the%20farm.md" in (run.folder / "run.trec").read_text()


def test_the_querys_own_document_is_dropped_where_that_is_asked(
    animals: Path, tmp_path: Path
) -> None:
    text = "owl Q0 owl 1 2 t\nowl Q0 cat 2 1 t\n"
    assert scored(tmp_path, animals, text).scores.rows()["owl"]["RR@1"] == 1.0
    dropped = scored(tmp_path, animals, text, drop_self=True)
    assert dropped.scores.rows()["owl"]["RR@100"] == 0.0


def test_judged_spans_need_places(guide: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"judgments are on spans, and other.trec names documents"):
        scored(tmp_path, guide, "sleep Q0 guide.md 1 1 t\n")
    start = (guide / "corpus" / "guide.md").read_text().index("Cats sleep")
    place = {"query_id": "sleep", "document_id": "guide.md", "start": start, "end": start + 31}
    run = scored(tmp_path, guide, json.dumps(place | {"score": 0.5}), name="other.jsonl")
    assert run.scores.rows()["sleep"]["span_iou@1"] == 1.0
    assert run.metrics["unanswerable"]["queries"] == 1
