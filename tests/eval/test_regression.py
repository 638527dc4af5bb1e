"""The gate: what fails, what passes, and what is refused, with numbers worked out by hand."""

import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from typer.main import get_command

from eval.regression import Demands, Gate, gate
from eval.results import Run
from eval.scores import Scores
from retrieval.errors import InputError
from service.cli import app

EXAMPLE = Path(__file__).parents[2] / "eval" / "gate_example.yml"


def run(name: str, ndcg: Any, p95_ms: float | None = 20.0, **changes: Any) -> Run:
    about = {"name": "set", "split": "test"}
    about["hashes"] = {"corpus": "c", "queries": "q", "judgments": "j"} | changes.pop("hashes", {})
    manifest = {
        "dataset": about,
        "options": {"drop_self": False},
        "system": {"name": name, "kind": changes.pop("kind", "pipeline")},
        "packages": {},
        "surroundings": {"machine": changes.pop("machine", "x86")},
    }
    values = np.stack([ndcg, np.full(len(ndcg), 0.5)], axis=1)
    latency = {"queries": 0} if p95_ms is None else {"queries": len(ndcg), "p95_ms": p95_ms}
    cost = {"calls": 0.0, "tokens_in": 0.0, "tokens_out": 0.0, "usd": 0.0} | changes
    ids = tuple(f"q{i}" for i in range(len(ndcg)))
    scores = Scores(ids, ("nDCG@10", "R@10"), values)
    return Run(Path("runs") / name, manifest, {"latency": latency, "cost": cost}, scores)


BEFORE = np.linspace(0.2, 0.8, 40)
WAVE = np.tile([0.1, -0.1], 20)
LIGHT = np.tile([0.01, -0.01], 20)


def judged(after: Any, **demands: Any) -> Gate:
    return gate(run("before", BEFORE), run("after", after), Demands(**demands))


def test_a_large_and_certain_drop_fails() -> None:
    found = judged(BEFORE - 0.03 + LIGHT)
    assert not found.passed
    (check,) = found.checks
    assert check.numbers["difference"] == pytest.approx(-0.03)
    assert check.numbers["p"] == pytest.approx(1 / 10001)
    assert re.match(r"nDCG@10 fell by more than 0.01, and that is no chance: ", check.reason)
    assert "-0.0300 [-0.03" in check.reason
    assert found.lines()[0] == "FAILED: nDCG@10"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (-0.005 + LIGHT / 10, "fell by no more than 0.01"),
        (-0.02 + WAVE, "fell by more than 0.01, but so may chance"),
        (0.02 + LIGHT, "did not fall"),
        (0 * WAVE, "did not fall"),
    ],
)
def test_a_small_or_uncertain_drop_passes(change: Any, why: str) -> None:
    found = judged(BEFORE + change)
    assert found.passed
    assert found.checks[0].reason.startswith(f"nDCG@10 {why}: ")
    assert found.lines()[0] == "PASSED"


def test_what_a_gate_may_not_see_is_said() -> None:
    (note,) = judged(BEFORE - 0.02 + WAVE).notes
    assert re.match(r"nDCG@10: 40 queries show a change of 0\.04\d\d four times out of five", note)
    assert judged(BEFORE + LIGHT / 10, margin=0.1).notes == ()


@pytest.mark.parametrize("change", [0.0, -0.005, 0.3])
def test_a_drop_that_may_pass_unseen_is_said_too_where_all_queries_differ_by_the_same(
    change,
) -> None:
    (note,) = judged(BEFORE + change).notes
    assert note == (
        "nDCG@10: 40 queries may hold none of the failures that make a drop of 0.0750; a drop"
        " between 0.01 and that may pass unseen. --non-inferiority asks for proof."
    )
    assert judged(BEFORE + change, margin=0.075).notes == ()


def test_non_inferiority_passes_only_where_the_drop_is_ruled_out() -> None:
    assert not_inferior(-0.005 + LIGHT / 10).passed
    noisy = not_inferior(WAVE, times=10)
    assert not noisy.passed
    assert noisy.checks[0].reason.startswith(
        "nDCG@10: the interval does not rule out a drop by 0.01:"
    )
    assert not_inferior(WAVE, times=10, margin=0.05).passed
    assert not not_inferior(-0.005 + LIGHT / 10, margin=0.005).passed


def not_inferior(change: Any, times: int = 25, margin: float = 0.01) -> Gate:
    """Judge a change of forty queries, so many times over."""
    before = np.tile(BEFORE, times)
    after = run("after", before + np.tile(change + 0 * WAVE, times))
    return gate(run("before", before), after, Demands(non_inferiority=True, margin=margin))


def test_non_inferiority_is_not_proven_by_queries_that_did_not_change() -> None:
    found = not_inferior(0, times=1, margin=0.05)
    assert not found.passed
    assert found.checks[0].reason.startswith(
        "nDCG@10: so few queries cannot rule out a drop by 0.05; 60 are needed: 0.5000 -> 0.5000,"
        " +0.0000 [+0.0000, +0.0000], 40 queries, at worst -0.0750"
    )
    assert found.checks[0].numbers["at_worst"] == pytest.approx(-0.075)
    assert [not_inferior(0, times, 3 / 80).passed for times in (1, 2)] == [False, True]


def test_one_failure_where_three_may_be_the_margin_is_no_proof() -> None:
    one = np.where(np.arange(40) == 7, -BEFORE, 0.0)
    before, after = np.tile(BEFORE, 2), np.concatenate([BEFORE, BEFORE + one])
    demands = Demands(non_inferiority=True, margin=0.04)
    assert not gate(run("before", before), run("after", after), demands).passed


def test_a_clear_gain_of_few_queries_is_no_drop() -> None:
    assert not_inferior(0.3, times=1).passed


def test_p_is_corrected_for_several_measures_and_each_is_asked_once() -> None:
    drop = np.zeros(40)
    drop[:6] = -0.5
    alone = judged(BEFORE + drop)
    assert alone.checks[0].numbers["p"] == pytest.approx(2 / 2**6)
    assert not alone.passed
    both = judged(BEFORE + drop, metrics=("nDCG@10", "R@10", "ndcg@10"))
    assert [each.numbers["p"] for each in both.checks] == pytest.approx([4 / 2**6, 1.0])
    assert both.passed
    assert "corrected for 2 measures" in both.checks[0].reason


def test_latency_and_cost_have_limits() -> None:
    before, after = run("before", BEFORE), run("after", BEFORE, 30.0, calls=2.0, usd=0.001)

    def failed(**demands: Any) -> list[str]:
        found = gate(before, after, Demands(**demands))
        return [each.reason for each in found.checks if not each.passed]

    assert failed(max_p95_ms=30.0, max_latency_ratio=1.5, max_cost={"calls": 2.0}) == []
    assert failed(max_p95_ms=29.0) == ["p95 30.0 ms, at most 29 ms"]
    assert failed(max_latency_ratio=1.2) == ["p95 20.0 -> 30.0 ms, 1.50 times; at most 1.2"]
    assert failed(max_cost={"calls": 1, "usd": 0.01}) == ["calls of a question 2, at most 1"]


def test_times_of_two_machines_are_noted() -> None:
    other = run("after", BEFORE, machine="arm")
    found = gate(run("before", BEFORE), other, Demands(max_latency_ratio=1.0))
    assert found.notes[-1] == "The runs are of different machines, and so are their times."


def test_few_queries_are_noted_and_one_is_refused() -> None:
    few = gate(run("a", BEFORE[:8]), run("b", BEFORE[:8]), Demands(margin=0.4))
    assert few.notes == ("8 queries are few: intervals are narrower than true.",)
    with pytest.raises(InputError, match="One query only"):
        gate(run("a", BEFORE[:1]), run("b", BEFORE[:1]), Demands())


def collapse(queries: int, *metrics: str) -> Gate:
    """Judge a run in which all are right against one in which all are wrong, in both measures."""
    before = run("before", np.ones(queries))
    before.scores.values[:] = 1.0
    after = run("after", np.zeros(queries))
    after.scores.values[:] = 0.0
    return gate(before, after, Demands(metrics=metrics))


def test_so_few_queries_that_a_collapse_would_pass_are_refused() -> None:
    with pytest.raises(InputError, match=r"^5 queries .* in a measure could .*; 6 are needed\.$"):
        collapse(5, "nDCG@10")
    with pytest.raises(InputError, match=r"^6 queries .* in one of 2 measures .*; 7 are needed\.$"):
        collapse(6, "nDCG@10", "R@10")
    assert not collapse(6, "nDCG@10", "ndcg@10").passed
    assert not collapse(7, "nDCG@10", "R@10").passed


@pytest.mark.parametrize(
    ("after", "demands", "said"),
    [
        (run("b", BEFORE, hashes={"corpus": "d"}), {}, "corpora differ"),
        (run("b", BEFORE, hashes={"judgments": "k"}), {}, "judgments differ"),
        (run("b", BEFORE[:39]), {}, "1 queries are scored in before only, such as q39"),
        (run("b", BEFORE), {"metrics": ("nDCG@7",)}, "No measure 'nDCG@7'"),
        (run("b", BEFORE, None), {"max_p95_ms": 1.0}, "holds no times"),
        (run("b", BEFORE, kind="run file"), {"max_cost": {"usd": 1}}, "holds no costs"),
        (run("b", BEFORE, calls=1.0), {"max_cost": {"usd": 1}}, "its model has no price"),
    ],
)
def test_what_cannot_be_decided_is_refused(after: Run, demands: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        gate(run("before", BEFORE), after, Demands(**demands))


@pytest.mark.parametrize(
    ("demands", "said"),
    [
        ({"margin": -0.1}, "a number of 0 or more is needed, got -0.1"),
        ({"margin": float("nan")}, "got nan"),
        ({"margin": 0.0, "non_inferiority": True}, "a number above 0 is needed"),
        ({"metrics": ()}, "At least one metric"),
        ({"max_cost": {"euro": 1.0}}, "calls, tokens_in, tokens_out, usd are known, got 'euro'"),
    ],
)
def test_demands_that_make_no_sense_are_refused(demands: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        Demands(**demands)


def test_the_example_workflow_uses_commands_and_options_that_exist() -> None:
    steps = yaml.safe_load(EXAMPLE.read_text())["jobs"]["gate"]["steps"]
    texts = [step["run"].replace("\\\n", " ") for step in steps if "run" in step]
    lines = [line.partition("|")[0] for text in texts for line in text.splitlines()]
    used = [shlex.split(line) for line in lines if line.startswith("assay ")]
    assert [words[:3] for words in used] == [["assay", "bench", each] for each in USED]
    for _, group, name, *words in used:
        command = get_command(app).commands[group].commands[name]
        options = {option for each in command.params for option in each.opts}
        assert {word for word in words if word.startswith("--")} <= options


USED = ("run", "run", "gate")


def test_a_gate_says_where_a_reranker_was_fitted_on_the_questions() -> None:
    after = run("after", BEFORE)
    after.manifest["dataset"]["question_digest"] = "0a1b"
    after.manifest["system"]["fitted_on"] = {"0a1b": "set: 40 questions"}
    found = gate(run("before", BEFORE), after, Demands())
    said = "candidate: its reranker's weights were fitted on these questions (set: 40 questions)"
    assert found.notes[0].startswith(said)
    assert any(line.startswith(f"note: {said}") for line in found.lines())
