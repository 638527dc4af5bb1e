import json
from pathlib import Path

import pytest

from eval.bench import Bench
from eval.judging.pool import make_pool, make_pool_of_one, read_pool, write_pool
from eval.results import Run
from eval.run import run_benchmark
from retrieval.errors import InputError, NotFoundError
from retrieval.open_kit import Tools


@pytest.fixture
def runs(animals: Path, tools: Tools, tmp_path: Path) -> list[Run]:
    return [
        run_benchmark(Bench(animals, name, out=tmp_path / "runs" / name), tools)
        for name in ("dense", "sparse")
    ]


def test_a_pool_is_the_union_of_the_first_hits_with_the_ranks_of_each_run(runs: list[Run]) -> None:
    pool = make_pool(runs, depth=1, judged=True)
    asked = [each for each in pool if each.query_id == "q2"]
    assert {each.document_id for each in asked} >= {"dog"}
    dog = next(each for each in asked if each.document_id == "dog")
    assert dog.found["sparse"] == 1
    assert dog.text == "The dog barks at the postman every morning."
    assert len(asked) <= 2


def test_what_is_judged_already_is_left_out(runs: list[Run]) -> None:
    pool = make_pool(runs, depth=5)
    judged = {("q1", "cat"), ("q1", "dog"), ("q2", "dog"), ("q3", "bee"), ("owl", "owl")}
    assert pool
    assert not judged & {(each.query_id, each.document_id) for each in pool}
    assert judged <= {(each.query_id, each.document_id) for each in make_pool(runs, 5, True)}


def test_the_order_is_blind_and_the_same_for_a_seed(runs: list[Run]) -> None:
    pool = make_pool(runs, depth=5, judged=True)
    assert pool == make_pool(runs, depth=5, judged=True)
    orders = {tuple(e.document_id for e in make_pool(runs, 5, True, seed)) for seed in range(5)}
    assert len(orders) > 1


def test_a_pool_of_a_file_is_the_pool(runs: list[Run], tmp_path: Path) -> None:
    pool = make_pool(runs, depth=2, judged=True)
    write_pool(pool, tmp_path / "pools" / "p.jsonl")
    read = read_pool(tmp_path / "pools" / "p.jsonl")
    assert [each.place for each in read] == [each.place for each in pool]
    assert [each.text for each in read] == [each.text for each in pool]


def test_judged_spans_are_left_out_where_a_hit_holds_half_of_one(
    guide: Path, tools: Tools, tmp_path: Path
) -> None:
    run = run_benchmark(Bench(guide, "sparse", out=tmp_path / "run"), tools)
    everything, rest = make_pool([run], 10, True), make_pool([run], 10)
    gone = [each for each in everything if each not in rest]
    assert gone
    judged = ("Cats sleep sixteen", "They descend", "every dog descends", "Bees see ultraviolet")
    assert all(any(quote in each.text for quote in judged) for each in gone)
    assert not any(
        any(quote in each.text for quote in judged[1:]) for each in rest if each.query_id == "both"
    )


def forget(run: Run) -> Run:
    """A run as it was written before the split that was asked for was recorded."""
    del run.manifest["dataset"]["asked_split"]
    return run


def folder_of(folder: Path, **files: str) -> Path:
    corpus = [{"_id": id, "text": f"the text of {id}"} for id in ("d1", "d2", "d3")]
    folder.mkdir()
    (folder / "corpus.jsonl").write_text("".join(json.dumps(each) + "\n" for each in corpus))
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)
    return folder


TOPICS = {"topics_txt": "q1\tthe text of d1\n"}
WHOLE = {
    "queries_jsonl": '{"_id": "q1", "text": "the text of d1"}\n',
    "judgments_jsonl": '{"query_id": "q1", "document_id": "d1"}\n',
}
TREC = {"one": {"qrels_txt": "q1 0 d1 1\n"}}
TREC["several"] = {"qrels_dev_txt": "q1 0 d1 1\n", "qrels_all_txt": "q1 0 d2 1\n"}


@pytest.mark.parametrize("old", [True, False])
@pytest.mark.parametrize(
    ("files", "split", "judged"),
    [
        (TOPICS | TREC["one"], None, "d1"),
        (TOPICS | TREC["several"], "dev", "d1"),
        (TOPICS | TREC["several"], "all", "d2"),
        (WHOLE, None, "d1"),
    ],
)
def test_a_dataset_is_read_again_with_the_split_that_was_asked_for(
    tools: Tools, tmp_path: Path, files: dict[str, str], split: str | None, judged: str, old: bool
) -> None:
    folder = folder_of(tmp_path / "set", **files)
    run = run_benchmark(Bench(folder, "sparse", out=tmp_path / "run", split=split), tools)
    assert run.manifest["dataset"]["asked_split"] == split
    run = forget(run) if old else run
    found = {each.document_id for each in make_pool([run])}
    assert found == {"d1", "d2", "d3"} - {judged}
    assert len(make_pool_of_one(run, 5)["q1"]) == 3


@pytest.mark.parametrize("old", [True, False])
def test_a_catalogue_s_dataset_without_splits_is_read_again(
    animals: Path, tools: Tools, tmp_path: Path, old: bool
) -> None:
    (animals / "qrels" / "test.tsv").rename(animals / "qrels" / "all.tsv")
    run = run_benchmark(Bench(animals, "sparse", out=tmp_path / "run", split="all"), tools)
    assert make_pool([forget(run) if old else run], 5, True)


def test_runs_over_different_datasets_have_no_pool(
    runs: list[Run], guide: Path, tools: Tools, tmp_path: Path
) -> None:
    other = run_benchmark(Bench(guide, "sparse", out=tmp_path / "run"), tools)
    with pytest.raises(InputError, match="no pool in common: corpora differ"):
        make_pool([runs[0], other])


def test_a_pool_that_would_be_empty_is_refused(runs: list[Run]) -> None:
    with pytest.raises(InputError, match="needs the folder of a run"):
        make_pool([])


@pytest.mark.parametrize(
    "line", ['{"query_id": "q"}', '{"query_id":"q","document_id":"d","span":[1]}']
)
def test_a_broken_line_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "p.jsonl").write_text(line)
    with pytest.raises(InputError, match=r"p\.jsonl:1"):
        read_pool(tmp_path / "p.jsonl")


def test_a_pool_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        read_pool(tmp_path / "none.jsonl")
