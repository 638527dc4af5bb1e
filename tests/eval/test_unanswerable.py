"""What best scores say about questions without an answer."""

import pytest

from eval.unanswerable import abstention, best_scores, lines_of
from retrieval.types import Chunk, Hit, Score, Span


def hit(**scores: float) -> Hit:
    chunk = Chunk("c", "d", "text", Span(0, 4))
    return Hit(chunk, tuple(Score(by, value) for by, value in scores.items()))


def test_the_best_score_of_each_maker_may_be_that_of_a_later_hit() -> None:
    hits = [hit(dense=0.5, sparse=3.0, fuse=0.9), hit(dense=0.7, fuse=0.4)]
    assert best_scores(hits) == {"final": 0.9, "dense": 0.7, "sparse": 3.0, "fuse": 0.9}
    assert best_scores([]) == {}


def test_the_area_and_the_quartiles_by_hand() -> None:
    found = abstention(
        [{"final": 0.9, "dense": 0.8}, {"final": 0.9, "dense": 0.6}],
        [{"final": 0.9, "dense": 0.5}, {"final": 0.9, "dense": 0.7}, {}],
    )
    assert (found["queries"], found["without_hits"]) == (3, 1)
    assert found["scores"]["dense"]["auc"] == pytest.approx(5 / 6)
    assert found["scores"]["final"]["auc"] == pytest.approx((2 + 2 * 2 * 0.5) / 6)
    assert found["scores"]["dense"]["unanswerable"] == pytest.approx([0.5, 0.55, 0.6, 0.65, 0.7])


def test_what_it_says_is_printed_with_intervals_and_what_a_threshold_costs() -> None:
    far = abstention([{"final": 5.0 + i} for i in range(20)], [{"final": -i} for i in range(10)])
    lines = lines_of(far)
    assert lines[0].startswith("10 unanswerable queries, not in the table")
    assert "final 1.000 [0." in lines[0]
    assert "from a best final score of 2.5 [1.5, 4], " in lines[1]
    assert "0% [0, 28] of unanswerable are answered, 0% [0, 16] of answerable refused" in lines[1]
    assert "(10-fold cross-validation)" in lines[1]
    assert "95% of what has an answer" in lines[2]


def test_a_score_that_says_nothing_is_called_a_guess() -> None:
    same = abstention([{"final": i % 5} for i in range(20)], [{"final": i % 5} for i in range(20)])
    assert lines_of(same)[1].startswith("No score tells them apart for certain")


def test_without_hits_there_is_no_threshold() -> None:
    nothing = abstention([{}, {}], [{}, {}])
    assert nothing["thresholds"] == {}
    assert lines_of(nothing)[0].endswith("no hits")
