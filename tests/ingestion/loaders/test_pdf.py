import hashlib
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from ingestion.document import Failure, Heading
from ingestion.loaders import pdf
from retrieval.errors import InputError

PASSWORD_PADDING = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")
IDENTITY = b"0123456789abcdef"
FIRST_PAGE = 5


def pdf_file(objects: Sequence[bytes], trailer: bytes = b"") -> bytes:
    file = b"%PDF-1.4\n"
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(file))
        file += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return file + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<</Size %d/Root 1 0 R/Info 4 0 R%s>>\n"
        b"startxref\n%d\n%%%%EOF\n"
        % (len(offsets) + 1, table, len(offsets) + 1, trailer, len(file))
    )


def stream(data: bytes, entries: bytes = b"") -> bytes:
    return b"<</Length %d%s>>stream\n%s\nendstream" % (len(data), entries, data)


def drawing(text: str) -> bytes:
    lines = b" ".join(b"(%s) Tj T*" % line.encode("cp1252") for line in text.split("\n"))
    return b"BT /F1 12 Tf 14 TL 50 700 Td %s ET" % lines


def objects(
    *contents: bytes, title: str = "", outline: bytes = b"", entries: bytes = b""
) -> list[bytes]:
    """Catalog, pages, font, information, then a page and its content each."""
    kids = b" ".join(b"%d 0 R" % (FIRST_PAGE + 2 * i) for i in range(len(contents)))
    pages = []
    for i, content in enumerate(contents):
        resources = b"/Resources<</Font<</F1 3 0 R>>>>"
        place = b"/MediaBox[0 0 600 800]/Contents %d 0 R" % (FIRST_PAGE + 2 * i + 1)
        pages += [b"<</Type/Page/Parent 2 0 R%s%s>>" % (resources, place), stream(content, entries)]
    return [
        b"<</Type/Catalog/Pages 2 0 R%s>>" % outline,
        b"<</Type/Pages/Count %d/Kids[%s]>>" % (len(contents), kids),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
        b"<</Title(%s)>>" % title.encode(),
        *pages,
    ]


def rc4(key: bytes, data: bytes) -> bytes:
    state, j = list(range(256)), 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    out, i, j = bytearray(), 0, 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)


def encrypted(content: bytes, password: bytes) -> bytes:
    """Standard security handler, revision 2, 40 bits (ISO 32000-1, 7.6.3)."""
    owner = bytes(32)
    padded = (password + PASSWORD_PADDING)[:32]
    key = hashlib.md5(padded + owner + b"\xff\xff\xff\xff" + IDENTITY).digest()[:5]
    number = FIRST_PAGE + 1
    secret = rc4(hashlib.md5(key + bytes([number, 0, 0, 0, 0])).digest()[:10], content)
    user = rc4(key, PASSWORD_PADDING).hex().encode()
    handler = b"/Encrypt<</Filter/Standard/V 1/R 2/P -1/O<%s>/U<%s>>>" % (
        owner.hex().encode(),
        user,
    )
    return pdf_file(
        objects(secret), b"/ID[<%s><%s>]%s" % ((IDENTITY.hex().encode(),) * 2 + (handler,))
    )


def test_pages_are_joined_by_form_feeds_so_that_a_page_is_told_from_an_offset(
    read: Callable[..., Any],
) -> None:
    file = pdf_file(objects(drawing("One.\nTwo."), drawing("Größe."), drawing("Last.")))
    (document,) = read(pdf, file)
    assert document.text == "One.\nTwo.\n\f\nGröße.\n\f\nLast."
    assert document.meta == {"pages": 3}
    assert document.text.count("\f", 0, document.text.index("Last")) + 1 == 3


@pytest.mark.parametrize(
    ("title", "kept"),
    [
        ("A Title", "A Title"),
        ("untitled", ""),
        ("report.docx", ""),
        ("Microsoft Word - a", ""),
        ("Node.js", "Node.js"),
    ],
)
def test_a_title_is_kept_unless_a_program_made_it_up(
    read: Callable[..., Any], title: str, kept: str
) -> None:
    (document,) = read(pdf, pdf_file(objects(drawing("One."), title=title)))
    assert document.title == kept


def test_outline_entries_are_headings_where_they_stand_on_their_page(
    read: Callable[..., Any],
) -> None:
    parts = objects(
        drawing("See Methods below.\n1 Intro\nWords."),
        drawing("Methods\nWords."),
        outline=b"/Outlines 9 0 R",
    )
    parts += [
        b"<</Type/Outlines/First 10 0 R/Last 12 0 R/Count 3>>",
        b"<</Title(Intro)/Parent 9 0 R/Next 12 0 R/Dest[5 0 R/Fit]/First 11 0 R/Last 11 0 R>>",
        b"<</Title(Methods)/Parent 10 0 R/Dest[7 0 R/Fit]>>",
        b"<</Title(Nowhere)/Parent 9 0 R/Prev 10 0 R/Dest[7 0 R/Fit]>>",
    ]
    (document,) = read(pdf, pdf_file(parts))
    text = "See Methods below.\n1 Intro\nWords.\n\f\nMethods\nWords."
    assert document.text == text
    assert document.headings == (
        Heading(text.index("1 Intro"), 1, "Intro"),
        Heading(text.index("Methods\n"), 2, "Methods"),
    )


def test_a_pdf_without_text_is_told_with_the_way_out(read: Callable[..., Any]) -> None:
    (found,) = read(pdf, pdf_file(objects(b"", b"0 0 9 9 re f")))
    assert found.reason.startswith("no text in its 2 pages (scanned?): recognise the text (OCR)")
    assert found.emptied == found.source == "folder/file.pdf"


def test_an_encrypted_pdf_is_refused_unless_the_empty_password_opens_it(
    read: Callable[..., Any],
) -> None:
    (document,) = read(pdf, encrypted(drawing("Open to all."), b""))
    assert document.text == "Open to all."
    with pytest.raises(InputError, match="encrypted: remove the password first"):
        read(pdf, encrypted(drawing("Secret."), b"secret"))


def test_a_truncated_pdf_is_refused_unless_its_pages_can_be_found(
    read: Callable[..., Any],
) -> None:
    file = pdf_file(objects(drawing("One."), drawing("Two.")))
    with pytest.raises(InputError, match="not a PDF, or damaged, or cut off"):
        read(pdf, file[: file.index(b"xref")])
    document, failure = read(pdf, file[: file.index(b"startxref")])
    assert document.text == "One.\n\f\nTwo."
    assert failure == Failure("folder/file.pdf", "the file is cut off; 2 pages are loaded")


@pytest.mark.parametrize("data", [b"%PDF-1.4\n1 0 obj\n<</Type/Cat", b"%PDF-", b"<html>no</html>"])
def test_what_is_no_pdf_or_nothing_but_its_head_is_refused(
    read: Callable[..., Any], data: bytes
) -> None:
    with pytest.raises(InputError, match="not a PDF, or damaged, or cut off"):
        read(pdf, data)


def test_a_page_that_cannot_be_read_is_told_and_the_others_are_loaded(
    read: Callable[..., Any],
) -> None:
    parts = objects(drawing("One."), drawing("Two."), drawing("Three."))
    parts[FIRST_PAGE + 1] = b"(no page)"
    document, failure = read(pdf, pdf_file(parts))
    assert document.text == "One.\n\f\n\n\f\nThree."
    assert failure.reason == "pages 2 cannot be read; the other pages are loaded"


def test_more_text_than_a_file_may_have_is_refused(read: Callable[..., Any]) -> None:
    content = zlib.compress(drawing("\n".join(["words and words"] * 1000)))
    file = pdf_file(objects(*[content] * 5, entries=b"/Filter/FlateDecode"))
    with pytest.raises(InputError, match=r"MB of text, the limit is 0\.02 MB"):
        read(pdf, file, max_file_mb=0.02)


def test_ligatures_and_words_cut_at_the_end_of_a_line_are_made_whole() -> None:
    assert pdf._clean("e\ufb03cient retriev\ufffeal \r\n\r\nof\x02 text\r\n") == (
        "efficient retrieval\n\nof text"
    )
