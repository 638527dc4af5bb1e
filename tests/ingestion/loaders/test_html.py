from collections.abc import Callable
from typing import Any

import pytest

from ingestion.document import Document, Heading
from ingestion.loaders import html


def test_a_page_is_its_visible_text_with_title_and_headings(read: Callable[..., Any]) -> None:
    found = read(html, "<title>T</title><h1>H</h1><p>One &amp; two.</p>")
    assert found == [
        Document("folder/file.html", "H\n\nOne & two.", "T", headings=(Heading(0, 1, "H"),))
    ]


@pytest.mark.parametrize(
    ("markup", "encoding", "told"),
    [
        ('<meta charset="utf-8"><p>größer', "utf-8", None),
        ('<meta charset="windows-1251"><p>тёплый', "cp1251", "cp1251"),
        ('<meta content="text/html; charset=Shift_JIS"><p>日本', "sjis", "shift_jis"),
        ("<meta charset=iso-8859-1><p>“größer”", "cp1252", "cp1252"),
        ('<?xml version="1.0" encoding="ISO-8859-2"?><p>zażółć', "iso8859-2", "iso8859-2"),
        ("<meta charset=utf-8><p>größer", "utf-16", "utf-16"),
        ("<meta charset=utf-8><p>a größer day", "cp1252", "cp1252"),
        ("<meta charset=nonsense><p>größer", "utf-8", None),
        ("<meta charset=zlib><p>größer", "utf-8", None),
    ],
)  # fmt: skip
def test_a_page_is_read_in_the_encoding_it_declares_if_that_fits(
    read: Callable[..., Any], markup: str, encoding: str, told: str | None
) -> None:
    (document,) = read(html, markup.encode(encoding))
    assert document.text == markup.rpartition(">")[2]
    assert document.meta.get("encoding") == told


def test_empty_elements_of_xhtml_do_not_swallow_the_page(read: Callable[..., Any]) -> None:
    (document,) = read(
        html, '<?xml version="1.0"?><html><title/><script src="x"/><p>Text</p></html>'
    )
    assert document.text == "Text"


def test_a_page_that_shows_nothing_is_told(read: Callable[..., Any]) -> None:
    (found,) = read(html, "<title>App</title><div id=app></div><script>run()</script>")
    assert found.reason == "no visible text in it: is the page made by a script?"
    assert found.emptied == "folder/file.html"
