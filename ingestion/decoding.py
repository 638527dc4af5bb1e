"""Bytes to text, by a stated rule instead of a guess.

A byte order mark decides; then UTF-16 if every second byte is mostly NUL; then UTF-8 if it fits;
then cp1252, which holds Latin-1, if the bytes are mostly ASCII, as in texts of Western Europe. What
fits none of these is refused: a wrong guess would be garbage that nobody is told about.
"""

import codecs
import re
from typing import NamedTuple

from retrieval.errors import InputError

SAMPLE = 65_536
"""How many bytes or characters tell binary from text, and the encoding of a file read by rows."""
NUL_SHARE = 0.3
"""How many of the high bytes are NUL in UTF-16: spaces and digits make up as much in any script."""
CONTROL_SHARE = 0.01
ASCII_SHARE = 0.7
MARKS = (  # UTF-32 first: its little-endian mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
CONTROL = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
NEWLINE = re.compile("\r\n?")
NOT_ASCII = bytes(range(128, 256))


class Decoded(NamedTuple):
    r"""A text with newlines as `\n`, and its encoding if that was not plain UTF-8."""

    text: str
    encoding: str | None

    @property
    def meta(self) -> dict[str, str]:
        """The encoding as metadata of a document; nothing for UTF-8."""
        return {"encoding": self.encoding} if self.encoding else {}


def decoded(data: bytes) -> Decoded:
    """Return the text of a file. Raises: InputError if it is not text, or in no known encoding."""
    encoding = _wide_encoding(data)
    if encoding:
        text = data.decode(encoding, errors="replace").removeprefix("\ufeff")
    else:
        text, encoding = _narrow(data)
    if "\0" in text or len(CONTROL.findall(text[:SAMPLE])) > CONTROL_SHARE * len(text[:SAMPLE]):
        raise InputError("binary content, not text")
    return Decoded(NEWLINE.sub("\n", text) if "\r" in text else text, encoding)


def encoding_of(head: bytes) -> str:
    """Return the encoding of a file that begins so, as Python names it.

    Raises: InputError if it is not text, or in no known encoding.
    """
    whole = head.rstrip(NOT_ASCII) if len(head) >= SAMPLE else head
    encoding = decoded(whole).encoding
    return "utf-8-sig" if encoding is None or encoding.startswith("utf-8") else encoding


def _wide_encoding(data: bytes) -> str | None:
    """The encoding with units of two or four bytes, or None."""
    marked = next((name for mark, name in MARKS if data.startswith(mark)), None)
    if marked:
        return None if marked == "utf-8-sig" else marked
    head = data[:SAMPLE]
    half = max(1, len(head) // 2)
    even, odd = head[::2].count(0) / half, head[1::2].count(0) / half
    if max(even, odd) < NUL_SHARE or min(even, odd) > NUL_SHARE / 10:
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _narrow(data: bytes) -> tuple[str, str | None]:
    """The text of an encoding that holds ASCII, and the encoding if it is not plain UTF-8."""
    try:
        return data.decode("utf-8-sig"), None
    except UnicodeDecodeError:
        text = data.decode("utf-8-sig", errors="replace")
    broken = text.count("\ufffd")
    foreign = len(text) - len(text.encode("ascii", errors="ignore")) - broken
    if foreign > broken:
        return text, f"utf-8 with {broken} broken characters"
    if b"\0" not in data and len(data.translate(None, NOT_ASCII)) < ASCII_SHARE * len(data):
        raise InputError(
            "in an encoding that cannot be told, neither UTF-8, UTF-16 nor Western European:"
            " convert it to UTF-8 (`iconv -f ENCODING -t UTF-8`)"
        )
    return data.decode("cp1252", errors="replace"), "cp1252"
