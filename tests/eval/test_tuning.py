"""Tuning: what may be tuned, what the search tries, and figures of questions that were held out."""

import json
import tomllib
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from eval.bench import Bench, Watch
from eval.promotion import write_pipeline
from eval.run import run_benchmark
from eval.tuning import Tuning, _cross_validated, tune
from eval.tuning_result import Mean
from eval.tuning_search import search
from eval.tuning_space import space_of
from retrieval.config import build_pipeline, load_pipeline
from retrieval.errors import ConfigError, InputError, NotFoundError
from retrieval.offline import HashEmbedder

TABLES = [
    {"use": "dense", "limit": 20},
    {"use": "sparse"},
    {"use": "fuse", "how": "convex"},
    {"use": "gate", "then": [{"use": "rules", "most": 1}], "margin": 0.9},
]


def space(*texts: str, tables=TABLES):
    return space_of("mine", tables, texts)


def test_a_range_of_numbers_has_a_hundred_steps_and_one_of_whole_numbers_all() -> None:
    found = space("fuse.alpha=0..1", "dense.limit=10..30", "rules.mmr=0.2..0.7")
    alpha, limit, mmr = found.parameters
    assert alpha.values == tuple(n / 100 for n in range(101))
    assert all(type(each) is float for each in alpha.values)
    assert limit.values == tuple(range(10, 31))
    assert (mmr.values[0], mmr.values[1], mmr.values[-1]) == (0.2, 0.205, 0.7)
    assert [each.untuned for each in found.parameters] == [0.5, 20, 1.0]
    assert found.first == 0


def test_choices_are_numbers_truth_values_or_texts() -> None:
    found = space("fuse.how=convex, rrf", "fuse.alpha=0,0.25,1", "sparse.limit=10,20")
    assert [each.values for each in found.parameters] == [
        ("convex", "rrf"),
        (0.0, 0.25, 1.0),
        (10, 20),
    ]
    assert type(found.parameters[1].values[0]) is float
    assert found.first == 1


def test_the_tables_change_where_a_value_does_also_inside_a_stage() -> None:
    found = space("rules.most=1..4", "fuse.alpha=0..1")
    assert found.tables_with(found.untuned) == TABLES
    assert found.pipeline(found.untuned).key == build_pipeline("x", TABLES).key
    changed = found.tables_with((3, 0.25))
    assert changed[3]["then"] == [{"use": "rules", "most": 3}]
    assert changed[2] == {"use": "fuse", "how": "convex", "alpha": 0.25}
    assert TABLES[3]["then"] == [{"use": "rules", "most": 1}]
    assert found.named((3, 0.25)) == {"rules.most": 3, "fuse.alpha": 0.25}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("fuse.alpha", "STAGE.PARAM=LOW..HIGH or STAGE.PARAM=A,B,C is needed"),
        ("alpha=0..1", "STAGE.PARAM=LOW..HIGH"),
        ("fuse.alpha=", "STAGE.PARAM=LOW..HIGH"),
        (
            "fuze.alpha=0..1",
            "no stage 'fuze', and one is needed. It has: dense, sparse, fuse, gate",
        ),
        ("fuse.alpa=0..1", "fuse has no such parameter; it has how, norm, alpha, k"),
        ("fuse.alpha=1..0", "LOW below HIGH; got 1..0"),
        ("fuse.alpha=a..b", "LOW..HIGH needs a parameter that is a number"),
        ("fuse.how=0..1", "LOW..HIGH needs a parameter that is a number"),
        ("dense.limit=1.5..3", "whole numbers are needed"),
        ("dense.limit=1..900000", "at most 100,000 of them"),
        ("fuse.alpha=0.5", "two values or more are needed"),
        ("fuse.alpha=0..2", r"param fuse.alpha = 2.0: fuse.alpha: 0 to 1, got 2.0"),
        ("fuse.how=convex,sum", "param fuse.how = 'sum': .*how"),
        ("gate.then=1,2", "param gate.then = 1"),
    ],
)
def test_a_parameter_that_cannot_be_tuned_is_named(text, named) -> None:
    with pytest.raises((InputError, ConfigError), match=named):
        space(text)


def test_a_stage_that_stands_twice_or_is_named_twice_is_refused() -> None:
    with pytest.raises(InputError, match="2 stages 'dense', and one is needed"):
        space("dense.limit=1..9", tables=[{"use": "dense", "limit": 5}, *TABLES])
    with pytest.raises(InputError, match=r"fuse.alpha is given twice"):
        space("fuse.alpha=0..1", "fuse.alpha=0,1")
    with pytest.raises(InputError, match="at least one is needed"):
        space()
    with pytest.raises(ConfigError, match="weights were fitted on the fusion"):
        space("fuse.alpha=0..1", tables=[*TABLES[1:3], {"use": "rerank"}])


def test_few_combinations_are_all_tried_and_many_are_searched_without_chance() -> None:
    goal = Counter()

    def seen(index):
        goal[index] += 1
        return float(sum(index))

    assert search(seen, (2, 3), 6) == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
    goal.clear()

    def peak(index):
        goal[index] += 1
        return -abs(index[0] - 70) / 100 - abs(index[1] - 2)

    tried = search(peak, (101, 4), 40)
    assert len(tried) == len(set(tried)) == 40
    assert set(goal.values()) == {1}
    assert max(tried, key=peak) == (70, 2)
    assert tried == search(peak, (101, 4), 40)
    assert len(search(lambda _: 0.0, (1000,), 7)) == 7


class Heard(Watch):
    """Keeps what it hears of tries."""

    def __init__(self) -> None:
        self.tries: list[tuple[int, int, str]] = []

    def tuned(self, done: int, total: int, best: str) -> None:
        self.tries.append((done, total, best))


@pytest.fixture
def tuning(animals, tmp_path) -> Tuning:
    bench = Bench(animals, "hybrid", cutoffs=(10,))
    return Tuning(bench, ("fuse.alpha=0,0.5,1",), folds=2, out=tmp_path / "out")


def test_a_pipeline_is_tuned_and_written_with_its_cross_validated_figure(tuning, tools) -> None:
    heard = Heard()
    found, folder = tune(tuning, tools, heard)
    data = json.loads((folder / "tune.json").read_text())
    assert data == json.loads(json.dumps(found.as_json()))
    assert data["tried"] == 3
    assert heard.tries[-1][:2] == (9, 9)
    assert [each["queries"] for each in data["folds"]] == [2, 2]
    (parameter,) = data["parameters"]
    assert (parameter["name"], parameter["untuned"]) == ("fuse.alpha", 0.5)
    assert parameter["values"] == [0.0, 0.5, 1.0]
    file = tomllib.loads((folder / "pipeline.toml").read_text())
    assert load_pipeline(str(folder / "pipeline.toml")).key == data["final"]["key"]
    assert f"{data['cross_validated']['mean']:.4f}" in file["about"]
    assert "is optimistic" in file["about"]
    text = "\n".join(found.lines())
    assert "animals (test): 4 queries, 2 folds, 3 combinations tried" in text
    assert text.count("note: 4 queries are few: intervals are narrower than true.") == 1
    assert "optimism" in text
    again, _ = tune(tuning, tools)
    assert again.as_json() == found.as_json()


def test_every_question_has_the_figure_of_a_run_with_the_values_of_its_fold(
    tuning, tools, tmp_path
) -> None:
    runs = {}
    for alpha in (0.0, 0.5, 1.0):
        file = tmp_path / "alpha.toml"
        stages = [{"use": "dense"}, {"use": "sparse"}, {"use": "fuse", "alpha": alpha}]
        write_pipeline(file, stages, ["one"], build_pipeline("x", stages).key)
        bench = replace(tuning.bench, pipeline=str(file), out=tmp_path / "run")
        runs[alpha] = run_benchmark(bench, tools).scores.of("nDCG@10")
    found, _ = tune(tuning, tools)
    assert found.untuned.tolist() == runs[0.5].tolist()
    dealt = np.random.default_rng(0).permutation(4) % 2
    for fold, each in enumerate(found.folds):
        own = dealt == fold
        assert found.held_out[own].tolist() == runs[each.choice[0]][own].tolist()
        assert each.train == max(float(values[~own].mean()) for values in runs.values())
    assert found.best == max(float(values.mean()) for values in runs.values())


class Asked(HashEmbedder):
    """The hash encoder, with how many questions it has embedded."""

    count = 0

    def queries(self, texts, clock):
        type(self).count += len(texts)
        return super().queries(texts, clock)


def test_the_legs_are_searched_once_for_all_values_of_the_fusion(tuning, tools) -> None:
    tools.__dict__["embedder"] = Asked()
    found, _ = tune(replace(tuning, parameters=("fuse.alpha=0..1",), trials=20), tools)
    assert found.tried >= 20
    assert Asked.count == 4


class Known:
    """A tuner over five values whose measures are given, question by question."""

    def __init__(self, values: dict[float, np.ndarray], folds: int) -> None:
        self.table = values
        self.space = space("fuse.alpha=" + ",".join(map(str, values)))
        self.tuning = Tuning(Bench(".", cutoffs=(10,)), (), folds=folds)
        self.metric = "nDCG@10"
        self.trials = type("Trials", (), {"count": len(values), "refused": {}})()

    def values(self, choice):
        return self.table[choice[0]]

    def choose(self, rest):
        return (max(self.table, key=lambda each: self.table[each][rest].mean()),)


def test_held_out_questions_and_optimism_by_hand() -> None:
    # Two folds of two questions. On the second fold 0.25 is the best, on the first 0.75.
    table = {
        0.5: np.array([0.5, 0.5, 0.5, 0.5]),
        0.25: np.array([0.1, 0.3, 0.9, 0.7]),
        0.75: np.array([0.9, 0.9, 0.2, 0.0]),
    }
    about = {"name": "x", "split": "test", "hash": "0", "queries": 4}
    found = _cross_validated(Known(table, 2), np.array([0, 0, 1, 1]), about)
    assert [fold.choice for fold in found.folds] == [(0.25,), (0.75,)]
    assert found.held_out.tolist() == [0.1, 0.3, 0.2, 0.0]
    assert found.seen.tolist() == [0.9, 0.9, 0.9, 0.7]
    assert found.optimism.mean == pytest.approx((0.8 + 0.6 + 0.7 + 0.7) / 4)
    assert found.change.difference == pytest.approx(-0.35)
    assert [(fold.train, fold.test) for fold in found.folds] == [
        pytest.approx((0.8, 0.2)),
        pytest.approx((0.9, 0.1)),
    ]
    assert found.folds[0].untuned == (0.5, 0.5)
    assert found.final == (0.5,)
    assert found.advice.startswith("keep the untuned values")
    text = "\n".join(found.lines())
    assert "fuse.alpha: 0.5 untuned" in text
    assert "1 of 2 folds agree" in text


def test_of_equally_good_values_those_nearest_to_the_untuned_are_taken(tuning, tools) -> None:
    (tuning.bench.dataset / "queries.jsonl").write_text(
        '{"_id": "q3", "text": "xylophone"}\n{"_id": "q2", "text": "zither"}\n'
    )
    found, _ = tune(replace(tuning, parameters=("fuse.k=1..9", "fuse.alpha=0..1")), tools)
    assert found.final == (60, 0.5)
    assert found.optimism.mean == 0.0


def test_values_that_stages_refuse_together_are_counted_and_never_chosen(tuning, tools) -> None:
    file = tuning.out.parent / "gated.toml"
    file.write_text(
        'stages = [{ use = "expand", how = "vector", weight = 0.5 }, { use = "dense" },'
        ' { use = "sparse" }, { use = "fuse" }]'
    )
    bench = replace(tuning.bench, pipeline=str(file))
    parameters = ("expand.how=vector,rm3", "expand.weight=0.5,1.0")
    found, _ = tune(replace(tuning, bench=bench, parameters=parameters), tools)
    assert found.tried == 3
    ((why, count),) = found.refused.items()
    assert "below 1 for rm3" in why
    assert count == 1
    assert ("rm3", 1.0) not in [fold.choice for fold in found.folds]
    assert "refused 1: " in "\n".join(found.lines())


def test_what_is_wrong_is_said_before_anything_is_indexed(tuning, tools, tmp_path) -> None:
    for changed, error, named in (
        ({"parameters": ("fuse.beta=0..1",)}, InputError, "no such parameter"),
        ({"bench": replace(tuning.bench, pipeline="nosuch")}, NotFoundError, "'nosuch' is not"),
        ({"bench": replace(tuning.bench, split="dev")}, NotFoundError, "dev.tsv is not there"),
        ({"out": tuning.bench.dataset}, InputError, "which tuning did not write"),
        ({"out": tuning.bench.dataset / "corpus.jsonl"}, InputError, "cannot be made"),
        ({"folds": 5}, InputError, "5 folds need as many judged questions, got 4"),
    ):
        with pytest.raises(error, match=named):
            tune(replace(tuning, **changed), tools)
    assert tools.indexes.names() == []
    with pytest.raises(InputError, match="No measure 'span_iou@10'"):
        tune(replace(tuning, metric="span_iou@10"), tools)
    with pytest.raises(InputError, match="folds: 2 to 100, got 1"):
        replace(tuning, folds=1)


def test_a_mean_of_one_question_claims_no_interval() -> None:
    assert Mean.of(np.array([0.5])).text() == "0.5000"
    assert Mean.of(np.full(9, 0.5)).text("+") == "+0.5000 [+0.5000, +0.5000]"
