import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.splitting import REGION, blocks, line_ends, sentence_ends

ALPHABET = "aB1 \n\t\r.!?\"'()[]“”«»。！？…-*+`~|\u3000\u00a0\u2003\u2028\u0085é😀\u0301\u200d词।؟"


def sentences(text: str, language: str = "en") -> list[str]:
    return parts(text, list(sentence_ends(text, 0, len(text), language)))


def parts(text: str, ends: list[int]) -> list[str]:
    return [text[start:end] for start, end in zip([0, *ends], ends, strict=False)]


@pytest.mark.parametrize(
    "text",
    [
        "He met Dr. Smith.| They spoke.",
        "It cost $3.50.| Cheap.",
        "See e.g. the second one.| Or not.",
        "J. R. Smith wrote it.| So he says.",
        "He said “Go now.” and left.| I stayed.",
        "Really?!| Yes!| Well...",
        "The U.S. Army came.| It left at 5 p.m. sharp.",
        "Python 3.11 is out.| Call foo.bar() now.",
        "这是第一句。|这是第二句！|好吗？|是。",
        "A line\nthat goes on.| The end.",
        "No full stop\n\n|Next paragraph.\n \n|Last one",
        "Das ist gut.| Größe?| Ja.",
        "Une phrase.| L’autre phrase !| Fin.",
        "- first item\n|- second item",
        "日本語。\u3000|次の文。",
    ],
)
def test_a_sentence_ends_where_a_reader_would_say(text: str) -> None:
    wanted = text.split("|")
    assert [part.strip() for part in sentences("".join(wanted))] == [w.strip() for w in wanted]


@given(st.text(ALPHABET, max_size=200), st.sampled_from(["en", "de", "ja", "xx"]))
def test_sentences_lines_and_blocks_are_the_text_put_end_to_end(text: str, language: str) -> None:
    assert "".join(sentences(text, language)) == text
    assert "".join(parts(text, list(line_ends(text, 0, len(text))))) == text
    assert "".join(parts(text, [block.end for block in blocks(text, 0, len(text))])) == text


@given(st.text(max_size=50), st.integers(0, 50), st.integers(0, 50))
def test_a_stretch_is_split_from_its_start_to_its_end(text: str, one: int, two: int) -> None:
    text = text.encode("utf-8", "ignore").decode()
    start, end = sorted((min(one, len(text)), min(two, len(text))))
    for ends in (
        list(sentence_ends(text, start, end)),
        list(line_ends(text, start, end)),
        [block.end for block in blocks(text, start, end)],
    ):
        assert ends == sorted(set(ends))
        assert ends[-1:] == ([end] if start < end else [])
        assert all(each > start for each in ends)


def test_a_paragraph_longer_than_a_region_is_first_cut_at_a_line_or_a_space() -> None:
    text = "word " * REGION
    assert max(map(len, sentences(text))) <= REGION
    assert all(part.endswith(" ") for part in sentences(text))
    assert {len(part) for part in sentences("x" * REGION * 2)} == {REGION}


def test_blocks_are_paragraphs_items_and_fences_and_know_code() -> None:
    text = (
        "para one\nstill one\n\n- item\n  more\n* item\n2) item\n\n"
        "````\n# no heading\n\n```\n````\n\n| a | b |\n|---|---|\n\n>>> 1 + 1\n2\n\nend"
    )
    found = list(blocks(text, 0, len(text)))
    assert list(zip(parts(text, [b.end for b in found]), [b.code for b in found], strict=True)) == [
        ("para one\nstill one\n\n", False),
        ("- item\n  more\n", False),
        ("* item\n", False),
        ("2) item\n\n", False),
        ("````\n# no heading\n\n```\n````\n\n", True),
        ("| a | b |\n|---|---|\n\n", True),
        (">>> 1 + 1\n2\n\n", True),
        ("end", False),
    ]


def test_a_fence_that_is_never_closed_ends_with_the_text() -> None:
    text = "a\n\n```\nb\n\nc"
    assert [b.end for b in blocks(text, 0, len(text))] == [3, len(text)]
