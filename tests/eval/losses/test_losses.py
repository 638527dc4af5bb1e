"""The losses of whole runs: everything judged is found, or lost to one cause."""

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from eval.bench import Bench, Watch
from eval.losses.as_json import losses_json
from eval.losses.as_text import losses_lines
from eval.losses.causes import CAUSES
from eval.losses.changes import Change, changes
from eval.losses.effects import corrected, effect
from eval.losses.find import find_losses
from eval.run import run_benchmark
from retrieval.config import build_pipeline
from retrieval.errors import InputError, NotFoundError

SMALL = {"use": "structure", "tokens": 24}


@pytest.fixture
def pipeline_file(tmp_path):
    """A function that writes a pipeline file and returns its path."""

    def write(stages: str) -> str:
        file = tmp_path / "own.toml"
        file.write_text(f"stages = [{stages}]")
        return str(file)

    return write


SHALLOW = '{ use = "sparse", limit = 1 }, { use = "fuse" }'


def test_what_is_judged_and_not_found_has_a_cause_and_the_counts_add_up(animals, tools) -> None:
    run = run_benchmark(Bench(animals, "sparse"), tools)
    found = find_losses(run.folder, tools, 1)
    items = {(item.asked.id, item.fate.stood.judgment.document_id): item for item in found.items}
    assert {key: item.cause for key, item in items.items()} == {
        ("q1", "cat"): None,
        ("q1", "dog"): "limit",
        ("q2", "dog"): None,
        ("q2", "gone"): "not_ingested",
        ("q3", "bee"): "candidates",
        ("owl", "owl"): None,
    }
    data = losses_json(found)
    assert (data["judged"], data["found"], data["most"]) == (6, 3, 4)
    assert [(row["cause"], row["lost"], row["left"]) for row in data["waterfall"]] == [
        ("not_ingested", 1, 5),
        ("candidates", 1, 4),
        ("limit", 1, 3),
    ]
    assert [each["query_id"] for each in data["lost"]] == ["q1", "q2", "q3"]
    assert data["lost"][2]["why"].endswith("sparse:original has nothing in common with it.")
    json.dumps(data, allow_nan=False)


def test_what_it_says_is_an_answer(animals, tools) -> None:
    run = run_benchmark(Bench(animals, "sparse"), tools)
    text = "\n".join(losses_lines(find_losses(run.folder, tools, 1)))
    assert "animals (test), sparse: 6 judged documents of 4 questions" in text
    assert "note: 1 judged documents are not in the corpus" in text
    assert "all that was judged               6  100.0%  ██████████████████████████████" in text
    assert "- found, but never near the top  -1   16.7%" in text
    assert "in the answer                     3   50.0%  ███████████████" in text
    assert "Ingest it: nothing else finds what is not there." in text
    assert "No more than 4 fit: some questions have more than 1." in text
    assert "`assay why -i animals-whole -p sparse -q QUESTION -d DOCUMENT` says more" in text
    assert "limit = 2  brings back 1" in text
    assert "search by dense too" in text
    assert "'xylophone' -> bee" in text
    assert "length: 1 to 4 words" in text
    (animals / "qrels" / "test.tsv").write_text("q1\tcat\t1\n")
    whole = run_benchmark(Bench(animals, "hybrid"), tools)
    assert "in the answer        1  100.0%" in "\n".join(
        losses_lines(find_losses(whole.folder, tools))
    )


def test_a_group_is_lost_only_with_all_its_alternatives(guide, tools, pipeline_file) -> None:
    bench = Bench(guide, pipeline_file(SHALLOW), chunker=SMALL, cutoffs=(1,))
    found = find_losses(run_benchmark(bench, tools).folder, tools, 1)
    causes = {(item.asked.id, item.group): item.cause for item in found.items}
    assert causes == {("sleep", "1"): None, ("both", "1"): None, ("both", "2"): "candidates"}
    deeper = next(each for each in found.effects if each.change.what == "search by dense too")
    assert sum(deeper.recovers.values()) <= 1
    text = "\n".join(losses_lines(found))
    assert "3 judged spans of 2 questions" in text
    assert "1 judged spans are stale" in text


STAGES = (
    '{ use = "dense", limit = 2 }, { use = "sparse", limit = 1 }, { use = "fuse" }',
    '{ use = "dense" }, { use = "fuse" }, { use = "rules", most = 1, blocked = ["more/*"] }',
    '{ use = "dense" }, { use = "sparse" }, { use = "fuse" }, { use = "rules", mmr = 0.1 },'
    ' { use = "pack", tokens = 30 }',
    '{ use = "dense" }, { use = "fuse" }, { use = "gate", margin = 1.0, then = ['
    '{ use = "rules", most = 1 }] }',
)


@pytest.mark.parametrize("stages", STAGES)
def test_every_group_is_in_the_answer_or_lost_to_exactly_one_cause(
    guide, tools, pipeline_file, stages
) -> None:
    bench = Bench(guide, pipeline_file(stages), chunker=SMALL, cutoffs=(6,))
    run = run_benchmark(bench, tools)
    for limit in (1, 2, 6):
        found = find_losses(run.folder, tools, limit)
        groups = Counter((item.asked.id, item.group) for item in found.items)
        assert groups == {("sleep", "1"): 1, ("both", "1"): 1, ("both", "2"): 1}
        assert {item.cause for item in found.items} <= {None, *CAUSES}
        data = losses_json(found)
        assert data["judged"] == data["found"] + sum(row["lost"] for row in data["waterfall"])
        for values in data["classes"].values():
            assert sum(each["judged"] for each in values.values()) == data["judged"]
            assert sum(each["found"] for each in values.values()) == data["found"]
        for each in found.effects:
            assert 0 <= each.loses <= data["found"]
            assert sum(each.recovers.values()) <= data["judged"] - data["found"]
        assert losses_lines(found)


def test_a_change_counts_what_it_brings_back_by_cause_and_what_it_loses() -> None:
    pipeline = build_pipeline("p", [{"use": "sparse"}, {"use": "fuse"}])
    before = [{"a": None, "b": "limit"}, {"a": "fusion"}, {"a": None}]
    after = [{"a": True, "b": True}, {"a": True}, {"a": False}]
    found = effect(Change("x", pipeline, 10), before, after)
    assert found.recovers == {"fusion": 1, "limit": 1}
    assert (found.loses, found.gain) == (1, 1)
    assert found.recall.baseline == pytest.approx((0.5 + 0 + 1) / 3)
    assert found.recall.candidate == pytest.approx((1 + 1 + 0) / 3)
    longer = replace(found, change=replace(found.change, limit=20))
    tested = corrected([found, longer, found], 10)
    assert [each.p for each in tested] == [min(1.0, 2 * found.recall.p), None, 1.0]
    assert np.isfinite(found.as_json()["recall"]["difference"])


def test_a_change_that_the_pipeline_refuses_is_named(animals, tools) -> None:
    run = run_benchmark(Bench(animals, "learned"), tools)
    found = find_losses(run.folder, tools, 1)
    fates = [item.fate for item in found.items if item.cause is not None]
    tried, refused = changes(build_pipeline("p", run.manifest["system"]["stages"]), fates, 1)
    assert found.refused == tuple(refused)
    assert "fuse.how = 'rrf'" in refused
    assert len({(each.pipeline.key, each.limit) for each in tried}) == len(tried)


def test_a_run_over_something_else_is_refused(animals, guide, tools, tmp_path) -> None:
    run = run_benchmark(Bench(animals, "sparse"), tools)
    with pytest.raises(InputError, match="limit: 1 to 100, as deep as the run asked; got 101"):
        find_losses(run.folder, tools, 101)
    reference = run_benchmark(Bench(animals, reference="bm25"), tools)
    with pytest.raises(InputError, match="bm25-reference, which has no stages"):
        find_losses(reference.folder, tools)
    lines = (animals / "corpus.jsonl").read_text().splitlines()
    (animals / "corpus.jsonl").write_text("\n".join(lines[:-1]))
    smaller = run_benchmark(Bench(animals, "sparse"), tools)
    with pytest.raises(InputError, match=r"holds other documents than it did then.*Measure again"):
        find_losses(run.folder, tools)
    manifest = json.loads((smaller.folder / "manifest.json").read_text())
    manifest["system"]["fingerprint"] = "0"
    (smaller.folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match="its index 'animals-whole' is not what it was"):
        find_losses(smaller.folder, tools)
    tools.indexes.drop("animals-whole")
    with pytest.raises(NotFoundError, match="animals-whole"):
        find_losses(smaller.folder, tools)


def test_a_run_without_ranks_or_with_other_answers_is_refused(animals, tools) -> None:
    run = run_benchmark(Bench(animals, "sparse"), tools)
    file = run.folder / "per_query.jsonl"
    whole = file.read_text()
    file.write_text(
        whole.replace('["fuse", 1]', '["fuse", 3]').replace('["fuse", null]', '["fuse", 7]')
    )
    with pytest.raises(InputError, match="Query 'q2' is answered otherwise now than in the run"):
        find_losses(run.folder, tools)
    file.write_text(whole.replace('"judged"', '"other"'))
    with pytest.raises(InputError, match="does not say where judged places stood; measure again"):
        find_losses(run.folder, tools)


def test_an_empty_question_loses_everything_and_a_dropped_document_is_filtered(
    animals, tools
) -> None:
    queries = animals / "queries.jsonl"
    queries.write_text(queries.read_text().replace("xylophone", " "))
    heard: list[tuple[int, int]] = []

    class Heard(Watch):
        def asked(self, done: int, total: int) -> None:
            heard.append((done, total))

    run = run_benchmark(Bench(animals, "sparse", drop_self=True), tools)
    found = find_losses(run.folder, tools, watch=Heard())
    fates = {item.asked.id: item.fate for item in found.items}
    assert (fates["q3"].cause, fates["q3"].why) == ("candidates", "The question is empty.")
    assert fates["owl"].cause == "filter"
    assert "--drop-self" in fates["owl"].why
    assert heard[-1] == (8, 8)
