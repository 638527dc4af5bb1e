"""The contract of chunkers, over every file in `ingestion/chunkers/`: a new one is found here."""

import unicodedata
from dataclasses import fields, is_dataclass
from typing import Any

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.chunk import Chunker, build_chunker, chunker_config, chunker_types, pieces
from ingestion.document import Document, Heading
from ingestion.reading import Reading
from retrieval.embedded_text import embedded_text
from retrieval.errors import ConfigError
from retrieval.manifest import EmbedText
from retrieval.offline import HashEmbedder

NAMES = sorted(chunker_types())
EMBEDDER = HashEmbedder()
PLAIN = [
    *("Dr.", "Smith", "e.g.", "3.14", "Yes!", "why?", "词语", "这是。", "👩‍👩‍👧‍👦", "🇫🇷🇩🇪"),
    *(">", ".", '"', "('", "end.", "U.S.", "»", "|a|", "ก็ได้"),
]
SPACED = ["\n", "\n\n", "\n- ", "\n1. ", "```\n", "\n```\n", "\u3000", "\u00a0", "\t", "\r\n"]
WORDS = st.sampled_from([*PLAIN, *SPACED, "e\u0301", "\u200d", "\x00", "aaaa" * 20, "\u2028"])
TEXTS = st.lists(st.one_of(WORDS, st.text(max_size=6)), max_size=60).map(" ".join)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    text, headings = "", []
    for body in draw(st.lists(TEXTS, max_size=6)):
        if draw(st.booleans()):
            level, title = draw(st.integers(1, 4)), draw(st.sampled_from(["Intro", "A b", "章"]))
            text = text.rstrip("\n") + "\n" if text else text
            headings.append(Heading(len(text), level, title))
            text += "#" * level + f" {title}\n"
        text += body + "\n"
    text = text.encode("utf-8", "ignore").decode()
    return Document(
        "d", text, title=draw(st.sampled_from(["", "A title"])), headings=tuple(headings)
    )


def sized(name: str, tokens: int) -> Chunker:
    names = {each.name for each in fields(chunker_types()[name])}  # type: ignore[arg-type]
    return build_chunker({"use": name, **({"tokens": tokens} if "tokens" in names else {})})


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@settings(deadline=None, max_examples=150)
@given(
    document=documents(),
    tokens=st.integers(1, 40),
    embed=st.sampled_from(["text", "title+text", "heading+text"]),
    chosen=st.sampled_from(NAMES),
)
def test_chunks_cover_the_text_in_order_within_their_size(
    document: Document, tokens: int, embed: EmbedText, chosen: str
) -> None:
    reading = Reading(document, EMBEDDER, embed)
    found = list(pieces(sized(chosen, tokens), reading))
    covered = bytearray(len(document.text))
    last = (-1, -1)
    for (start, end), heading in found:
        assert start > last[0]
        assert end >= last[1]
        last = (start, end)
        text = document.text[start:end]
        assert text == text.strip() != ""
        covered[start:end] = b"\1" * (end - start)
        assert heading == reading.path(start)
        if chosen != "whole":
            assert reading.count(start, end) <= tokens
            whole = embedded_text(embed, document.title, heading, text)
            assert EMBEDDER.token_counts([whole])[0] <= EMBEDDER.limit
    missed = [text for text, hit in zip(document.text, covered, strict=True) if not hit]
    assert "".join(missed).strip() == ""
    again = pieces(sized(chosen, tokens), Reading(document, EMBEDDER, embed))
    assert list(again) == found


@settings(deadline=None, max_examples=60)
@given(text=TEXTS, chosen=st.sampled_from(NAMES))
def test_a_cut_never_parts_what_a_reader_sees_as_one_character(text: str, chosen: str) -> None:
    text = text.encode("utf-8", "ignore").decode()
    borders = {0} | {found.end() for found in regex.finditer(r"\X", text)}
    reading = Reading(Document("d", text), EMBEDDER, "text")
    for (start, end), _ in pieces(sized(chosen, 12), reading):
        for offset in (start, end):
            # White space around a chunk is trimmed, also where a mark would combine with it.
            trimmed = text[offset - 1 : offset].isspace() or text[offset : offset + 1].isspace()
            assert offset in borders or trimmed


def test_a_document_without_text_gives_no_chunks(name: str) -> None:
    for text in ("", " ", "\n\n\t \u3000\r\n"):
        assert (
            list(pieces(build_chunker(name), Reading(Document("d", text), EMBEDDER, "text"))) == []
        )


@pytest.mark.parametrize(
    ("unit", "length"),
    [
        ("x", 1_000_000),
        ("词", 300_000),
        ("\n", 300_000),
        *((unit, 100_000) for unit in ("😀", "e\u0301", "(", "1. ", "- ", "# a\n", "a\n\n")),
    ],
)
def test_a_long_text_of_one_thing_is_cut_in_time(name: str, unit: str, length: int) -> None:
    text = unit * (length // len(unit))
    found = list(pieces(build_chunker(name), Reading(Document("d", text), EMBEDDER, "text")))
    assert sum(end - start for (start, end), _ in found) >= len("".join(text.split()))
    if name != "whole":
        assert all(end - start <= 10_000 for (start, end), _ in found)


def test_a_title_longer_than_the_encoder_reads_leaves_the_text_half_of_its_limit(name: str) -> None:
    text = "word " * 1000
    document = Document("d", text, title="title " * 1000)
    reading = Reading(document, EMBEDDER, "title+text")
    assert reading.room(0) == EMBEDDER.limit // 2
    found = list(pieces(build_chunker(name), reading))
    assert name == "whole" or all(reading.count(*span) <= 128 for span, _ in found)
    assert len(found) < 20


def test_a_chunker_is_a_frozen_documented_dataclass_that_its_table_builds_again(name: str) -> None:
    kind: Any = chunker_types()[name]
    assert is_dataclass(kind)
    assert "(" not in (kind.__doc__ or "(").split()[0]
    chunker = build_chunker(name)
    config = chunker_config(chunker)
    assert config["use"] == name
    assert build_chunker(config) == chunker
    assert hash(chunker) == hash(build_chunker(name))


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("sentence", "Did you mean 'sentences'? Allowed: fixed, recursive"),
        ({"tokens": 3}, "No chunker None"),
        ({"use": "fixed", "token": 3}, "no parameter 'token'. Did you mean 'tokens'?"),
        ({"use": "fixed", "tokens": "3"}, "tokens: Input should be a valid integer, got '3'"),
        ({"use": "fixed", "tokens": 0}, "at least 1, got 0"),
        ({"use": "fixed", "tokens": 10, "overlap": 6}, "half of tokens (5), got 6"),
        ({"use": "sentences", "overlap": -1}, "half of tokens (100), got -1"),
        ({"use": "structure", "tokens": -5}, "at least 1, got -5"),
        ({"use": "whole", "tokens": 5}, "no parameter 'tokens'. Allowed: none."),
    ],
)
def test_a_wrong_chunker_is_refused_with_what_is_allowed(config: Any, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        build_chunker(config)
    assert said in str(error.value)


def test_the_alphabet_of_the_property_tests_has_marks_that_combine() -> None:
    assert unicodedata.combining("e\u0301"[1])
