import io
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from ingestion.document import Failure, Heading
from ingestion.loaders import docx
from retrieval.errors import InputError

NAMESPACE = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
STYLES = """
<w:style w:type="paragraph" w:styleId="1"><w:name w:val="heading 1"/></w:style>
<w:style w:type="paragraph" w:styleId="T"><w:name w:val="Title"/></w:style>
<w:style w:type="paragraph" w:styleId="H8"><w:name w:val="heading 8"/></w:style>
<w:style w:type="paragraph" w:styleId="own"><w:name w:val="Firm's own"/>
  <w:basedOn w:val="1"/></w:style>
<w:style w:type="paragraph" w:styleId="lvl"><w:name w:val="Section"/>
  <w:pPr><w:outlineLvl w:val="2"/></w:pPr></w:style>
<w:style w:type="paragraph" w:styleId="toc"><w:name w:val="TOC Heading"/><w:basedOn w:val="1"/>
  <w:pPr><w:outlineLvl w:val="9"/></w:pPr></w:style>
<w:style w:type="paragraph" w:styleId="a"><w:name w:val="A"/><w:basedOn w:val="b"/></w:style>
<w:style w:type="paragraph" w:styleId="b"><w:name w:val="B"/><w:basedOn w:val="a"/></w:style>
"""


def paragraph(text: str, style: str = "") -> str:
    return f'<w:p><w:pPr><w:pStyle w:val="{style}"/></w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>'


def docx_file(body: str, prolog: str = "", **parts: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        document = f"{prolog}<w:document {NAMESPACE}><w:body>{body}</w:body></w:document>"
        archive.writestr("word/document.xml", document)
        archive.writestr("word/styles.xml", f"<w:styles {NAMESPACE}>{STYLES}</w:styles>")
        for name, text in parts.items():
            archive.writestr(f"word/{name}.xml", text)
    return file.getvalue()


def test_paragraphs_tables_and_title_are_read_in_order(read: Callable[..., Any]) -> None:
    cells = "".join(f"<w:tc>{paragraph(word)}</w:tc>" for word in ("a", "b"))
    body = paragraph("The Title", "T") + paragraph("One.") + f"<w:tbl><w:tr>{cells}</w:tr></w:tbl>"
    (document,) = read(docx, docx_file(body + paragraph("Two &amp; three.")))
    assert document.text == "The Title\n\nOne.\n\na | b\n\nTwo & three."
    assert document.title == "The Title"


def test_headings_are_told_by_name_outline_level_and_what_a_style_is_based_on(
    read: Callable[..., Any],
) -> None:
    styles = ["1", "own", "lvl", "H8", "toc", "a", ""]
    (document,) = read(docx, docx_file("".join(paragraph(f"by {each}", each) for each in styles)))
    text = document.text
    assert document.headings == (
        Heading(text.index("by 1"), 1, "by 1"),
        Heading(text.index("by own"), 1, "by own"),
        Heading(text.index("by lvl"), 3, "by lvl"),
        Heading(text.index("by H8"), 6, "by H8"),
    )
    assert document.title == "by 1"


def test_notes_are_read_without_their_arrows(read: Callable[..., Any]) -> None:
    note = f'<w:footnote w:id="1">{paragraph("A note.")}</w:footnote>'
    notes = f"<w:footnotes {NAMESPACE}>{note}</w:footnotes>"
    body = '<w:p><w:r><w:t>Text.</w:t></w:r><w:r><w:footnoteReference w:id="1"/></w:r></w:p>'
    (document,) = read(docx, docx_file(body, footnotes=notes))
    assert document.text == "Text.[1]\n\n1. A note."


def test_what_is_no_zip_is_refused(read: Callable[..., Any]) -> None:
    with pytest.raises(InputError, match="not a DOCX, or cut off"):
        read(docx, b"no zip at all")
    with pytest.raises(InputError, match="encrypted, or an old"):
        read(docx, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))


def test_a_truncated_or_damaged_file_is_refused(read: Callable[..., Any]) -> None:
    file = docx_file(paragraph("words " * 500))
    with pytest.raises(InputError, match="not a DOCX, or cut off"):
        read(docx, file[: len(file) // 2])
    with pytest.raises(InputError, match="a damaged DOCX"):
        read(docx, docx_file("<w:p><w:r>"))


def test_a_zip_without_a_document_is_refused(read: Callable[..., Any]) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("readme.txt", "not a document")
    with pytest.raises(InputError, match="a damaged DOCX"):
        read(docx, file.getvalue())


def test_a_zip_bomb_is_refused_before_it_is_unpacked(read: Callable[..., Any]) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", bytes(70_000_000))
    assert len(file.getvalue()) < 100_000
    with pytest.raises(InputError, match="it unpacks to 70 MB, the limit is 64 MB"):
        read(docx, file.getvalue())


def test_an_external_entity_is_not_read(read: Callable[..., Any]) -> None:
    prolog = f'<!DOCTYPE d [<!ENTITY e SYSTEM "{__file__}">]>'
    (document,) = read(docx, docx_file(paragraph("[&e;]"), prolog))
    assert document.text == "[]"


def test_entities_that_multiply_are_refused(read: Callable[..., Any]) -> None:
    entities = "".join(f'<!ENTITY e{i} "{f"&e{i - 1};" * 10}">' for i in range(1, 10))
    prolog = f'<!DOCTYPE d [<!ENTITY e0 "ha">{entities}]>'
    with pytest.raises(InputError, match="a damaged DOCX"):
        read(docx, docx_file(paragraph("&e9;"), prolog))


def test_a_document_without_text_is_told(read: Callable[..., Any]) -> None:
    name = "folder/file.docx"
    assert read(docx, docx_file("<w:p/>")) == [Failure(name, "no text in it", name)]
