"""PDF: the text of its pages, a form feed on a line of its own between them."""

import re
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any, BinaryIO

from pypdfium2 import PdfDocument, PdfiumError, raw

from ingestion.document import Document, Failure, Heading
from ingestion.sources import MEGABYTE, LoadOptions, Source
from retrieval.errors import InputError

SUFFIXES = (".pdf",)
MAGIC = (b"%pdf-",)
READING = "apart"

PAGE_BREAK = "\n\f\n"
REPLACED = str.maketrans(
    {
        "\ufffe": "",  # where pdfium joined a word that was hyphenated at the end of a line
        "\u00ad": "",
        "\u200b": "",
        "\ufb00": "ff",
        "\ufb01": "fi",
        "\ufb02": "fl",
        "\ufb03": "ffi",
        "\ufb04": "ffl",
        "\ufb05": "st",
        "\ufb06": "st",
    }
)
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
NO_TITLE = re.compile(
    r"untitled.*|microsoft \w+ - .*"
    r"|.*\.(?:pdf|docx?|pptx?|xlsx?|od[tsp]|rtf|tex|dvi|indd|html?|txt|png|jpe?g|tiff?)",
    re.IGNORECASE,
)
NUMBER = r"^[\dIVX.\u00a7 \t]{0,12}"
OUTLINE_DEPTH = 6
LONGEST_HEADING = 40
TAIL = 2048


def load(file: BinaryIO, source: Source, options: LoadOptions) -> Iterator[Document | Failure]:
    """Return one document, and a failure that says which pages it lacks, if any.

    Without any text it is a failure alone.

    `meta["pages"]` is how many pages there are; the page of an offset is one more than the form
    feeds before it. Headings are those entries of the outline that stand on their page.

    Raises: InputError if nothing can be read.
    """
    data = file.read()
    with _opened(data) as document:
        pages = _pages(document, options)
        texts = [page or "" for page in pages]
        headings = tuple(_headings(document, texts))
        title = " ".join(document.get_metadata_value("Title").split())
    text = PAGE_BREAK.join(texts)
    lost = [number for number, page in enumerate(pages, 1) if page is None]
    if not text.strip() and lost:
        raise InputError(f"none of its {len(pages)} pages can be read")
    if not text.strip():
        reason = f"no text in its {len(pages)} pages (scanned?): recognise the text (OCR) first"
        yield Failure(str(source), reason, source.name)
        return
    title = "" if NO_TITLE.fullmatch(title) else title
    yield Document(source.name, text, title, headings, meta={"pages": len(pages)})
    if lost:
        numbers = ", ".join(map(str, lost[:20]))
        yield Failure(str(source), f"pages {numbers} cannot be read; the other pages are loaded")
    elif b"%%EOF" not in data[-TAIL:]:
        yield Failure(str(source), f"the file is cut off; {len(pages)} pages are loaded")


def _opened(data: bytes) -> Any:
    try:
        return PdfDocument(data)
    except PdfiumError as error:
        if error.err_code == raw.FPDF_ERR_PASSWORD:
            raise InputError("encrypted: remove the password first") from error
        if error.err_code == raw.FPDF_ERR_SECURITY:
            raise InputError("encrypted in a way that is not supported") from error
        cut = "" if b"%%EOF" in data[-TAIL:] else ", or cut off"
        raise InputError(f"not a PDF, or damaged{cut}") from error


def _pages(document: Any, options: LoadOptions) -> list[str | None]:
    """The text of each page, None for one that cannot be read."""
    pages: list[str | None] = []
    size = 0
    for i in range(len(document)):
        try:
            text = document[i].get_textpage().get_text_range()
        except PdfiumError:
            pages.append(None)
            continue
        pages.append(_clean(text))
        size += len(text)
        if size > options.max_bytes:
            raise InputError(
                f"more than {size // MEGABYTE} MB of text, the limit is {options.max_file_mb:g} MB:"
                " split it, or raise --max-file-mb"
            )
    return pages


def _clean(text: str) -> str:
    lines = text.translate(REPLACED).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(CONTROL.sub("", line).rstrip() for line in lines).strip("\n")


def _headings(document: Any, pages: Sequence[str]) -> Iterator[Heading]:
    """The entries of the outline whose words begin a line of their page, in the order of text."""
    starts = [0, *accumulate(len(page) + len(PAGE_BREAK) for page in pages)]
    found = {}
    for entry in document.get_toc(max_depth=OUTLINE_DEPTH):
        words = CONTROL.sub(" ", entry.get_title()).translate(REPLACED).split()
        target = entry.get_dest()
        page = target.get_index() if target else None
        if words and page is not None and page < len(pages):
            title = r"\s+".join(map(re.escape, words[:LONGEST_HEADING]))
            line = re.search(NUMBER + title, pages[page], re.MULTILINE | re.IGNORECASE)
            if line:
                start = starts[page] + line.start()
                found[start] = Heading(start, entry.level + 1, " ".join(words))
    return iter(sorted(found.values()))
