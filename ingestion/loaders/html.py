"""HTML: what a reader sees of the page (see `visible_text`)."""

import codecs
import re
from collections.abc import Iterator
from typing import BinaryIO

from ingestion.decoding import Decoded, decoded
from ingestion.document import Document, Failure
from ingestion.sources import LoadOptions, Source
from ingestion.visible_text import visible_text

SUFFIXES = (".html", ".htm", ".xhtml")
MAGIC = (b"<!doctype html", b"<html")
READING = "apart"

DECLARED = re.compile(rb"<(?:meta|\?xml)[^>]+(?:charset|encoding)\s*=\s*[\"']?([\w-]+)", re.I)
DECLARED_WITHIN = 4096
WESTERN = ("ascii", "iso8859-1")
EMPTY_ELEMENT = re.compile(r"<(script|style|title|textarea|iframe)\b([^>]*)/>", re.IGNORECASE)


def load(file: BinaryIO, source: Source, options: LoadOptions) -> Iterator[Document | Failure]:
    """Return one document, or a failure if the page shows no text.

    Raises: InputError if the page is not text.
    """
    page = _decoded(file.read())
    markup = page.text
    if markup.startswith("<?xml"):  # XHTML, where these may be empty, is read as HTML
        markup = EMPTY_ELEMENT.sub(r"<\1\2></\1>", markup)
    text, title, headings = visible_text(markup)
    if text:
        yield Document(source.name, text, title, headings, meta=page.meta)
    else:
        reason = "no visible text in it: is the page made by a script?"
        yield Failure(str(source), reason, source.name)


def _decoded(data: bytes) -> Decoded:
    """The text of a page, in the encoding that it declares if it fits, else as any text."""
    declared = DECLARED.search(data[:DECLARED_WITHIN])
    if declared and b"\0" not in data and not data.startswith(codecs.BOM_UTF8):
        try:
            name = codecs.lookup(declared[1].decode("ascii")).name
            name = "cp1252" if name in WESTERN else name  # as browsers read them
            return Decoded(data.decode(name), None if name == "utf-8" else name)
        except (LookupError, UnicodeError):
            pass
    return decoded(data)
