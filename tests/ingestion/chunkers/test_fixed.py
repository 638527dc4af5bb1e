from ingestion.chunk import build_chunker, pieces
from ingestion.document import Document
from ingestion.reading import Reading
from retrieval.offline import HashEmbedder


def cut(text: str, **parameters: int) -> list[str]:
    reading = Reading(Document("d", text), HashEmbedder(), "text")
    chunker = build_chunker({"use": "fixed", **parameters})
    return [text[slice(*span)] for span, _ in pieces(chunker, reading)]


def test_windows_have_the_given_number_of_tokens_and_the_last_the_rest() -> None:
    assert cut("a b c d e f g", tokens=3) == ["a b c", "d e f", "g"]


def test_each_window_begins_with_the_last_tokens_of_the_one_before() -> None:
    assert cut("a b c d e f g", tokens=4, overlap=2) == ["a b c d", "c d e f", "e f g"]


def test_no_window_holds_only_what_the_one_before_ends_with() -> None:
    assert cut("a b c d e f", tokens=4, overlap=2) == ["a b c d", "c d e f"]


def test_a_cut_stands_before_a_word_where_one_is_near() -> None:
    assert cut("a b c d e f (two) g", tokens=8) == ["a b c d e f", "(two) g"]
    assert cut("one (two) three", tokens=3) == ["one (two", ") three"]


def test_a_word_the_encoder_does_not_know_is_cut_by_characters() -> None:
    assert cut("x" * 25, tokens=10) == ["x" * 10, "x" * 10, "x" * 5]


def test_an_emoji_of_several_code_points_stays_whole() -> None:
    family = "👩‍👩‍👧‍👦"
    assert cut(family * 3, tokens=10) == [family, family, family]


def test_a_cluster_with_more_tokens_than_fit_is_cut_all_the_same() -> None:
    family = "👩‍👩‍👧‍👦"
    assert len(cut(family, tokens=3)) == 3
    assert "".join(cut(family, tokens=3)) == family


def test_the_title_that_is_embedded_too_takes_of_the_room() -> None:
    document = Document("d", "a b c d e f g", title="One two")
    reading = Reading(document, HashEmbedder(limit=8), "title+text")
    found = pieces(build_chunker({"use": "fixed", "tokens": 100}), reading)
    assert [document.text[slice(*span)] for span, _ in found] == ["a b c d", "e f g"]
