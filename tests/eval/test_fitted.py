"""Figures on questions that the reranker's weights were fitted on say so, wherever they stand."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

import eval.demo
from eval.bench import Bench
from eval.chunking import ChunkingBench, compare_chunkers
from eval.chunking_report import lines as chunking_lines
from eval.compare import compare
from eval.dataset import load_dataset
from eval.gate_training import GateTraining, train_gate
from eval.ladder import Climb, run_ladder
from eval.ladder_tables import lines, markdown
from eval.losses.as_text import losses_lines
from eval.losses.find import find_losses
from eval.promotion import promote
from eval.questions import Query, question_digest, read_queries
from eval.report.build import report
from eval.report.markdown import markdown as report_markdown
from eval.rerank_training import Training, train
from eval.results import read_run
from eval.run import run_benchmark
from eval.tuning import Tuning, tune
from retrieval.open_kit import Tools
from retrieval.rerank_weights import load_weights

SAID = (
    "its reranker's weights were fitted on these questions (animals (test): 4 questions);"
    " measure on others"
)
LEGS = '{ use = "dense" }, { use = "sparse" }, { use = "fuse" }'


@pytest.fixture
def weights(tools: Tools, animals: Path, tmp_path: Path) -> Path:
    """A file of weights that were fitted on the questions of `animals`."""
    file = tmp_path / "weights.toml"
    file.write_text(train(Training(((animals, "test"),), folds=2), tools).as_toml())
    return file


@pytest.fixture
def pipeline(weights: Path) -> str:
    """A pipeline file with these weights, behind a gate."""
    file = weights.with_name("fitted.toml")
    rerank = f'{{ use = "rerank", weights = "{weights}" }}'
    file.write_text(f'stages = [{LEGS}, {{ use = "gate", then = [{rerank}] }}]')
    return str(file)


def other(folder: Path) -> Path:
    """The same folder with one question in other words."""
    queries = folder / "queries.jsonl"
    queries.write_text(queries.read_text().replace("who sleeps", "which animal sleeps"))
    return folder


def test_questions_are_known_again_by_their_words_alone() -> None:
    first = [Query("1", "Where do cats\n sleep?"), Query("2", "Why?")]
    second = [Query("b", "why? "), Query("a", "where do CATS sleep?"), Query("c", "Why?")]
    second.append(Query("d", "what never was", answerable=False))
    assert question_digest(first) == question_digest(second)
    assert question_digest(first) != question_digest(first[:1])


def test_a_run_says_so_and_its_json_too(pipeline, animals, tools) -> None:
    run = run_benchmark(Bench(animals, pipeline), tools)
    assert run.notes == [SAID]
    assert f"note: {SAID}" in run.lines()
    assert read_run(run.folder).notes == [SAID]
    assert run_benchmark(Bench(animals, "learned"), tools).notes == []
    assert run_benchmark(Bench(animals, "hybrid"), tools).notes == []


def test_nothing_is_said_of_other_questions(pipeline, animals, guide, tools) -> None:
    assert run_benchmark(Bench(guide, pipeline), tools).notes == []
    assert run_benchmark(Bench(other(animals), pipeline), tools).notes == []


def test_a_comparison_and_losses_say_so(pipeline, animals, tools) -> None:
    hybrid = run_benchmark(Bench(animals, "hybrid"), tools)
    fitted = run_benchmark(Bench(animals, pipeline), tools)
    found = compare(hybrid, fitted)
    assert found.notes == (f"candidate: {SAID}",)
    assert f"note: candidate: {SAID}" in found.lines()
    assert compare(fitted, hybrid).notes == (f"baseline: {SAID}",)
    assert found.as_json()["notes"] == (f"candidate: {SAID}",)
    assert f"note: {SAID}" in losses_lines(find_losses(fitted.folder, tools, 1))


def test_a_report_warns(pipeline, animals, tools) -> None:
    hybrid = run_benchmark(Bench(animals, "hybrid"), tools)
    fitted = run_benchmark(Bench(animals, pipeline), tools)
    found = report([hybrid.folder, fitted.folder])
    assert f"fitted: {SAID}." in found.warnings
    assert not any(SAID in each for each in report([hybrid.folder]).warnings)


def test_a_ladder_says_once_which_rungs_it_is_of(weights, animals, guide, tools, tmp_path) -> None:
    file = tmp_path / "ladder.toml"
    file.write_text(
        '[[rungs]]\npipeline = "hybrid"\n'
        f'[[rungs]]\nname = "reranked"\nadd = {{ use = "rerank", weights = "{weights}" }}\n'
        '[[rungs]]\nname = "one each"\nadd = { use = "rules", most = 1 }\n'
    )
    benches = (Bench(animals, cutoffs=(10,)), Bench(guide, cutoffs=(10,)))
    found = run_ladder(Climb(str(file), benches, tmp_path / "out"), tools)
    said = f"reranked, one each: {SAID}"
    assert [each.notes for each in found.datasets] == [[said], []]
    assert [each for each in lines(found) if SAID in each] == [f"note: {said}"]
    assert f"> **Note** {said}" in markdown(found)
    written = json.loads((tmp_path / "out" / "ladder.json").read_text())
    assert written["notes"] == [f"animals: {said}"]
    assert f"**Note** animals: {said}" in report_markdown(report([tmp_path / "out"]))
    promote(found, tmp_path / "won.toml")
    assert f"animals: {said}" in (tmp_path / "won.toml").read_text()


def test_tuning_says_so_where_any_of_its_values_was_fitted(weights, animals, tools) -> None:
    file = weights.with_name("own.toml")
    file.write_text(f'stages = [{LEGS}, {{ use = "rerank", weights = "{weights}" }}]')
    bench = Bench(animals, str(file), cutoffs=(10,))
    tuning = Tuning(bench, ("rerank.blend=0,0.5",), folds=2, out=weights.with_name("tuned"))
    found, folder = tune(tuning, tools)
    assert found.notes == found.as_json()["notes"] == [SAID]
    assert f"note: {SAID}" in found.lines()
    assert SAID in (folder / "pipeline.toml").read_text()
    plain, _ = tune(replace(tuning, bench=replace(bench, pipeline="learned")), tools)
    assert plain.notes == []


def test_a_fitted_gate_and_a_comparison_of_chunkers_say_so(
    pipeline, animals, tools, tmp_path
) -> None:
    found = train_gate(GateTraining(Bench(animals, pipeline)), tools)
    assert f"note: {SAID}" in found.lines()
    chunkers = (f"whole@{pipeline}", f"sentences:20@{pipeline}")
    compared = compare_chunkers(ChunkingBench(animals, chunkers, out=tmp_path / "cut"), tools)
    assert [each for each in chunking_lines(compared) if SAID in each] == [f"note: {SAID}"]


def test_the_shipped_weights_know_the_demo_and_not_the_test_questions_of_others() -> None:
    shipped = load_weights("").fitted_on
    queries = read_queries(Path(eval.demo.__file__).with_name("queries.jsonl"))
    assert shipped[question_digest(queries)] == "demo: 186 questions"
    assert sorted(shipped.values())[1:] == [
        "musique_train100: 100 questions",
        "scifact (train): 809 questions",
    ]


def test_a_split_is_a_set_of_its_own(animals: Path) -> None:
    (animals / "qrels" / "train.tsv").write_text("query-id\tcorpus-id\tscore\nunjudged\tcat\t1\n")
    hashes = [load_dataset(animals, split).question_digest for split in ("train", "test", None)]
    assert hashes[0] != hashes[1] == hashes[2]
