"""DOCX: paragraphs, headings by style, lists, tables, text boxes and notes.

Equations, comments, headers and footers are left out, and so is what a change would delete.
"""

import re
from collections.abc import Iterator, Mapping
from typing import BinaryIO, NamedTuple
from xml.etree import ElementTree
from xml.parsers.expat import ExpatError
from zipfile import BadZipFile, ZipFile
from zlib import error as ZlibError

import mammoth

from ingestion.document import Document, Failure
from ingestion.sources import MEGABYTE, LoadOptions, Source
from ingestion.visible_text import visible_text
from retrieval.errors import InputError

SUFFIXES = (".docx",)
READING = "apart"

OLD_OR_ENCRYPTED = b"\xd0\xcf\x11\xe0"
STYLES = "word/styles.xml"
HEADING = re.compile(r"heading ([1-9])", re.IGNORECASE)
DEEPEST = 6  # of HTML, which stands between
LONGEST_CHAIN = 20
NOTE_BACKLINK = re.compile(r' *<a href="#[^"]*-ref-[^"]*">↑</a>')
BROKEN = (
    BadZipFile,
    ZlibError,
    ExpatError,
    ElementTree.ParseError,
    EOFError,
    NotImplementedError,
    OSError,
    KeyError,
    ValueError,
    AttributeError,
    IndexError,
    RuntimeError,
)
"""What zipfile and mammoth raise on a damaged file; RuntimeError: an encrypted member."""


def load(file: BinaryIO, source: Source, options: LoadOptions) -> Iterator[Document | Failure]:
    """Return one document, its title the first paragraph styled as title, else as heading 1.

    Without any text it is a failure.

    Raises: InputError if the file is no DOCX, is damaged or unpacks to too much.
    """
    if file.read(len(OLD_OR_ENCRYPTED)) == OLD_OR_ENCRYPTED:
        raise InputError("encrypted, or an old .doc: save it as .docx without a password")
    file.seek(0)
    try:
        with ZipFile(file) as parts:
            _refuse_bomb(parts, options)
            styles = _style_map(parts)
        file.seek(0)
        page = mammoth.convert_to_html(
            file,
            style_map=styles,
            include_embedded_style_map=False,  # a document could hide its text with one
            convert_image=lambda image: [],
        )
    except BadZipFile as error:
        raise InputError(f"not a DOCX, or cut off ({error})") from error
    except BROKEN as error:
        raise InputError(f"a damaged DOCX ({type(error).__name__}: {error})") from error
    text, title, headings = visible_text(NOTE_BACKLINK.sub("", page.value))
    if text:
        yield Document(source.name, text, title, headings)
    else:
        yield Failure(str(source), "no text in it", source.name)


def _refuse_bomb(parts: ZipFile, options: LoadOptions) -> None:
    """Raise InputError if the parts unpack to too much; no part gives more than it declares."""
    size = sum(part.file_size for part in parts.infolist())
    if size > options.max_bytes:
        raise InputError(
            f"it unpacks to {size // MEGABYTE} MB, the limit is {options.max_file_mb:g} MB:"
            " split it, or raise --max-file-mb"
        )


class _Style(NamedTuple):
    """A paragraph style: its heading level if it sets one (0: it is none), what it is based on."""

    name: str
    level: int | None
    based_on: str


def _style_map(parts: ZipFile) -> str:
    """The paragraph styles that are headings by name, outline level, or what they are based on."""
    styles = _styles(parts.read(STYLES)) if STYLES in parts.namelist() else {}
    lines = ["p[style-name='Title'] => h1:fresh"]
    for identity, style in styles.items():
        level = _level(identity, styles)
        if level and style.name.isprintable():
            name = style.name.replace("\\", r"\\").replace("'", r"\'")
            lines.append(f"p[style-name='{name}'] => h{min(level, DEEPEST)}:fresh")
    return "\n".join(lines)


def _level(identity: str, styles: Mapping[str, _Style]) -> int:
    for _ in range(LONGEST_CHAIN):
        style = styles.get(identity)
        if style is None:
            break
        if style.level is not None:
            return style.level
        identity = style.based_on
    return 0


def _styles(xml: bytes) -> dict[str, _Style]:
    styles = {}
    for style in ElementTree.fromstring(xml).iterfind("{*}style"):
        name = _value(style.find("{*}name"))
        heading = HEADING.fullmatch(name)
        outline = _value(style.find("{*}pPr/{*}outlineLvl"))
        level = int(heading[1]) if heading else (int(outline) + 1) % 10 if outline else None
        based_on = _value(style.find("{*}basedOn"))
        styles[_attribute(style, "styleId")] = _Style(name, level, based_on)
    return styles


def _value(element: ElementTree.Element | None) -> str:
    return "" if element is None else _attribute(element, "val")


def _attribute(element: ElementTree.Element, name: str) -> str:
    return next((text for key, text in element.attrib.items() if key.endswith(f"}}{name}")), "")
