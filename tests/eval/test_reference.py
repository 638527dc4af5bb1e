"""The lexical baseline: rank_bm25's own numbers, in our order."""

import math

import pytest

from eval.reference import Bm25Reference, Passage, words
from retrieval.errors import InputError
from retrieval.types import Chunk, Span

TEXTS = {
    "a": "The cat sat on the mat.",
    "b": "A dog chased the cat!",
    "c": "Birds fly south in winter",
    "d": "winter is cold and dark",
    "e": "A dog chased the cat!",
}


def reference() -> Bm25Reference:
    return Bm25Reference(
        [Passage(Chunk(id, id, text, Span(0, len(text))), text) for id, text in TEXTS.items()]
    )


def found(query: str, limit: int = 10) -> dict[str, float]:
    return {hit.chunk.id: hit.score for hit in reference()(query, limit)[-1].hits}


def test_words_are_lower_case_without_punctuation() -> None:
    assert words("It's A_b, naïve -- 3.14!") == ["it", "s", "a_b", "naïve", "3", "14"]


def test_a_score_worked_out_by_hand() -> None:
    idf = math.log(5 - 1 + 0.5) - math.log(1 + 0.5)
    average = (6 + 5 + 5 + 5 + 5) / 5
    weight = idf * 1 * 2.5 / (1 + 1.5 * (0.25 + 0.75 * 5 / average))
    assert found("BIRDS?") == {"c": pytest.approx(weight)}


def test_hits_are_ordered_and_ties_break_by_id_also_at_the_limit() -> None:
    assert list(found("dog chased")) == ["b", "e"]
    assert list(found("dog chased", 1)) == ["b"]
    assert list(found("winter cold birds")) == ["c", "d"]


def test_what_shares_no_word_is_not_found() -> None:
    assert found("zebra") == {}
    assert found("") == {}


def test_a_corpus_without_words_is_refused() -> None:
    with pytest.raises(InputError, match="holds no word"):
        Bm25Reference([Passage(Chunk("a", "a", "...", Span(0, 3)), "...")])


def test_it_says_what_it_is() -> None:
    about = reference().describe()
    assert about["passages"] == 5
    assert about["library"].startswith("rank_bm25 ")
