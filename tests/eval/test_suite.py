from pathlib import Path

import pytest

from eval import suite
from eval.bench import Bench, Watch
from eval.run import run_benchmark
from eval.suite import SHIPPED, Benchmark, Row, as_markdown, load_benchmarks, pipeline_of, verdict
from eval.suite_run import Place, run_suite
from retrieval.config import load_pipeline
from retrieval.errors import ConfigError, NotFoundError
from retrieval.open_kit import Tools


def test_a_verdict_is_ok_within_a_half_in_a_thousand_and_okish_within_five() -> None:
    assert verdict(0.6456, 0.6451) == "OK"
    assert verdict(0.6446, 0.6451) == "OK"
    assert verdict(0.6501, 0.6451) == "OKish"
    assert verdict(0.6886, 0.6789) == "+0.0097"


def test_every_shipped_benchmark_can_be_built() -> None:
    found = load_benchmarks([file.stem for file in SHIPPED.glob("*.toml")])
    assert {"demo", "scifact"} <= set(found)
    for benchmark in found.values():
        for run in benchmark.runs:
            load_pipeline(pipeline_of(run))


def test_a_benchmark_that_waits_to_be_asked_for_runs_only_by_name() -> None:
    assert "spider_sql_systems" not in load_benchmarks()
    assert list(load_benchmarks(["spider_sql_systems"])) == ["spider_sql_systems"]


def test_runs_that_ask_the_same_share_one_reading(animals: Path, tools: Tools) -> None:
    runs = [{"name": name, "pipeline": name} for name in ("dense", "sparse")]
    benchmark = Benchmark.model_validate({"dataset": animals.name, "runs": runs})
    out = animals.parent / "suite"
    rows = list(run_suite({"a": benchmark}, Place(animals.parent, out), tools, Watch()))
    assert [row.run.name for row in rows] == ["dense", "sparse"]
    assert all(row.mean("nDCG@10") for row in rows)
    for row in rows:
        alone = run_benchmark(Bench(animals, row.run.pipeline, out=out / row.run.name), tools)
        assert row.metrics["measures"] == alone.metrics["measures"]


def test_an_unknown_benchmark_is_refused_with_the_names() -> None:
    with pytest.raises(NotFoundError, match=r"There are: .*demo.*scifact"):
        load_benchmarks(["sciafct"])


def test_a_file_with_an_unknown_key_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suite, "SHIPPED", tmp_path)
    (tmp_path / "x.toml").write_text('dataset = "x"\nruns = [{ name = "a", pipline = "b" }]')
    with pytest.raises(ConfigError, match="pipline"):
        load_benchmarks()


def test_a_dataset_that_is_not_there_gives_rows_that_say_so(tmp_path: Path, tools: object) -> None:
    benchmark = Benchmark.model_validate({"dataset": "gone", "runs": [{"name": "dense"}]})
    for data, said in ((None, "--data or bench_data has to name"), (tmp_path, "no folder gone")):
        rows = list(run_suite({"gone": benchmark}, Place(data, tmp_path), tools, Watch()))  # type: ignore[arg-type]
        assert [said in row.missing for row in rows] == [True]
    assert "| dense | skipped: no folder gone |" in as_markdown({"gone": benchmark}, rows, "abc")


def test_published_figures_stand_beside_ours() -> None:
    published = {"measure": "nDCG@10", "value": 0.5, "source": "somebody"}
    benchmark = Benchmark.model_validate(
        {"dataset": "d", "measures": ["nDCG@10"], "runs": [{"name": "a", "published": [published]}]}
    )
    measures = {"nDCG@10": {"mean": 0.5004, "low": 0.4, "high": 0.6}}
    row = Row("d", benchmark.runs[0], {"measures": measures})
    assert [(ours, said) for _, ours, said in row.verdicts()] == [(0.5004, "OK")]
    text = as_markdown({"d": benchmark}, [row], "abc1234")
    assert "| a | 0.5004 [0.400, 0.600] | 0.5000 OK |" in text
    assert "abc1234" in text
