from collections.abc import Sequence

import pytest

from retrieval.offline import passage
from retrieval.parts import Parts, interleaved, weighed
from retrieval.types import Hit, Score


def ranked(*ids: str) -> Sequence[Hit]:
    return [Hit(passage(id, id), (Score("fuse", 1.0 / n),)) for n, id in enumerate(ids, 1)]


def order(lists: dict[str, Sequence[Hit]]) -> list[str]:
    return [hit.chunk.document_id for hit in interleaved(lists, "merge")]


def test_every_list_is_represented_by_its_best() -> None:
    lists = {"": ranked("a", "b", "c"), "one": ranked("d", "a", "b"), "two": ranked("e", "f", "b")}
    # Rank 1 anywhere: a has 1 + 1/2, d and e have 1, in the order of the lists. Then rank 2: b has
    # 1/2 + 1/3 + 1/3, f has 1/2; then c.
    assert order(lists) == ["a", "d", "e", "b", "f", "c"]


def test_scores_fall_with_the_place_and_say_which_list() -> None:
    first, second = interleaved({"": ranked("a"), "one": ranked("b", "a")}, "merge")
    assert first.scores == (Score("fuse", 1.0), Score("one/fuse", 0.5), Score("merge", 1.0))
    assert second.scores == (Score("one/fuse", 1.0), Score("merge", 0.5))


def test_empty_lists_leave_the_others() -> None:
    assert order({"": ranked(), "one": ranked("a", "b")}) == ["a", "b"]
    assert order({"": ranked(), "one": ranked()}) == []


def test_scores_are_the_questions_share_and_the_rest_of_the_best_part() -> None:
    # Min-max of 1, 1/2, 1/3 is 1, 1/4, 0; of 1, 1/2 it is 1, 0.
    lists = {"": ranked("a", "b", "c"), "one": ranked("d", "b"), "two": ranked("b", "e", "a")}
    found = weighed(lists, "merge", 0.6)
    scores = {hit.chunk.document_id: hit.score for hit in found}
    assert scores == {
        "b": pytest.approx(0.6 * 0.25 + 0.4 * 1.0),
        "a": pytest.approx(0.6 * 1.0 + 0.4 * 0.0),
        "d": pytest.approx(0.4),
        "e": pytest.approx(0.4 * 0.25),
        "c": 0.0,
    }
    assert [hit.chunk.document_id for hit in found] == ["a", "b", "d", "e", "c"]
    assert [each.by for each in found[1].scores] == ["fuse", "one/fuse", "two/fuse", "merge"]


def test_lists_without_hits_leave_the_scores_of_the_others() -> None:
    assert [hit.score for hit in weighed({"": ranked(), "one": ranked("a")}, "m", 0.5)] == [0.5]
    assert weighed({"": ranked()}, "m", 0.5) == ()


def test_parts_wait_for_the_answers_that_they_refer_to() -> None:
    parts = Parts(("who?", "where is #1?", "when?", "#2 and #3?", " "))
    assert parts.ready({}, set()) == [0, 2]
    assert parts.ready({0: "Ann"}, {0, 2}) == [1]
    assert parts.ready({0: "Ann", 1: "Ulm"}, {0, 1, 2}) == []
    assert parts.filled(3, {1: "Ulm", 2: "1900 #1"}) == "Ulm and 1900 #1?"
    assert [parts.needed(i) for i in range(5)] == [True, True, True, False, False]


def test_a_number_sign_that_the_question_holds_itself_is_a_word() -> None:
    parts = Parts(("Which film was #1 in 1979?", "Who directed #2?"), "... was #1 in 1979?")
    assert parts.needs(0) == set()
    assert parts.ready({}, set()) == [0]
    assert parts.filled(0, {0: "warm"}) == "Which film was #1 in 1979?"
    assert parts.needs(1) == {1}
