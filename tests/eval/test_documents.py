"""Document measures: by hand, and beside trec_eval on anything that a run can look like."""

import math

import ir_measures
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.documents import FAMILIES, descending, document_full_recall, document_scores
from eval.judgments import Judgment
from eval.scores import known_measure
from retrieval.errors import InputError


def test_measures_by_hand() -> None:
    qrels = {"q": {"a": 2, "b": 1, "c": 1, "d": 0}}
    scores = document_scores(qrels, {"q": ["x", "a", "d", "b"]}, (1, 5))
    row = scores.rows()["q"]
    ideal = 2 / math.log2(2) + 1 / math.log2(3) + 1 / math.log2(4)
    assert row["P@1"] == 0.0
    assert row["P@5"] == pytest.approx(2 / 5)
    assert row["R@5"] == pytest.approx(2 / 3)
    assert row["RR@1"] == 0.0
    assert row["RR@5"] == pytest.approx(1 / 2)
    assert row["AP@5"] == pytest.approx((1 / 2 + 2 / 4) / 3)
    assert row["Success@1"] == 0.0
    assert row["Success@5"] == 1.0
    assert row["nDCG@5"] == pytest.approx((2 / math.log2(3) + 1 / math.log2(5)) / ideal)


def test_queries_without_hits_or_without_positives_count_zero_and_stay() -> None:
    qrels = {"none": {"a": 1}, "irrelevant": {"a": 0}, "found": {"a": 1}}
    scores = document_scores(qrels, {"none": [], "irrelevant": ["a"], "found": ["a"]})
    assert scores.query_ids == ("none", "irrelevant", "found")
    assert scores.of("nDCG@10").tolist() == [0.0, 0.0, 1.0]
    assert not scores.values[:2].any()


def test_a_repeated_document_counts_once_at_its_first_rank() -> None:
    qrels = {"q": {"a": 1, "b": 1}}
    twice = document_scores(qrels, {"q": ["a", "a", "b"]}, (5,))
    once = document_scores(qrels, {"q": ["a", "b"]}, (5,))
    assert (twice.values == once.values).all()
    assert twice.values.max() <= 1.0


CUTOFFS = (1, 3, 10, 30)
Case = tuple[list[str], dict[str, int]]
AWKWARD: dict[str, Case] = {
    "found nothing": ([], {"d1": 1}),
    "judged nothing": (["d1"], {}),
    "neither": ([], {}),
    "only irrelevant": (["d1", "d2"], {"d1": 0, "d2": 0}),
    "all unjudged": (["x1", "x2"], {"d1": 1}),
    "repeated": (["d1", "d1", "x", "d2", "d1"], {"d1": 1, "d2": 2}),
    "one of one": (["d1"], {"d1": 1}),
    "more relevant than asked for": ([f"d{i}" for i in range(60)], {f"d{i}": 1 for i in range(50)}),
    "graded, worst first": (["d0", "d1", "d2", "d3"], {"d0": 0, "d1": 1, "d2": 2, "d3": 9}),
    "ids with spaces and umlauts": (["ä b", "ß"], {"ß": 1}),
    "at the edge": ([*(f"x{i}" for i in range(9)), "d1"], {"d1": 1}),
    "behind the edge": ([*(f"x{i}" for i in range(30)), "d1"], {"d1": 1}),
}


def random_case(random: np.random.Generator) -> Case:
    """Up to 40 hits, with repetitions, and up to 12 graded judgments, of 30 documents."""
    hits = [f"d{i}" for i in random.integers(0, 30, random.integers(0, 41))]
    judged = random.choice(30, random.integers(0, 13), replace=False)
    return hits, {f"d{i}": int(random.integers(0, 4)) for i in judged}


def irrelevant_or_measured(measures: list[object], cases: dict[str, Case]) -> dict[str, object]:
    """ir_measures' values by query; 0 where it leaves one out, as trec_eval -c has it."""
    qrels = {id: dict(grades) for id, (_, grades) in cases.items()}
    run = {id: descending(found) for id, (found, _) in cases.items()}
    values = {id: dict.fromkeys(map(str, measures), 0.0) for id in cases}
    for each in ir_measures.iter_calc(measures, qrels, run):
        values[each.query_id][str(each.measure)] = each.value
    return values


def test_every_measure_equals_ir_measures_on_1000_random_and_all_awkward_cases() -> None:
    random = np.random.default_rng(14)
    cases = AWKWARD | {f"random {number}": random_case(random) for number in range(1000)}
    ours = document_scores(
        {id: grades for id, (_, grades) in cases.items()},
        {id: found for id, (found, _) in cases.items()},
        CUTOFFS,
    )
    measures = [getattr(ir_measures, family) @ k for family in FAMILIES for k in CUTOFFS]
    theirs = irrelevant_or_measured(measures, cases)
    assert set(ours.measures) == set(map(str, measures))
    expected = [[theirs[id][measure] for measure in ours.measures] for id in ours.query_ids]
    assert np.abs(ours.values - np.array(expected)).max() <= 1e-6


ids = st.sampled_from([f"d{number}" for number in range(12)])
grades = st.dictionaries(ids, st.integers(0, 4), max_size=8)


@settings(max_examples=100, deadline=None)
@given(st.lists(ids, max_size=20), grades)
def test_measures_lie_between_zero_and_one_and_full_recall_is_recall_of_one(
    found: list[str], judged: dict[str, int]
) -> None:
    scores = document_scores({"q": judged}, {"q": found}, CUTOFFS)
    assert ((scores.values >= 0) & (scores.values <= 1)).all()
    judgments = [Judgment("q", id, grade) for id, grade in judged.items()]
    full = document_full_recall({"q": judgments}, {"q": found}, CUTOFFS)
    recall = [scores.of(f"R@{k}")[0] for k in CUTOFFS]
    assert full.values[0].tolist() == [float(each > 1 - 1e-9) for each in recall]


def test_full_recall_asks_for_one_document_of_each_group() -> None:
    judgments = [
        Judgment("q", "a", group="first"),
        Judgment("q", "b", group="first"),
        Judgment("q", "c", group="second"),
        Judgment("q", "d", grade=0, group="third"),
    ]
    full = document_full_recall({"q": judgments}, {"q": ["b", "x", "b", "c"]}, (1, 2, 3))
    assert full.measures == ("full_recall@1", "full_recall@2", "full_recall@3")
    assert full.values.tolist() == [[0.0, 0.0, 1.0]]
    nothing = document_full_recall({"q": judgments[3:]}, {"q": ["d"]}, (1,))
    assert nothing.values.tolist() == [[0.0]]


@given(st.lists(ids, unique=True, min_size=1, max_size=12), st.randoms())
def test_what_is_written_is_sorted_by_trec_eval_as_it_was_served(served, random) -> None:
    run = descending(served)
    assert len({np.float32(score) for score in run.values()}) == len(served)
    shuffled = list(run.items())
    random.shuffle(shuffled)
    by_score_then_id = sorted(shuffled, key=lambda item: (np.float32(item[1]), item[0]))
    assert [id for id, _ in reversed(by_score_then_id)] == served


def test_scores_of_a_deep_run_are_distinct_as_float32() -> None:
    scores = list(descending([str(number) for number in range(100_000)]).values())
    assert len(set(np.array(scores, dtype=np.float32).tolist())) == 100_000
    assert scores == sorted(scores, reverse=True)


def test_measures_are_known_by_their_names_and_labels() -> None:
    measures = [str(ir_measures.nDCG @ 10), "RR@10", "Success@5", "span_recall@5"]
    assert known_measure("ndcg@10", measures) == "nDCG@10"
    assert known_measure("MRR@10", measures) == "RR@10"
    assert known_measure("hit_rate@5", measures) == "Success@5"
    assert known_measure("span recall@5", measures) == "span_recall@5"
    with pytest.raises(InputError, match="nDCG@10, RR@10"):
        known_measure("nDCG@11", measures)
