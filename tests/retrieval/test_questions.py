import time

import pytest

from retrieval.questions import LONGEST, may_be_several, split_questions


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("where do cats sleep?", ["where do cats sleep?"]),
        (
            "How is bread baked, and who invented it?",
            ["How is bread baked?", "who invented it? (How is bread baked)"],
        ),
        (
            "What is JSON and how do I parse one?",
            ["What is JSON?", "how do I parse one?"],
        ),
        (
            "Is it safe? What does it cost?",
            ["Is it safe?", "What does it cost? (Is it safe)"],
        ),
        (
            "Simvastatin. Why take this in the evening? Any harm in the morning?",
            [
                "Why take this in the evening? (Simvastatin)",
                "Any harm in the morning? (Simvastatin)",
            ],
        ),
        (
            "Do cats dream? I saw mine twitch all night long, for a long time. Do dogs dream?",
            [
                "Do cats dream? (I saw mine twitch all night long, for a long time)",
                "Do dogs dream? (I saw mine twitch all night long, for a long time)",
            ],
        ),
        (
            f"Loud. {'word ' * 40}. Why? How?",
            [f"Why? (Loud. {'word ' * 28}word)", f"How? (Loud. {'word ' * 28}word)"],
        ),
        ("one?\ntwo?", ["one?", "two?"]),
        ("猫はどこ？犬は何？", ["猫はどこ?", "犬は何?"]),
        ("أين ينام القط؟ ما هو الخبز؟", ["أين ينام القط?", "ما هو الخبز?"]),
    ],
)
def test_questions_are_taken_apart(text: str, parts: list[str]) -> None:
    assert split_questions(text) == parts


@pytest.mark.parametrize(
    "text",
    [
        "Who is the man who was born in Riga and who died in Ulm?",
        "My son is thirty years of age and did not have the vaccination?",
        "Who wrote and who read?",
        "cats and dogs",
        "What is black and white?",
        "I slept well. The bread was good.",
        "",
        "🦊",
        "???",
    ],
)
def test_what_is_one_question_stays_one(text: str) -> None:
    assert split_questions(text) == [text]


@pytest.mark.parametrize(
    "text",
    [
        "How is bread baked, and who invented it?",
        "Is it safe? What is it?",
        "Which is faster, the red train or the blue one?",
        "Who was the president of the association which published the journal?",
        "When did the country containing Nugegoda leave the British Empire?",
        "What currency predated the Euro in the country Signmark is from?",
        "Where was the wife of the author of Emma born?",
        "What is the name of Hello Love's performer today?",
        "a" * LONGEST + "b",
    ],
)
def test_what_may_be_several_is_worth_a_call(text: str) -> None:
    assert may_be_several(text)


@pytest.mark.parametrize(
    "text",
    [
        "where do cats sleep?",
        "what is bread dough made of?",
        "How do I read a large file line by line?",
        "Who and what is it?",
        "",
        "🦊",
    ],
)
def test_a_plain_question_is_not(text: str) -> None:
    assert not may_be_several(text)


@pytest.mark.parametrize("text", ["why " * 10_000, "of in " * 333, "a and what " * 180, "?" * 1999])
def test_long_texts_take_no_time(text: str) -> None:
    start = time.process_time()
    may_be_several(text)
    split_questions(text)
    assert time.process_time() - start < 0.5


@pytest.mark.parametrize("text", ["why? how?", "猫はどこ？犬は何？", "أين ينام القط؟ ما هو الخبز؟"])
def test_two_question_marks_of_any_script_may_be_several(text: str) -> None:
    assert may_be_several(text)
