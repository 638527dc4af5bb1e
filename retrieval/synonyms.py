"""A user's list of acronyms and synonyms: a text file, one entry a line.

    AD, Alzheimer's disease          # any of these stands for the others
    k8s => kubernetes                # the left stands for the right, not the other way

An entry in capitals (AD, USA) is found only in capitals, so that `it` is never `IT`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from retrieval.errors import ConfigError
from retrieval.manifest import digest

COMMENT = re.compile(r"(?:^|\s)#.*")
"""`C#` begins none."""


@dataclass(frozen=True)
class Synonyms:
    """What each entry stands for, by entry; one in small letters is found in any case."""

    entries: dict[str, tuple[str, ...]]

    @property
    def digest(self) -> str:
        """The sha256 of the entries."""
        return digest(self.entries)

    def spelled_out(self, text: str) -> str | None:
        """Return the text with alternatives in brackets after each entry, or None without any.

        Of two entries at one place the longer is taken; what the text says already is not added.
        """
        said = text.lower()

        def with_others(found: re.Match[str]) -> str:
            others = self._others(found.group())
            new = [each for each in others if each.lower() not in said]
            return f"{found.group()} ({', '.join(new)})" if new else found.group()

        changed = self._pattern.sub(with_others, text)
        return changed if changed != text else None

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        by_length = sorted(self.entries, key=lambda entry: (-len(entry), entry))
        parts = [re.escape(e) if e.isupper() else f"(?i:{re.escape(e)})" for e in by_length]
        return re.compile(rf"(?<!\w)(?:{'|'.join(parts)})(?!\w)")

    def _others(self, found: str) -> tuple[str, ...]:
        return self.entries.get(found) or self.entries.get(found.lower(), ())


def load_synonyms(file: Path) -> Synonyms:
    """Return the entries of a file. Raises: ConfigError that names the line."""
    entries: dict[str, tuple[str, ...]] = {}
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"Synonyms {file}: cannot be read ({error}).") from error
    for number, line in enumerate(lines, 1):
        text = COMMENT.sub("", line).strip()
        if text:
            for entry, others in _pairs(text, f"Synonyms {file}, line {number}"):
                known = entries.get(entry, ())
                entries[entry] = (*known, *(each for each in others if each not in known))
    if not entries:
        raise ConfigError(f"Synonyms {file}: it has no entry, as 'AD, Alzheimer's disease'.")
    return Synonyms(entries)


def _pairs(text: str, where: str) -> Iterator[tuple[str, list[str]]]:
    left, arrow, right = text.partition("=>")
    names, others = _list(left), _list(right)
    if not names or (arrow and not others) or (not arrow and len(names) < 2):
        raise ConfigError(f"{where}: {text!r} must be 'a, b' or 'a => b'.")
    for name in names:
        alike = others if arrow else [each for each in names if each != name]
        yield name if name.isupper() else name.lower(), alike


def _list(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]
