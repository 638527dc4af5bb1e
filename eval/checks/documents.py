"""Documents that cannot be read, have no text, or an id that another has."""

from collections.abc import Iterator

from eval.case import Case, Symptom, symptoms

AGAIN, EMPTY = "is already that of", "no text"


def check(case: Case) -> Iterator[Symptom]:
    """Give what is wrong with single documents."""
    failed = case.shelf.failures
    said = [f"{each.source}: {each.reason}" for each in failed]
    again = [line for line, each in zip(said, failed, strict=True) if AGAIN in each.reason]
    empty = [line for line, each in zip(said, failed, strict=True) if each.reason.startswith(EMPTY)]
    known = {*again, *empty}
    yield from symptoms(
        "wrong",
        "documents have the id of an earlier one (left out)",
        again,
        "Give each document an id of its own, or remove the repetition.",
    )
    yield from symptoms(
        "doubtful",
        "documents have no text (left out)",
        empty,
        "Remove them, or mend what made them empty.",
    )
    yield from symptoms(
        "wrong",
        "parts of the corpus cannot be read",
        (each for each in said if each not in known),
        "Mend the lines that are named.",
    )
