"""What best scores say about questions without an answer."""

import pytest

from eval.unanswerable import abstention, best_scores
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
