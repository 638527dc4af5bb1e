"""Queries whose id is also that of a document: of the same text, or of one that is unrelated.

Where queries are documents themselves, a query finds itself first, and --drop-self leaves it out.
Where ids are only equal by chance, --drop-self (and tools that drop equal ids unasked, as BEIR's
own evaluation does) leaves out documents that may be relevant.
"""

from collections.abc import Iterator

from eval.case import Case, Symptom, symptoms, words

SAME = 0.8
"""So many of a query's words does its own document have."""


def check(case: Case) -> Iterator[Symptom]:
    """Give the queries that have a namesake among the documents."""
    same: list[str] = []
    other: list[str] = []
    lost = []
    positive = {(each.query_id, each.document_id) for each in case.positives}
    for query in case.asked:
        body = case.shelf.bodies.get(query.id)
        if body is None:
            continue
        asked = words(query.text)
        is_same = bool(asked) and len(asked & words(body.whole)) >= SAME * len(asked)
        (same if is_same else other).append(query.id)
        if (query.id, query.id) in positive and not is_same:
            lost.append(query.id)
    yield from symptoms(
        "doubtful",
        "queries have the id and the words of a document: they find themselves",
        same,
        "Measure with --drop-self.",
    )
    yield from symptoms(
        "note",
        "queries have the id of a document with other words",
        other,
        "Do not use --drop-self, nor a tool that drops equal ids unasked.",
    )
    yield from symptoms(
        "doubtful",
        "of them have that document as an answer, which --drop-self leaves out",
        lost,
        "Give queries and documents ids that differ.",
    )
