from typing import Any

from ingestion.chunk import build_chunker, pieces
from ingestion.document import Document
from ingestion.reading import Reading
from retrieval.offline import HashEmbedder


def cut(text: str, **parameters: Any) -> list[str]:
    reading = Reading(Document("d", text), HashEmbedder(), "text")
    chunker = build_chunker({"use": "sentences", **parameters})
    return [text[slice(*span)] for span, _ in pieces(chunker, reading)]


def test_sentences_are_put_together_as_long_as_they_fit() -> None:
    text = "One two three. Four five. Six seven eight nine. Ten."
    assert cut(text, tokens=7) == ["One two three. Four five.", "Six seven eight nine. Ten."]


def test_a_chunk_begins_with_the_last_sentences_that_fit_into_the_overlap() -> None:
    text = "The cat sat. Dogs ran. Birds flew. Fish swam. Cows ate."
    assert cut(text, tokens=10, overlap=3) == [
        "The cat sat. Dogs ran. Birds flew.",
        "Birds flew. Fish swam. Cows ate.",
    ]


def test_sentences_of_the_overlap_are_left_out_where_the_next_one_needs_the_room() -> None:
    text = "The cat sat. Dogs ran. Birds flew over all the hills and seas. Fish swam."
    assert cut(text, tokens=12, overlap=6) == [
        "The cat sat. Dogs ran.",
        "Dogs ran. Birds flew over all the hills and seas.",
        "Fish swam.",
    ]
    assert cut(text, tokens=10, overlap=5) == [
        "The cat sat. Dogs ran.",
        "Birds flew over all the hills and seas.",
        "Fish swam.",
    ]


def test_a_sentence_that_is_too_long_is_cut_at_lines_then_at_words() -> None:
    text = "Short one.\n\na b c\nd e f\ng h i j k l m n"
    assert cut(text, tokens=6) == ["Short one.\n\na b c", "d e f", "g h i j k l", "m n"]


def test_the_language_says_which_abbreviations_end_no_sentence() -> None:
    text = "Gut. Er kauft Brot, Käse usw. Hans zahlt."
    german = ["Gut.", "Er kauft Brot, Käse usw. Hans zahlt."]
    assert cut(text, tokens=10, language="de") == german
    assert cut(text, tokens=10) == ["Gut. Er kauft Brot, Käse usw.", "Hans zahlt."]
