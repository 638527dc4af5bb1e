"""Acronyms that a corpus explains itself: `python -m eval.benchmarks.acronyms CORPUS`.

The list is one for the stage `expand`. A team that has none can start from it; read it first.
"""

import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from ingestion.document import Document
from ingestion.load import LoadOptions, load

EXPLAINED = re.compile(r"\(([A-Z][A-Za-z0-9-]{1,9})\)")
WORD = re.compile(r"\S+")
FEWEST = 2
"""So many documents have to explain an acronym alike."""


def explained(text: str) -> Iterator[tuple[str, str]]:
    """Give each acronym that a text explains, as `polymerase chain reaction (PCR)`, and its words.

    Source: Schwartz and Hearst 2003, Pacific Symposium on Biocomputing 8, section 3: the shortest
    run of words before the bracket that holds the acronym's letters in order, the first of them
    at the beginning of a word; at most min(n + 5, 2 n) words for n letters.
    Differs: an acronym has two capitals or more, and no comma or stop lies between.
    """
    for found in EXPLAINED.finditer(text):
        short = found[1]
        if sum(map(str.isupper, short)) < 2:
            continue
        before = re.split(r"[.,;:()]\s", text[: found.start()])[-1]
        words = WORD.findall(before)[-min(len(short) + 5, 2 * len(short)) :]
        long = _shortest(short, " ".join(words))
        if long:
            yield short, long


def _shortest(short: str, before: str) -> str:
    """Return the end of a text that holds the letters of an acronym, matched from behind; or ''."""
    at = len(before) - 1
    for place in range(len(short) - 1, -1, -1):
        letter = short[place].lower()
        if not letter.isalnum():
            continue
        while at >= 0 and (
            before[at].lower() != letter or (place == 0 and at > 0 and before[at - 1].isalnum())
        ):
            at -= 1
        if at < 0:
            return ""
        at -= 1
    return before[at + 1 :].strip()


def acronyms(texts: Iterable[str]) -> dict[str, str]:
    """Return for each acronym the words that most texts explain it by, sorted."""
    counts: Counter[tuple[str, str]] = Counter()
    for text in texts:
        counts.update({(short, long.lower()) for short, long in explained(text)})
    found: dict[str, str] = {}
    for (short, long), count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])):
        if count >= FEWEST and len(long.split()) > 1 and "#" not in long:
            found.setdefault(short, long)
    return dict(sorted(found.items()))


def main(corpus: str) -> None:
    """Print the list of a corpus, a line an acronym."""
    items = (each.item for each in load([Path(corpus)], LoadOptions()))
    texts = (item.text for item in items if isinstance(item, Document))
    for short, long in acronyms(texts).items():
        sys.stdout.write(f"{short}, {long}\n")


if __name__ == "__main__":
    main(sys.argv[1])
