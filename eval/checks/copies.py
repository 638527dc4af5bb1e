"""Documents with the same title and text."""

from collections.abc import Iterator

from eval.case import Case, Symptom, symptoms


def check(case: Case) -> Iterator[Symptom]:
    """Give copies; those of a judged document are missed where the copy is found instead."""
    judged: dict[str, set[str]] = {}
    for each in case.positives:
        judged.setdefault(each.document_id, set()).add(each.query_id)
    unjudged = [
        (id, first)
        for id, first in case.shelf.copies
        if judged.get(id, set()) != judged.get(first, set())
    ]
    told = set(unjudged)
    yield from symptoms(
        "doubtful",
        "documents equal another whose judgments they do not have (finding them counts nothing)",
        (f"{id} = {first}" for id, first in unjudged),
        "Remove the copies, or judge them alike.",
    )
    yield from symptoms(
        "note",
        "documents equal an earlier one in title and text",
        (f"{id} = {first}" for id, first in case.shelf.copies if (id, first) not in told),
        "Copies take ranks from others; remove them where they are no part of the task.",
    )
