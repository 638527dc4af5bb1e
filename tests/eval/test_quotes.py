"""Quotes that differ from the text: found within the stated distance, and never guessed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.judgments import Judgment
from eval.quotes import TOLERANCE, Near, closest, near
from retrieval.types import Span

TEXT = "The cat sat on the mat, and the dog — who slept all  day — barked “loudly” at the postman."


def held(quote: str, text: str = TEXT) -> list[tuple[str, int]]:
    return [(text[each.span.start : each.span.end], each.edits) for each in near(quote, text)]


def test_case_white_space_quotation_marks_and_dashes_are_no_edits() -> None:
    quote = 'the dog - who\nslept all day - Barked "loudly" at'
    assert held(quote) == [("the dog — who slept all  day — barked “loudly” at", 0)]


@pytest.mark.parametrize(
    ("quote", "edits"),
    [
        ("The cat sat on teh mat, and", 2),
        ("The cat sat on the mat and the dog", 1),
        ("The black-cat sat on the mat, and the dog — who slept all day — barked “loudly”", 6),
        ("he cat sat on the mat, an", 0),
    ],
)
def test_edits_are_counted(quote: str, edits: int) -> None:
    assert [each for _, each in held(quote)] == [edits]


def test_more_than_a_tenth_of_the_characters_is_too_much() -> None:
    assert held("The cat sat on teh mat") == [("The cat sat on the mat", 2)]
    assert held("The cta sat on the") == []
    assert held("The dog") == [("the dog", 0)]
    assert held("The bog") == []
    assert near("", TEXT) == near("anything at all", "") == []


def test_the_place_with_the_fewest_edits_is_taken_and_equal_ones_are_all_given() -> None:
    text = "on the 3rd of May 1921; on the 4th of May 1921; on the 4th of March 1920"
    assert held("on the 5th of May 1921", text) == [("on the 4th of May 1921", 1)]
    twice = near("a line of wrods here.", "A line of words here. And: a line of words here.")
    assert twice == [Near(Span(0, 21), 2), Near(Span(27, 48), 2)]


def test_of_equally_near_borders_those_of_words_are_taken() -> None:
    assert held("mat, and the dog —  who slpet") == [("mat, and the dog — who slept", 2)]


WORDS = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta"]
words = st.lists(st.sampled_from(WORDS), min_size=6, max_size=30)


@settings(max_examples=50, deadline=None)
@given(words, words, words, st.data())
def test_a_quote_with_few_edits_is_found_with_no_more_of_them(before, quote, after, data) -> None:
    wanted = " ".join(quote)
    text = " # ".join([" ".join(before), wanted, " ".join(after)])
    edits = data.draw(st.integers(0, int(TOLERANCE * len(wanted))))
    changed = wanted
    for _ in range(edits):
        at = data.draw(st.integers(0, len(changed) - 1))
        changed = (
            changed[:at] + data.draw(st.sampled_from(["+", f"+{changed[at]}"])) + changed[at + 1 :]
        )
    found = near(changed, text)
    assert found
    assert found[0].edits <= edits


def test_equal_places_are_alternatives_of_one_group() -> None:
    texts = {"a": "A line of words here.", "b": "A line of words here.", "c": "nothing"}
    found = closest(Judgment("q", "", 2, None, "a line of wrods here."), texts)
    assert [(each.document_id, each.span, each.group) for each in found] == [
        ("a", Span(0, 21), "a line of wrods here."),
        ("b", Span(0, 21), "a line of wrods here."),
    ]
    named = closest(Judgment("q", "b", 2, None, "a line of wrods here.", "g"), texts)
    assert [(each.document_id, each.group) for each in named] == [("b", "g")]
    assert closest(Judgment("q", "c", 2, None, "a line of wrods here."), texts) == []
