"""Damage in a text: a wrong encoding, or the marks of a format that it is no longer in."""

import re

from ftfy.badness import is_bad

AROUND = 12
CONTROL = "control characters"
LOST = "replacement characters, where a letter was lost"
MOJIBAKE = "letters of a wrong encoding (as Ã© for é)"
MARKS = {
    LOST: re.compile("\ufffd"),
    CONTROL: re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f]"),
    "HTML entities": re.compile(r"&(?:amp|lt|gt|quot|apos|nbsp|#\d{2,5}|#x[0-9a-fA-F]{2,4});"),
    "escapes of another language": re.compile(r"\\u[0-9a-fA-F]{4}|\\x[0-9a-f]{2}|\\[nt](?=[A-Z])"),
}


def damage(text: str) -> dict[str, str]:
    """Return what is damaged in a text, each kind with an example of it."""
    found = {}
    for kind, pattern in MARKS.items():
        match = pattern.search(text)
        if match:
            around = text[max(0, match.start() - AROUND) : match.end() + AROUND]
            found[kind] = " ".join(around.split())
    if not text.isascii() and is_bad(text):
        found[MOJIBAKE] = _first_bad(text)
    return found


def _first_bad(text: str) -> str:
    """Return the first word that looks wrong, or the beginning where only the whole does."""
    return next((word for word in text.split() if is_bad(word)), " ".join(text.split())[:30])
