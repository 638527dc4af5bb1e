"""Judged spans and quotes that do not stand in the corpus, or not only where they say."""

from collections.abc import Iterator

from eval.case import Case, Severity, Symptom
from eval.corpus import PLACED

HEAVY: dict[str, tuple[Severity, str]] = {
    "moved": ("note", "Write the new offsets, so that nothing has to be looked for."),
    "several": ("note", "Name the document, or quote more, where one place is meant."),
    "near": ("note", "Look at some, and quote what the text says."),
    "unsure": ("wrong", "Quote more, so that one place is the nearest."),
    "stale": ("wrong", "Judge the new text, or bring the old document back."),
    "gone": ("wrong", "Add the document, or use the ids of the corpus."),
}


def check(case: Case) -> Iterator[Symptom]:
    """Give how judged spans stand in the corpus, where not as they say."""
    if case.kept is None:
        return
    found = {each.what: each for each in case.kept.findings}
    for how, (severity, remedy) in HEAVY.items():
        if PLACED[how] in found:
            each = found[PLACED[how]]
            yield Symptom(severity, each.what, each.count, each.examples, remedy)
