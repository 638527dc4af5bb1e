"""Document measures: by hand, and beside trec_eval on anything that a run can look like."""

import math

import ir_measures
import numpy as np
import pytest
import pytrec_eval
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.documents import descending, document_scores
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


ids = st.sampled_from([f"d{number}" for number in range(12)])
runs = st.dictionaries(
    st.sampled_from(["q1", "q2", "q10", "a query"]),
    st.tuples(st.lists(ids, max_size=20), st.dictionaries(ids, st.integers(0, 4), max_size=8)),
    min_size=1,
)


@settings(max_examples=300, deadline=None)
@given(runs)
def test_every_measure_equals_trec_eval(run: dict[str, tuple[list[str], dict[str, int]]]) -> None:
    qrels = {id: grades for id, (_, grades) in run.items()}
    scores = document_scores(qrels, {id: found for id, (found, _) in run.items()}, (1, 5, 10))
    names = {"P": "P", "recall": "R", "ndcg_cut": "nDCG", "map_cut": "AP", "success": "Success"}
    asked = {f"{name}.1,5,10" for name in names} | {"recip_rank"}
    evaluator = pytrec_eval.RelevanceEvaluator({id: dict(q) for id, q in qrels.items()}, asked)
    theirs = evaluator.evaluate(
        {id: descending(found) for id, (found, _) in run.items() if found and qrels[id]}
    )
    for id, row in scores.rows().items():
        expected = theirs.get(id, {})
        for name, family in names.items():
            for k in (1, 5, 10):
                assert row[f"{family}@{k}"] == pytest.approx(
                    expected.get(f"{name}_{k}", 0.0), abs=1e-6
                )
        reciprocal = expected.get("recip_rank", 0.0)
        for k in (1, 5, 10):
            assert row[f"RR@{k}"] == pytest.approx(
                reciprocal if reciprocal * k >= 1 - 1e-9 else 0.0, abs=1e-6
            )


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
