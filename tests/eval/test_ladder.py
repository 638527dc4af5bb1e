"""A whole ladder on the offline tools: what is measured, kept over a kill, refused and promoted."""

import json
import shutil
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from eval.bench import Bench, Watch
from eval.compare import compare
from eval.ladder import Climb, run_ladder
from eval.ladder_tables import lines, markdown
from eval.promotion import promote, write_pipeline
from eval.results import read_run
from eval.run import run_benchmark
from retrieval.config import build_pipeline, load_pipeline
from retrieval.errors import ConfigError, InputError, ProviderError
from retrieval.kit import Reply

ROOT = Path(__file__).parents[2]
LADDER = """\
[[rungs]]
pipeline = "dense"
[[rungs]]
name = "hybrid"
add = { use = "sparse" }
after = "dense"
[[rungs]]
name = "rrf"
replace = "fuse"
with = { use = "fuse", how = "rrf" }
[[rungs]]
name = "one per document"
add = { use = "rules", most = 1 }
on = "hybrid"
"""
NAMES = ["dense", "hybrid", "rrf", "one per document"]


class Heard(Watch):
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.questions: list[tuple[int, int]] = []
        self.table: list[list[str]] = []

    def said(self, line: str) -> None:
        self.lines.append(line)

    def asked(self, done: int, total: int) -> None:
        self.questions.append((done, total))

    def standing(self, table) -> None:
        self.table = [list(row) for row in table]


@pytest.fixture
def ladder(tmp_path: Path) -> Path:
    file = tmp_path / "mine.toml"
    file.write_text(LADDER)
    return file


@pytest.fixture
def climb(ladder, animals, tmp_path) -> Climb:
    return Climb(str(ladder), (Bench(animals, cutoffs=(10,)),), tmp_path / "out")


def untimed(line: dict) -> dict:
    """A line of per_query.jsonl without times."""
    steps = [
        {name: value for name, value in each.items() if name not in ("ms", "cost", "steps")}
        for each in line["stages"]
    ]
    return {**line, "ms": 0, "stages": steps}


def ranked(file: Path) -> list[str]:
    """The lines of a TREC run without the system's name, their last word."""
    return [line.rpartition(" ")[0] for line in file.read_text().splitlines()]


def test_every_rung_is_the_run_that_bench_run_makes(climb, guide, tools, tmp_path, read) -> None:
    climb = replace(climb, benches=(*climb.benches, Bench(guide, cutoffs=(10,))))
    found = run_ladder(climb, tools)
    for dataset, on in zip((climb.benches[0].dataset, guide), found.datasets, strict=True):
        first = 0 if dataset != guide else 2
        for rung, run in list(zip(found.ladder.rungs, on.runs, strict=True))[first:]:
            file = tmp_path / "rung.toml"
            write_pipeline(file, rung.tables, ["a rung"], rung.pipeline.key)
            alone = run_benchmark(
                Bench(dataset, str(file), cutoffs=(10,), out=tmp_path / "alone"), tools
            )
            ours, theirs = (
                [untimed(line) for line in read(each.folder / "per_query.jsonl")]
                for each in (run, alone)
            )
            assert ours == theirs
            assert ranked(run.folder / "run.trec") == ranked(alone.folder / "run.trec")
            assert run.metrics["measures"] == alone.metrics["measures"]
            assert run.metrics.keys() == alone.metrics.keys()
            system = json.loads(json.dumps(alone.manifest["system"]))
            assert run.manifest["system"] == system | {"name": rung.name}
            assert run.manifest.keys() == alone.manifest.keys() | {"ladder"}
            assert compare(run, alone, "nDCG@10").differences[0].unchanged == len(run.scores.values)


def test_the_result_has_every_rung_with_its_differences_and_a_winner(climb, tools) -> None:
    heard = Heard()
    found = run_ladder(climb, tools, heard)
    data = json.loads((climb.out / "ladder.json").read_text())
    assert data == json.loads(json.dumps(found.as_json()))
    (dataset,) = data["datasets"]
    assert (dataset["name"], dataset["queries"]) == ("animals", 4)
    rungs = dataset["rungs"]
    assert [each["name"] for each in rungs] == NAMES
    assert [each["on"] for each in rungs] == [None, "dense", "hybrid", "hybrid"]
    assert rungs[0]["below"] is rungs[0]["baseline"] is rungs[0]["p_below_adjusted"] is None
    for number, each in enumerate(rungs):
        run = read_run(climb.out / each["run"])
        assert (
            run.manifest["system"]["key"] == each["key"] == build_pipeline("x", each["stages"]).key
        )
        assert each["measures"]["nDCG@10"] == run.metrics["measures"]["nDCG@10"]
        assert each["latency"]["p50_ms"] > 0
        if number:
            (base,) = compare(found.datasets[0].runs[0], run, "nDCG@10").differences
            assert each["baseline"] == vars(base) | {"verdict": base.verdict}
            assert each["p_baseline_adjusted"] >= base.p
    assert rungs[3]["below"]["baseline"] == rungs[1]["measures"]["nDCG@10"]["mean"]
    assert [each["verdict"] for each in rungs] == ["baseline"] + 3 * ["not enough queries"]
    seconds = dataset["seconds"]
    assert seconds["most_expensive"] <= seconds["shared"] < seconds["separate"]
    assert data["overall"] == []
    assert data["winner"]["name"] in NAMES
    assert {each["name"] for each in data["front"]} <= set(NAMES)
    assert heard.questions[-1] == (4, 4)
    assert heard.table[0][:2] == ["animals: 4 of 4", "nDCG@10"]
    assert [row[1] for row in heard.table[1:]] == [
        f"{each['measures']['nDCG@10']['mean']:.4f}" for each in rungs
    ]
    text = "\n".join(lines(found))
    assert "animals (test): 4 queries" in text
    assert "times the most expensive rung alone" in text
    marked = (climb.out / "ladder.md").read_text()
    assert "| one per document |" in marked
    assert "**Winner: " in marked


def test_several_datasets_are_judged_together_and_counted_the_same(climb, guide, tools) -> None:
    found = run_ladder(replace(climb, benches=(*climb.benches, Bench(guide, cutoffs=(10,)))), tools)
    data = found.as_json()
    assert [each["name"] for each in data["datasets"]] == ["animals", "guide"]
    means = [
        [each["rungs"][n]["measures"]["nDCG@10"]["mean"] for each in data["datasets"]]
        for n in range(4)
    ]
    assert [each["mean"] for each in data["overall"]] == pytest.approx([sum(m) / 2 for m in means])
    assert data["overall"][1]["below"]["queries"] == 6
    assert "All together, each dataset counting the same: animals, guide" in "\n".join(lines(found))
    few = [
        f"{each.about['queries']} queries are few: intervals are narrower than true."
        for each in found.datasets
    ]
    said = [each for each in lines(found) if "are few" in each]
    assert said == [f"note: {each}" for each in few]
    said = [each for each in markdown(found) if "are few" in each]
    assert said == [f"> **Note** {each}" for each in few]


KILLED = """
import os, signal, sys
from pathlib import Path
from eval.bench import Bench, Watch
from eval.ladder import Climb, run_ladder
from retrieval.settings import Settings
from tests.eval.conftest import CountingTools

class Killing(Watch):
    def asked(self, done, total):
        if done == 2:
            os.kill(os.getpid(), signal.SIGKILL)

ladder, dataset, out = sys.argv[1:]
tools = CountingTools(Settings(data_dir=Path(out + "-data"), encoder="hash"))
run_ladder(Climb(ladder, (Bench(Path(dataset), cutoffs=(10,)),), Path(out)), tools, Killing())
"""


def test_a_killed_ladder_goes_on_where_it_stopped(climb, tools, tmp_path, read) -> None:
    dataset = climb.benches[0].dataset
    command = [sys.executable, "-c", KILLED, climb.ladder, str(dataset), str(climb.out)]
    killed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert killed.returncode == -9, killed.stderr
    answers = sorted((climb.out / "animals").glob("*.answers"))
    assert len(answers) == 4
    assert [len(read(file)) for file in answers] == [2, 2, 2, 2]
    assert not list(climb.out.rglob("manifest.json"))
    heard = Heard()
    found = run_ladder(climb, tools, heard)
    assert "animals: 2 of 4 questions were answered." in heard.lines
    assert heard.questions == [(3, 4), (4, 4)]
    whole = run_ladder(replace(climb, out=tmp_path / "whole"), tools)
    for ours, theirs in zip(found.datasets[0].runs, whole.datasets[0].runs, strict=True):
        one, other = (
            [untimed(line) for line in read(run.folder / "per_query.jsonl")]
            for run in (ours, theirs)
        )
        assert one == other
    assert not list(climb.out.rglob("*.answers"))


def test_a_kill_between_two_runs_asks_nothing_again(climb, tools) -> None:
    run_ladder(climb, tools)
    folder = climb.out / "animals"
    before = (folder / "01-dense" / "per_query.jsonl").read_bytes()
    shutil.rmtree(folder / "02-hybrid")
    heard = Heard()
    run_ladder(climb, tools, heard)
    assert heard.questions[-1] == (4, 4)
    assert (folder / "01-dense" / "per_query.jsonl").read_bytes() == before
    heard = Heard()
    found = run_ladder(replace(climb, metric="MRR@10", margin=0.2), tools, heard)
    assert heard.questions == []
    assert found.as_json()["metric"] == "RR@10"


def test_another_ladder_or_dataset_is_refused_in_the_same_folder(climb, tools) -> None:
    run_ladder(climb, tools)
    file, qrels = Path(climb.ladder), climb.benches[0].dataset / "qrels" / "test.tsv"
    file.write_text(LADDER.replace("most = 1", "most = 2"))
    with pytest.raises(
        InputError, match=r"what differs: rungs one per document \(\w{12}\.\.\., now"
    ):
        run_ladder(climb, tools)
    file.write_text(LADDER.replace('name = "rrf"', 'name = "RRF"'))
    with pytest.raises(InputError, match=r"the rungs or their order; rungs rrf .*; rungs RRF"):
        run_ladder(climb, tools)
    file.write_text(LADDER)
    qrels.write_text(qrels.read_text().replace("owl\towl\t1", "owl\towl\t2"))
    with pytest.raises(InputError, match="datasets animals judgments"):
        run_ladder(climb, tools)
    with pytest.raises(InputError, match="datasets animals options cutoffs"):
        run_ladder(replace(climb, benches=(replace(climb.benches[0], cutoffs=(5, 10)),)), tools)
    (climb.out / "plan.json").write_text("{")
    with pytest.raises(InputError, match=r"plan.json cannot be read"):
        run_ladder(climb, tools)


class Replayed:
    """A language model that is a recording, which says what it holds."""

    def __init__(self, digest: str, url: str | None = None) -> None:
        self.about = {"digest": digest} | ({"url": url} if url else {})

    def describe(self) -> dict[str, str]:
        return dict(self.about)

    def reply(self, prompt, query, clock) -> Reply:
        return Reply(query, {"passages": [query]}, {"calls": 1.0, "usd": 0.5})


class Broken(Replayed):
    """One that answers nothing."""

    def reply(self, prompt, query, clock) -> Reply:
        raise ProviderError("The model is gone.")


def test_a_model_is_asked_once_for_all_rungs_and_its_recording_must_stay(climb, tools) -> None:
    file = Path(climb.ladder)
    both = 'stages = [{ use = "hyde" }, { use = "dense" }, { use = "fuse" }]'
    file.write_text(
        f'[[rungs]]\nname = "hyde"\n{both}\n'
        '[[rungs]]\nname = "more"\nadd = { use = "rules", most = 1 }\n'
    )
    with pytest.raises(ConfigError, match=r"^Rung 'hyde': hyde: no language model"):
        run_ladder(climb, tools)
    tools.__dict__["llm"] = Replayed("one")
    found = run_ladder(climb, tools)
    costs = [each["cost"] for each in found.as_json()["datasets"][0]["rungs"]]
    assert costs == 2 * [{"calls": 1.0, "tokens_in": 0.0, "tokens_out": 0.0, "usd": 0.5}]
    assert "500.00" in "\n".join(lines(found))
    tools.__dict__["llm"] = Replayed("two")
    tools.__dict__["_kits"].clear()
    with pytest.raises(InputError, match="what differs: model digest"):
        run_ladder(climb, tools)
    shutil.rmtree(climb.out)
    for digest in ("one", "grown"):
        tools.__dict__["llm"] = Replayed(digest, "http://localhost")
        tools.__dict__["_kits"].clear()
        run_ladder(climb, tools)


def test_a_folder_of_something_else_is_refused(climb, tools) -> None:
    climb.out.mkdir()
    (climb.out / "thesis.txt").write_text("precious")
    with pytest.raises(InputError, match=r"holds 'thesis.txt', and no ladder"):
        run_ladder(climb, tools)
    with pytest.raises(InputError, match="cannot be a ladder's folder"):
        run_ladder(replace(climb, out=climb.out / "thesis.txt"), tools)


def test_what_cannot_run_is_found_before_anything_is_measured(climb, tools, guide) -> None:
    file = Path(climb.ladder)
    more = '[[rungs]]\nname = "imagined"\nadd = { use = "hyde" }\nbefore = "sparse"'
    file.write_text(LADDER + more)
    with pytest.raises(ConfigError, match=r"^Rung 'imagined': hyde: no language model is set"):
        run_ladder(climb, tools)
    assert tools.indexes.names() == []
    tools.__dict__["llm"] = Broken("one")
    with pytest.raises(ProviderError, match=r"^Rung 'imagined' on animals, 'q1': stage 'hyde': .*"):
        run_ladder(replace(climb, benches=(*climb.benches, Bench(guide, cutoffs=(10,)))), tools)
    assert not list(climb.out.rglob("*.answers"))
    file.write_text(LADDER.replace('use = "rules"', 'use = "rulez"'))
    with pytest.raises(ConfigError, match=r"rung 4 'one per document' cannot be built.*'rulez'"):
        run_ladder(replace(climb, benches=(Bench(guide / "nowhere"),)), tools)


def test_wrong_input_is_named(climb, tools, animals, tmp_path) -> None:
    with pytest.raises(InputError, match=r"animals: No measure 'span_iou@10'. There are: P@10"):
        run_ladder(replace(climb, metric="span_iou@10"), tools)
    with pytest.raises(InputError, match="margin: 0 to 1, got 2"):
        replace(climb, margin=2)
    with pytest.raises(InputError, match="at least one is needed"):
        replace(climb, benches=())
    with pytest.raises(InputError, match="Two datasets are called 'animals'"):
        replace(climb, benches=(*climb.benches, Bench(tmp_path / "other" / "animals")))


def test_drop_one_says_what_each_stage_is_worth(climb, tools) -> None:
    found = run_ladder(replace(climb, drop_one=True), tools)
    (dataset,) = found.as_json()["datasets"]
    assert [each["without"] for each in dataset["rungs"]] == [None, "dense", "sparse", "rules"]
    assert all(each["on"] == "one per document" for each in dataset["rungs"][1:])
    assert "keep a stage: significantly worse without it" in "\n".join(lines(found))


def test_one_query_claims_nothing(climb, tools) -> None:
    (climb.benches[0].dataset / "qrels" / "test.tsv").write_text("q1\tcat\t1\n")
    found = run_ladder(climb, tools)
    assert {each.verdict for each in found.datasets[0].judgements[1:]} == {"not enough queries"}
    assert found.winner.low is None
    assert "note: One query only: no interval is claimed." in lines(found)


def test_the_promoted_file_is_the_measured_pipeline_with_evidence(climb, tools, tmp_path) -> None:
    found = run_ladder(climb, tools)
    file = tmp_path / "pipelines" / "best.toml"
    promote(found, file)
    served = load_pipeline("best", file.parent)
    winner = found.as_json()["winner"]
    assert served.key == winner["key"]
    data = tomllib.loads(file.read_text())
    assert data["stages"] == winner["stages"]
    run = found.datasets[0].runs[found.winner.rung]
    for part in (
        f"nDCG@10 {winner['mean']:.4f}",
        "animals (test, 4 queries",
        f"fingerprint {run.manifest['system']['fingerprint']}",
        f"pipeline key {winner['key']}",
    ):
        assert part in data["about"]
    with pytest.raises(InputError, match=r"a pipeline file ends in .toml"):
        promote(found, tmp_path / "best.yaml")
    with pytest.raises(InputError, match="cannot be written"):
        promote(found, file / "below" / "best.toml")
    with pytest.raises(ConfigError, match="is not the pipeline that was measured"):
        write_pipeline(file, [{"use": "sparse"}, {"use": "fuse"}], ["x"], winner["key"])
    assert load_pipeline("best", file.parent).key == winner["key"]
