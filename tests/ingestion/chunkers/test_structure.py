import re
from typing import Any

from ingestion.chunk import build_chunker, pieces
from ingestion.chunkers.structure import sections
from ingestion.document import Document, Heading
from ingestion.reading import Reading
from retrieval.offline import HashEmbedder


def marked(text: str) -> Document:
    """A document whose headings are its lines that begin with '#'."""
    found = re.finditer(r"^(#+) (.*)$", text, re.MULTILINE)
    return Document("d", text, headings=tuple(Heading(m.start(), len(m[1]), m[2]) for m in found))


def cut(text: str, tokens: int, **parameters: Any) -> list[str]:
    reading = Reading(marked(text), HashEmbedder(), "text")
    chunker = build_chunker({"use": "structure", "tokens": tokens, **parameters})
    return [text[slice(*span)] for span, _ in pieces(chunker, reading)]


def test_a_small_document_is_one_chunk() -> None:
    text = "# A\n\none\n\n## B\n\ntwo\n\n# C\n\nthree"
    assert cut(text, 20) == [text]


def test_sections_are_cut_at_headings_of_the_highest_level_first() -> None:
    text = "# A\n\none\n\n## B\n\ntwo three\n\n# C\n\nfour five six"
    assert cut(text, 9) == ["# A\n\none\n\n## B\n\ntwo three", "# C\n\nfour five six"]


def test_small_sections_of_one_parent_are_put_together() -> None:
    text = "# A\n\n## B\n\none\n\n## C\n\ntwo\n\n## D\n\nthree\n\n## E\n\nfour"
    assert cut(text, 12) == ["# A\n\n## B\n\none\n\n## C\n\ntwo", "## D\n\nthree\n\n## E\n\nfour"]


def test_sections_of_different_parents_are_never_put_together() -> None:
    text = "# A\n\none two three four five six seven\n\n## B\n\neight\n\n# C\n\nnine"
    assert cut(text, 10) == [
        "# A\n\none two three four five six seven",
        "## B\n\neight",
        "# C\n\nnine",
    ]


def test_a_section_that_was_cut_is_not_joined_with_its_neighbour() -> None:
    text = "# A\n\none two three four five six\n\nseven\n\n# B\n\neight"
    assert cut(text, 8) == ["# A\n\none two three four five six", "seven", "# B\n\neight"]


def test_a_heading_stays_with_the_text_below_it() -> None:
    text = "# A\n\n## B\n\none two three four five. Six seven eight."
    assert cut(text, 11) == ["# A\n\n## B\n\none two three four five.", "Six seven eight."]


def test_a_heading_without_text_before_a_higher_one_is_a_chunk() -> None:
    text = "# A\n\none two three four five six\n\n## B\n\n# C\n\nseven eight nine ten"
    assert cut(text, 8)[1:] == ["## B", "# C\n\nseven eight nine ten"]


def test_a_heading_longer_than_a_chunk_is_not_lost() -> None:
    assert cut("# a b c d e f", 3) == ["# a b", "c d e", "f"]


def test_the_text_before_the_first_heading_joins_only_what_stands_together() -> None:
    text = "intro\n\n## A\n\none\n\n# B\n\ntwo"
    assert cut(text, 9) == ["intro\n\n## A\n\none", "# B\n\ntwo"]


def test_paragraphs_list_items_and_fences_are_kept_together() -> None:
    text = "one two\nthree four\n\n- five six\n- seven eight\n\n```\nx = 1\n\ny = 2\n```\n\nlast"
    assert cut(text, 7) == [
        "one two\nthree four\n\n- five six",
        "- seven eight",
        "```\nx = 1",
        "y = 2\n```\n\nlast",
    ]
    assert cut(text, 12)[1] == "```\nx = 1\n\ny = 2\n```"


def test_code_that_is_too_long_is_cut_at_lines() -> None:
    text = "```\na. B c d\ne. F g h\ni. J k l\n```"
    assert cut(text, 13) == ["```\na. B c d\ne. F g h", "i. J k l\n```"]


def test_a_paragraph_that_is_too_long_is_cut_at_sentences_then_at_words() -> None:
    text = "The cat sat. The dogs ran. A b c d e f g h i j k l m."
    assert cut(text, 8) == ["The cat sat. The dogs ran.", "A b c d e f g h", "i j k l m."]


def test_the_chunk_of_a_heading_stands_under_its_parents_and_the_next_under_it() -> None:
    text = "# A\n\n## B\n\none two three four five.\n\nSix seven eight."
    found = list(pieces(build_chunker({"use": "structure", "tokens": 11}), read(text)))
    assert [heading for _, heading in found] == [(), ("A", "B")]
    text = "# A\n\n## B\n\none two three four five.\n\n## C\n\nSix seven eight."
    found = list(pieces(build_chunker({"use": "structure", "tokens": 11}), read(text)))
    assert [heading for _, heading in found] == [(), ("A",)]


def read(text: str) -> Reading:
    return Reading(marked(text), HashEmbedder(), "heading+text")


def test_a_section_knows_its_text_and_all_that_stands_below_it() -> None:
    text = "x\nA\n===\na\nB\nb\nC\n"
    headings = (Heading(2, 1, "A"), Heading(10, 2, "B"), Heading(14, 1, "C"))
    assert [tuple(each) for each in sections(text, headings)] == [
        (0, 0, 2, 0, 2),
        (2, 8, 10, 1, 14),
        (10, 12, 14, 2, 14),
        (14, 16, 16, 1, 16),
    ]
