"""Texts that were read in a wrong encoding, or kept the marks of another format."""

from collections.abc import Iterator

from eval.case import Case, Severity, Symptom, symptoms
from eval.damage import CONTROL, LOST, MOJIBAKE, damage


def check(case: Case) -> Iterator[Symptom]:
    """Give the kinds of damage, in documents and in queries."""
    for kind, found in case.shelf.damaged.items():
        yield from symptoms(_severity(kind), f"documents hold {kind}", found, _remedy(kind))
    asked: dict[str, list[str]] = {}
    for query in case.read.queries:
        for kind, example in damage(query.text).items():
            asked.setdefault(kind, []).append(f"{query.id} {example!r}")
    for kind, found in asked.items():
        yield from symptoms(_severity(kind), f"queries hold {kind}", found, _remedy(kind))


def _severity(kind: str) -> Severity:
    return "doubtful" if kind in (MOJIBAKE, LOST, CONTROL) else "note"


def _remedy(kind: str) -> str:
    if kind in (MOJIBAKE, LOST):
        return "Read the source again in its own encoding, and save it as UTF-8."
    return "Decode them where the texts are made, unless the texts are about them."
