from ingestion.chunk import build_chunker, pieces
from ingestion.document import Document
from ingestion.reading import Reading
from retrieval.offline import HashEmbedder


def cut(text: str, **parameters: int) -> list[str]:
    reading = Reading(Document("d", text), HashEmbedder(), "text")
    chunker = build_chunker({"use": "recursive", **parameters})
    return [text[slice(*span)] for span, _ in pieces(chunker, reading)]


def test_paragraphs_are_put_together_as_long_as_they_fit() -> None:
    assert cut("a b\n\nc d\n\ne f\n\ng", tokens=4) == ["a b\n\nc d", "e f\n\ng"]


def test_what_is_too_long_is_cut_finer_and_its_rest_stays_alone() -> None:
    text = "a b\n\nc d e\nf g h\ni\n\nj"
    assert cut(text, tokens=3) == ["a b", "c d e", "f g h", "i", "j"]
    assert cut(text, tokens=4) == ["a b", "c d e", "f g h\ni", "j"]


def test_a_long_line_is_cut_at_sentence_marks_then_at_words_then_at_tokens() -> None:
    assert cut("a b. c d? e", tokens=6) == ["a b. c d?", "e"]
    assert cut("a b c d e", tokens=2) == ["a b", "c d", "e"]
    assert cut("x" * 25, tokens=10) == ["x" * 10, "x" * 10, "x" * 5]


def test_a_mark_inside_a_number_is_no_border() -> None:
    assert cut("pi is 3.14 or so. Yes.", tokens=8) == ["pi is 3.14 or so.", "Yes."]


def test_an_overlap_is_of_whole_parts_and_stays_within_one_cut() -> None:
    assert cut("a\n\nb\n\nc\n\nd", tokens=2, overlap=1) == ["a\n\nb", "b\n\nc", "c\n\nd"]
    assert cut("a\n\nb b\n\nc c c\n\nd", tokens=2, overlap=1) == ["a", "b b", "c c", "c c", "d"]
    assert cut("a b c d", tokens=2, overlap=1) == ["a b", "b c", "c d"]
