import pytest

from retrieval.dated import AFTER_A_DATE, BEFORE_A_DATE, NEGATIONS, dates_of, is_negated, with_tail


def demanded(text: str) -> list[tuple[str, str]]:
    return list(dates_of(text))


@pytest.mark.parametrize(
    ("phrase", "how"),
    [(each, how) for how, words in BEFORE_A_DATE.items() for each in words if each != "between"],
)
def test_a_phrase_before_a_date_is_read_as_a_whole(phrase: str, how: str) -> None:
    assert demanded(f"reports {phrase} May 2019 about travel") == [(how, "May 2019")]
    assert demanded(f"{phrase.upper()} 2019") == [(how, "2019")]
    assert demanded(f"nothing published {phrase} 2019") == []


@pytest.mark.parametrize(
    ("phrase", "how"),
    [(each, how) for how, words in AFTER_A_DATE.items() for each in words],
)
def test_a_phrase_behind_a_date_is_read_as_a_whole(phrase: str, how: str) -> None:
    assert demanded(f"reports of 2019 {phrase}") == [(how, "2019")]
    assert demanded(f"reports from May 2019 {phrase}, on travel") == [(how, "May 2019")]
    assert demanded(f"nothing of 2019 {phrase}") == []


@pytest.mark.parametrize("negation", NEGATIONS)
def test_a_date_behind_a_negation_is_no_demand(negation: str) -> None:
    assert demanded(f"{negation} the reports that appeared before 2019") == []
    assert demanded(f"{negation} this; before 2019") == [("<", "2019")]
    assert is_negated(f"reports {negation} ")


def test_a_tail_agrees_with_the_operator_or_there_is_none() -> None:
    assert with_tail("is", " or later ;") == ">="
    assert with_tail(">=", " or later ;") == ">="
    assert with_tail("<", " or later ;") == ""
    assert with_tail("<", " or memos ;") == "<"


def test_a_list_has_one_operator_and_bounds_hold_together() -> None:
    assert demanded("in 2018, May 2019 and/or 2020") == [
        ("is", "2018"),
        ("is", "May 2019"),
        ("is", "2020"),
    ]
    assert demanded("since 2018 and before 2020") == [(">=", "2018"), ("<", "2020")]
    assert demanded("since 2018 or before 2010") == []
    assert demanded("since 2018 and in 2020") == []
