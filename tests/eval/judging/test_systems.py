import json
import math
from pathlib import Path
from typing import Any

import pytest

from eval.bench import Bench
from eval.judging.agreement import agreement
from eval.judging.pool import Place, make_pool
from eval.judging.systems import systems, tau_ap
from eval.results import PER_QUERY, Run, read_run
from eval.run import run_benchmark
from retrieval.errors import InputError
from retrieval.open_kit import Tools
from retrieval.types import Span

TRUTH = [4.0, 3.0, 2.0, 1.0]


def test_tau_ap_weighs_the_top() -> None:
    assert tau_ap(TRUTH, TRUTH) == 1.0
    assert tau_ap(TRUTH, TRUTH[::-1]) == -1.0
    # The first two exchanged: ranks 2, 3, 4 have 0/1, 2/2 and 3/3 of those above them in common.
    assert tau_ap(TRUTH, [3.0, 4.0, 2.0, 1.0]) == pytest.approx(2 / 3 * (0 + 1 + 1) - 1)
    # The last two exchanged: 1/1, 2/2, 2/3.
    assert tau_ap(TRUTH, [4.0, 3.0, 1.0, 2.0]) == pytest.approx(2 / 3 * (1 + 1 + 2 / 3) - 1)


def test_tau_ap_is_the_mean_of_both_directions() -> None:
    # a b c against b c a. By the first: b has 0/1 of (a) above it, c 1/2 of (a, b). By the second:
    # c has 1/1 of (b) above it, a 0/2 of (b, c).
    one, other = [3.0, 2.0, 1.0], [1.0, 3.0, 2.0]
    assert tau_ap(one, other) == pytest.approx(((0 + 1 / 2 - 1) + (1 + 0 - 1)) / 2)
    assert tau_ap(other, one) == tau_ap(one, other)


def test_tau_ap_of_equal_orders_with_ties_is_1() -> None:
    assert tau_ap([0.5, 0.5, 0.3], [0.5, 0.5, 0.3]) == 1.0
    assert tau_ap([0.5, 0.3, 0.3], [0.9, 0.1, 0.1]) == 1.0
    assert tau_ap([0.5, 0.5, 0.3], [0.3, 0.3, 0.5]) == -1.0


def test_tau_ap_of_a_tie_on_one_side() -> None:
    # a b c against (a b) c. By the first: b has 0/1, as a tie is not above, c 2/2: mean 1/2. By
    # the second a and b are on top, c has 2/2: mean 1.
    assert tau_ap([3.0, 2.0, 1.0], [2.0, 2.0, 1.0]) == pytest.approx((2 * 1 / 2 - 1 + 2 - 1) / 2)
    # a b c against a (b c). By the first: b has 1/1, c 1/2: mean 3/4. By the second: 1/1 and 1/1,
    # since the place of a tie is that of its first.
    assert tau_ap([3.0, 2.0, 1.0], [2.0, 1.0, 1.0]) == pytest.approx((2 * 3 / 4 - 1 + 2 - 1) / 2)


def test_tau_ap_is_that_of_its_authors() -> None:
    # The example of their R package ircor, with its scores rounded to fifths: 0.6269841.
    one = [0.06, 0.2, 0.27, 0.37, 0.57, 0.63, 0.66, 0.9, 0.91, 0.94]
    other = [0.37, 0.06, 0.2, 0.27, 0.57, 0.66, 0.63, 0.91, 0.9, 0.94]
    fifths = [[round(5 * each) / 5 for each in scores] for scores in (one, other)]
    assert tau_ap(*fifths) == pytest.approx(0.6269841, abs=5e-8)


@pytest.mark.parametrize(
    ("one", "other"),
    [([0.5] * 3, [0.5] * 3), ([0.5] * 3, [3, 2, 1]), ([3, 2, 1], [0.5] * 3), ([1.0], [1.0])],
)
def test_tau_ap_is_undefined_where_one_side_has_no_order(
    one: list[float], other: list[float]
) -> None:
    assert tau_ap(one, other) is None


Labels = dict[Place, int]


def measured(dataset: Path, tools: Tools, out: Path, **options: Any) -> Run:
    return run_benchmark(Bench(dataset, "sparse", out=out, **options), tools)


def found(run: Run, hits: dict[str, list[str]]) -> Run:
    """A run that found these documents, for these questions only."""
    span = [0, 10]
    rows = [
        {
            "query_id": id,
            "query": "?",
            "measures": {"nDCG@10": 0.0},
            "hits": [{"document_id": each, "span": span} for each in documents],
        }
        for id, documents in hits.items()
    ]
    (run.folder / PER_QUERY).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return read_run(run.folder)


@pytest.fixture
def two(animals: Path, tools: Tools, tmp_path: Path) -> tuple[Run, Run]:
    """Two runs on the animals, to be told what they found."""
    good, bad = (measured(animals, tools, tmp_path / name) for name in ("good", "bad"))
    return good, bad


def test_runs_are_ranked_by_each_judge(two: tuple[Run, Run]) -> None:
    runs = found(two[0], {"q1": ["ant", "cat"], "q2": ["ant"]}), found(two[1], {"q1": [], "q2": []})
    # Of q1, cat (2) and dog (1) are judged; ada says that the ant is worth 3, eve that it is not.
    ada, eve = {("q1", "ant", None): 3}, {("q1", "ant", None): 0}
    scored = systems(runs, ada, eve)
    ideal = 3 + 2 / math.log2(3) + 1 / math.log2(4)
    assert scored.one == (pytest.approx((3 + 2 / math.log2(3)) / ideal), 0.0)
    ideal = 2 + 1 / math.log2(3)
    assert scored.other == (pytest.approx(2 / math.log2(3) / ideal), 0.0)
    assert (scored.names, scored.labelled, scored.held, scored.questions) == (
        ("good", "bad"),
        1,
        (1, 1),
        1,
    )
    assert (scored.tau, scored.tau_ap) == (1.0, 1.0)


def test_a_run_that_finds_what_was_judged_before_is_the_better_one(two: tuple[Run, Run]) -> None:
    runs = found(two[0], {"q1": ["cat", "dog"]}), found(two[1], {"q1": ["ant", "owl"]})
    pool = make_pool(runs)
    assert {each.document_id for each in pool} == {"ant", "owl"}  # cat and dog are judged already
    labels = {each.place: 1 if each.document_id == "ant" else 0 for each in pool}
    scored = systems(runs, labels, labels)
    assert scored.one == (1.0, 0.0)


def test_a_label_goes_before_a_judgment_of_the_same_document(two: tuple[Run, Run]) -> None:
    runs = found(two[0], {"q1": ["cat"]}), found(two[1], {"q1": ["dog"]})
    again, unlike = {("q1", "cat", None): 0}, {("q1", "dog", None): 3}
    scored = systems(runs, again | {("q1", "dog", None): 2}, unlike)
    assert scored.one == (0.0, 1.0)
    ideal = 3 + 2 / math.log2(3)
    assert scored.other == (pytest.approx(2 / ideal), pytest.approx(3 / ideal))


def test_runs_are_scored_on_the_questions_that_all_hold(two: tuple[Run, Run]) -> None:
    runs = found(two[0], {"q1": ["cat"], "q2": ["dog"]}), found(two[1], {"q2": ["dog"]})
    labels = {(id, "owl", None): 0 for id in ("q1", "q2", "q3")}
    scored = systems(runs, labels, labels)
    assert (scored.labelled, scored.held, scored.questions) == (3, (2, 1), 1)
    assert scored.one[0] == scored.one[1]
    assert (scored.tau, scored.tau_ap) == (None, None)


def test_a_run_without_a_labelled_question_is_refused(two: tuple[Run, Run]) -> None:
    runs = found(two[0], {"q1": ["cat"]}), found(two[1], {"q2": ["dog"]})
    with pytest.raises(InputError, match=r"bad holds none of the 1 questions that both judges"):
        systems(runs, {("q1", "ant", None): 3}, {("q1", "ant", None): 3})
    both = {("q1", "ant", None): 3, ("q2", "ant", None): 3}
    with pytest.raises(InputError, match="is in all of these runs"):
        systems(runs, both, both)


def test_runs_over_different_datasets_are_refused(
    two: tuple[Run, Run], guide: Path, tools: Tools, tmp_path: Path
) -> None:
    other = found(measured(guide, tools, tmp_path / "other"), {"q1": ["cat"]})
    labels = {("q1", "ant", None): 3}
    with pytest.raises(InputError, match=r"not over the same dataset: .*animals \(test\), .*guide"):
        systems((found(two[0], {"q1": ["cat"]}), other), labels, labels)


def test_labels_on_spans_are_none_of_judgments_on_documents(two: tuple[Run, Run]) -> None:
    runs = found(two[0], {"q1": ["cat"]}), found(two[1], {"q1": ["dog"]})
    labels: Labels = {("q1", "cat", Span(0, 9)): 3}
    with pytest.raises(InputError, match="1 labels are on spans, such as q1 -> cat"):
        systems(runs, labels, labels)


def test_judged_spans_count_beside_labelled_passages(
    guide: Path, tools: Tools, tmp_path: Path
) -> None:
    runs = [measured(guide, tools, tmp_path / name) for name in ("one", "two")]
    at = (guide / "corpus" / "guide.md").read_text().index("Cats sleep")
    for run, span in zip(runs, ([at, at + 40], [0, 9]), strict=True):
        hits = [{"document_id": "guide.md", "span": span}]
        row = {"query_id": "sleep", "query": "?", "measures": {"R@1": 0.0}, "hits": hits}
        (run.folder / PER_QUERY).write_text(json.dumps(row) + "\n")
    place = ("sleep", "guide.md", Span(0, 9))
    scored = systems(runs, {place: 0}, {place: 2})
    assert scored.one == (1.0, 0.0)
    # Both are asked for: the judged span, of grade 1, and the labelled passage, of grade 2.
    ideal = 2 + 1 / math.log2(3)
    assert scored.other == (pytest.approx(1 / ideal), pytest.approx(2 / ideal))
    # Labelled anew, the passage around the judged span is worth what the label says.
    again = ("sleep", "guide.md", Span(at, at + 40))
    scored = systems(runs, {again: 0, place: 3}, {again: 3, place: 0})
    assert (scored.one, scored.other) == ((0.0, 1.0), (1.0, 0.0))


def test_agreement_has_the_runs_where_there_are_two(two: tuple[Run, Run]) -> None:
    runs = found(two[0], {"q1": ["cat"]}), found(two[1], {"q1": ["dog"]})
    labels = {(by, ("q1", "ant", None)): 0 for by in ("ada", "eve")}
    with_runs = agreement(labels, ("ada", "eve"), runs)
    assert with_runs.systems == systems(runs, {("q1", "ant", None): 0}, {("q1", "ant", None): 0})
    assert agreement(labels, ("ada", "eve"), runs[:1]).systems is None
