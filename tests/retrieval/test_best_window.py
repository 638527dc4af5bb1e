from retrieval.best_window import best_window
from retrieval.kit import Kit

FILLER = "one two three four five six seven eight "


def test_a_short_text_stays_whole(kit: Kit) -> None:
    assert best_window("cats", "Cats sleep.", 16, kit) == "Cats sleep."


def test_the_window_with_most_terms_of_the_question_is_taken(kit: Kit) -> None:
    text = FILLER * 5 + "cats sleep on the sill " + FILLER * 5
    found = best_window("where do cats sleep", text, 16, kit)
    assert "cats sleep" in found
    assert len(kit.embedder.token_spans(found)) == 16


def test_of_equal_windows_the_first_is_taken(kit: Kit) -> None:
    found = best_window("xylophone", FILLER * 9, 16, kit)
    assert found == (FILLER * 2).strip()


def test_the_end_of_a_text_is_seen_whole(kit: Kit) -> None:
    text = FILLER * 5 + "cats"
    assert best_window("cats", text, 16, kit).endswith("eight cats")
