"""What a reader sees of an HTML page, as text: blocks on lines of their own, headings marked.

Left out: scripts, styles, navigation, embedded media, form choices, and what the page itself hides
(`hidden`, `display: none`). Style sheets are not read. List items begin with `- ` or their number,
the cells of a table row stand on one line with ` | ` between them.
"""

import re
from typing import NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

from ingestion.document import Heading

UNSHOWN_TAGS = (
    "script style template noscript nav svg iframe object embed canvas audio video map dialog"
    " select datalist head title annotation annotation-xml rp"
)
PARAGRAPH_TAGS = "p h1 h2 h3 h4 h5 h6 ul ol dl table pre blockquote hr figure"
LINE_TAGS = (
    "div section article main header footer aside address li dt dd tr caption figcaption details"
    " summary form fieldset legend center"
)
UNSHOWN = frozenset(UNSHOWN_TAGS.split())
BREAKS = dict.fromkeys(PARAGRAPH_TAGS.split(), 2) | dict.fromkeys(LINE_TAGS.split(), 1)
"""How many newlines stand around an element at least, as browsers lay it out."""
HIDING = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
PERMALINKS = frozenset("¶#§🔗")
INVISIBLE = dict.fromkeys((0xAD, 0x200B, 0x2060, 0xFEFF))
INDENT = "  "
LONGEST_HEADING = 500
"""In characters: a heading that is never closed holds the rest of its page."""


class VisibleText(NamedTuple):
    """The text of a page, its title (its `<title>`, else its first level-1 heading), headings."""

    text: str
    title: str
    headings: tuple[Heading, ...]


def visible_text(markup: str) -> VisibleText:
    """Return what a reader sees of a page, or of a part of one. Raises: MemoryError."""
    try:
        page = LexborHTMLParser(markup)
    except SelectolaxError as error:  # any markup is HTML: it can only be too much
        raise MemoryError from error
    writer = _Writer()
    waiting = [(page.body, True)] if page.body else []
    while waiting:  # no recursion: pages may be nested deeper than Python's stack
        node, opening = waiting.pop()
        if not opening:
            writer.close(node)
        elif node.is_text_node:
            writer.write(node.text_content or "")
        elif _is_shown(node):
            writer.open(node)
            waiting.append((node, False))
            child = node.last_child
            while child:
                waiting.append((child, True))
                child = child.prev
    headings = tuple(heading for heading in writer.headings if heading.text)
    named = page.css_first("head > title")
    title = " ".join(named.text().translate(INVISIBLE).split()) if named else ""
    first = next((heading.text for heading in headings if heading.level == 1), "")
    return VisibleText("".join(writer.pieces), title or first, headings)


def _is_shown(node: LexborNode) -> bool:
    if not node.is_element_node or node.tag in UNSHOWN:
        return False
    attributes = node.attributes
    return (
        "hidden" not in attributes
        and attributes.get("role") != "navigation"
        and not HIDING.search(attributes.get("style") or "")
    )


def _level(node: LexborNode) -> int | None:
    """The level of a heading, or None for another element."""
    tag = node.tag or ""
    if len(tag) == 2 and tag[0] == "h" and tag[1] in "123456":
        return int(tag[1])
    if node.attributes.get("role") != "heading":
        return None
    level = node.attributes.get("aria-level") or ""
    return int(level) if level in set("123456789") else 2


class _Writer:
    """The text so far. Newlines, a list mark and cell bars are owed until words follow."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.headings: list[Heading] = []
        self._length = 0
        self._newlines = 0
        self._space = False
        self._mark = ""
        self._lists: list[int | None] = []
        self._rows: list[tuple[int, int]] = []
        self._preformatted = 0
        self._level = 0
        self._heading: tuple[int, int] | None = None

    def open(self, node: LexborNode) -> None:
        tag = node.tag or ""
        self._break(tag)
        if level := _level(node):
            self._level, self._heading = level, None
        if tag in ("ul", "ol"):
            self._lists.append(_first_number(node) if tag == "ol" else None)
        elif tag == "li":
            self._start_item()
        elif tag == "tr":
            self._rows.append((0, self._length))
        elif tag in ("td", "th"):
            self._start_cell()
        elif tag == "pre":
            self._preformatted += 1
        elif tag == "br":
            self._newlines = min(2, self._newlines + 1)

    def close(self, node: LexborNode) -> None:
        tag = node.tag or ""
        if tag in ("ul", "ol"):
            self._lists.pop()
        elif tag == "tr":
            self._rows.pop()
        elif tag == "pre":
            self._preformatted -= 1
        if tag in ("li", "tr"):
            self._mark = ""
            self._newlines = min(self._newlines, 1)
        if _level(node):
            self._end_heading()
        self._break(tag)

    def write(self, data: str) -> None:
        data = data.translate(INVISIBLE)
        words = data if self._preformatted else " ".join(data.split())
        if not words or (self._heading and words in PERMALINKS):
            self._space = self._space or data != words
            return
        if self._newlines or self._mark:
            self._pay()
        elif (self._space or (data[0].isspace() and not self._preformatted)) and self._length:
            self._append(" ")
        if self._level and not self._heading:
            self._heading = (self._length, len(self.pieces))
        self._append(words)
        self._space = data[-1].isspace() and not self._preformatted

    def _append(self, piece: str) -> None:
        self.pieces.append(piece)
        self._length += len(piece)

    def _break(self, tag: str) -> None:
        newlines = BREAKS.get(tag, 0)
        if (tag in ("ul", "ol") and self._lists) or self._in_first_cell():
            newlines = min(newlines, 1)
        if newlines and not self._mark:
            self._newlines = max(self._newlines, newlines)

    def _pay(self) -> None:
        last = self.pieces[-1] if self.pieces else ""
        there = len(last) - len(last.rstrip("\n"))
        if last:
            self._append("\n" * (self._newlines - there))
        self._append(self._mark)
        self._newlines, self._mark = 0, ""

    def _start_item(self) -> None:
        number = self._lists[-1] if self._lists else None
        if number is not None:
            self._lists[-1] = number + 1
        mark = "- " if number is None else f"{number}. "
        self._mark = INDENT * (len(self._lists) - 1) + mark

    def _start_cell(self) -> None:
        if not self._rows:
            return
        cells, start = self._rows[-1]
        self._rows[-1] = (cells + 1, start)
        if cells:
            written = self._length > start
            self._mark = (self._mark or " " * written) + "| "
            if written:
                self._newlines = 0

    def _in_first_cell(self) -> bool:
        return bool(self._rows) and self._rows[-1][1] == self._length

    def _end_heading(self) -> None:
        if self._heading:
            start, first = self._heading
            words = " ".join("".join(self.pieces[first:]).split())[:LONGEST_HEADING].rstrip()
            self.headings.append(Heading(start, self._level, words))
        self._level, self._heading = 0, None


def _first_number(node: LexborNode) -> int:
    start = node.attributes.get("start") or ""
    return int(start) if start.isdecimal() and len(start) < 10 else 1
