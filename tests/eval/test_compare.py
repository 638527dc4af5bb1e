"""Comparing two runs: the numbers by hand, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from eval.compare import compare
from eval.results import Run
from eval.scores import Scores
from retrieval.errors import InputError

FOLDER = Path("runs")


def run(name: str, values: dict[str, float], **dataset: Any) -> Run:
    about = {
        "name": "set",
        "split": "test",
        "hashes": {"corpus": "c1", "queries": "q1", "judgments": "j1"} | dataset.pop("hashes", {}),
    } | dataset
    manifest = {
        "dataset": about,
        "options": {"drop_self": False},
        "system": {"name": name, "key": f"key of {name}"},
        "packages": {"numpy": "1"},
    }
    column = np.array(list(values.values()))
    scores = Scores(
        tuple(values), ("nDCG@10", "RR@10", "IoU@10"), np.stack([column, column**2, column], 1)
    )
    return Run(FOLDER / name, manifest, {"queries": len(values)}, scores)


A = {"q1": 0.5, "q2": 0.0, "q3": 1.0, "q4": 0.25, "q5": 0.5}
B = {"q5": 1.0, "q4": 0.25, "q3": 0.75, "q2": 0.5, "q1": 0.75}


def test_a_difference_by_hand_with_queries_matched_by_id() -> None:
    (found,) = compare(run("a", A), run("b", B), "nDCG@10").differences
    gains = np.array([0.25, 0.5, -0.25, 0.0, 0.5])
    assert (found.measure, found.queries) == ("nDCG@10", 5)
    assert (found.baseline, found.candidate) == pytest.approx((0.45, 0.65))
    assert found.difference == pytest.approx(0.2)
    assert (found.helped, found.hurt, found.unchanged) == (3, 1, 1)
    assert found.p == pytest.approx(6 / 16)
    assert found.p_t == pytest.approx(stats.ttest_1samp(gains, 0).pvalue)
    assert found.low <= 0.2 <= found.high
    assert found.verdict == "no significant difference"
    assert "no significant difference" in "\n".join(compare(run("a", A), run("b", B)).lines())


def test_a_run_against_itself_has_no_difference() -> None:
    (found,) = compare(run("a", A), run("a", A), "MRR@10").differences
    assert (found.difference, found.low, found.high) == (0.0, 0.0, 0.0)
    assert (found.p, found.p_t, found.unchanged) == (1.0, 1.0, 5)
    assert compare(run("a", A), run("a", A)).changed == ()


def test_a_clear_difference_is_named_with_its_direction() -> None:
    worse = {f"q{i}": i % 5 / 10 for i in range(60)}
    better = {id: value + 0.2 + 0.01 * (len(id) - 2) for id, value in worse.items()}
    assert compare(run("a", worse), run("b", better), "nDCG@10").differences[0].verdict == (
        "candidate is better"
    )
    assert compare(run("b", better), run("a", worse), "nDCG@10").differences[0].verdict == (
        "candidate is worse"
    )


def test_one_query_is_not_tested() -> None:
    found = compare(run("a", {"q": 0.0}), run("b", {"q": 1.0}), "nDCG@10")
    assert found.differences[0].verdict == "one query: no test"
    assert found.differences[0].low is found.differences[0].p_t is None
    assert "one query: no test" in "\n".join(found.lines())


@pytest.mark.parametrize(("queries", "noted"), [(2, True), (29, True), (30, False)])
def test_few_queries_are_noted_once(queries: int, noted: bool) -> None:
    values = {f"q{i}": i % 3 / 2 for i in range(queries)}
    lines = compare(run("a", values), run("b", values)).lines()
    said = f"note: {queries} queries are few: intervals are narrower than true."
    assert lines.count(said) == noted


def test_what_a_run_against_itself_would_show_is_not_known() -> None:
    found = compare(run("a", A), run("a", A), "nDCG@10")
    assert found.differences[0].detectable is None
    assert found.table()[1][-2] == "-"


def test_without_a_metric_the_main_ones_are_compared() -> None:
    found = compare(run("a", A), run("b", B))
    assert [each.measure for each in found.differences] == ["nDCG@10", "RR@10"]
    assert found.changed == ("system: a -> b", "pipeline: key of a -> key of b")
    assert found.as_json()["differences"][0]["verdict"] == "no significant difference"
    with pytest.raises(InputError, match=r"No measure 'P@10'. There are: nDCG@10, RR@10"):
        compare(run("a", A), run("b", B), "P@10")


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"hashes": {"corpus": "c2"}}, r"corpora differ \(set c1, set c2\)"),
        ({"hashes": {"queries": "q2"}}, "queries differ"),
        ({"hashes": {"judgments": "j2"}}, r"judgments differ \(set j1, set j2\)"),
        ({"split": "dev"}, "splits differ"),
    ],
)
def test_runs_over_other_data_are_refused_with_what_differs(other: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        compare(run("a", A), run("b", B, **other))


def test_runs_over_other_queries_are_refused_with_examples() -> None:
    fewer = {id: value for id, value in B.items() if id != "q3"}
    with pytest.raises(InputError, match="1 queries are scored in a only, such as q3"):
        compare(run("a", A), run("b", fewer))


def test_a_run_that_dropped_its_own_documents_is_not_compared_with_one_that_did_not() -> None:
    other = run("b", B)
    other.manifest["options"]["drop_self"] = True
    with pytest.raises(InputError, match=r"--drop-self differ"):
        compare(run("a", A), other)
