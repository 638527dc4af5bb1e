from pathlib import Path

import pytest

from eval.bench import Bench
from eval.judging.pool import make_pool, read_pool, write_pool
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
