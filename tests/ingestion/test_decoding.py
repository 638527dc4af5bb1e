import codecs

import pytest

from ingestion.decoding import SAMPLE, decoded, encoding_of
from retrieval.errors import InputError

WORDS = "The straße leads to Málaga, 3 km – “far”."


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be"]
)
def test_every_unicode_encoding_is_read(encoding: str) -> None:
    assert decoded(WORDS.encode(encoding)).text == WORDS


def test_both_byte_orders_with_a_mark_are_read() -> None:
    for mark, encoding in ((codecs.BOM_UTF16_BE, "utf-16-be"), (codecs.BOM_UTF32_BE, "utf-32-be")):
        assert decoded(mark + WORDS.encode(encoding)).text == WORDS


def test_utf_16_without_a_mark_is_told_in_scripts_that_share_no_letter_with_ascii() -> None:
    russian = "Это первый текст. Он о тепле и о воде, и ещё о ней же."
    assert decoded(f"{russian} 1 2 3 4 5 6 7 8 9".encode("utf-16-le")).text.startswith(russian[:20])


def test_plain_utf_8_needs_no_note_and_all_else_has_one() -> None:
    assert decoded(WORDS.encode()).meta == {}
    assert decoded(WORDS.encode("cp1252")).meta == {"encoding": "cp1252"}
    assert decoded(WORDS.encode("utf-16")).meta == {"encoding": "utf-16"}


def test_a_broken_character_does_not_cost_the_others_of_a_utf_8_text() -> None:
    found = decoded(WORDS.encode() + b" \xff")
    assert found.text == WORDS + " \ufffd"
    assert found.encoding == "utf-8 with 1 broken characters"


def test_an_encoding_that_cannot_be_told_is_refused_with_the_way_out() -> None:
    with pytest.raises(InputError, match="iconv -f ENCODING -t UTF-8"):
        decoded("Привет, как дела? Это текст.".encode("cp1251"))


@pytest.mark.parametrize(
    "data",
    [
        b"text with a \0 in it",
        bytes(range(256)) * 4,
        b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\0\x3e\0\x01\0\0\0",
        b"control \x01\x02\x03\x04\x05 characters",
    ],
)
def test_binary_content_is_refused(data: bytes) -> None:
    with pytest.raises(InputError, match="binary content"):
        decoded(data)


def test_a_sample_that_ends_inside_a_character_is_utf_8_still() -> None:
    head = (b"a" * (SAMPLE - 1) + "é".encode())[:SAMPLE]
    assert encoding_of(head) == "utf-8-sig"
