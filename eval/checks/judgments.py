"""Judgments that name what is not there, stand twice, or leave a query without anything to find."""

from collections.abc import Iterator

from eval.case import Case, Symptom, symptoms
from eval.judgments import Judgment


def check(case: Case) -> Iterator[Symptom]:
    """Give what is wrong between judgments, queries and documents."""
    every = case.read.judgments
    if case.refusal:
        what = f"reason why nothing can be measured: {case.refusal.rstrip('.')}"
        yield Symptom("wrong", what, 1, (), "See the other symptoms.")
    yield from symptoms(
        "wrong",
        "judgments name queries that are not there (left out)",
        (_shown(each) for each in every if each.query_id not in case.queries),
        "Use the query ids of queries.jsonl; look for another version of the file.",
    )
    yield from symptoms(
        "wrong",
        "judgments name documents that are not in the corpus (relevant, but nobody can find them)",
        (_shown(e) for e in every if e.document_id and e.document_id not in case.shelf.rows),
        "Add the documents, or use the ids of the corpus.",
    )
    yield from _without_positives(case)
    yield from _repeated(case)


def _without_positives(case: Case) -> Iterator[Symptom]:
    found = {each.query_id for each in case.positives}
    yield from symptoms(
        "doubtful",
        "queries have only irrelevant judgments (count 0, as in trec_eval -c)",
        (each.id for each in case.asked if each.answerable and each.id not in found),
        "Leave them out, or mark them as unanswerable (metadata.answerable: false).",
    )
    asked = {each.id for each in case.asked}
    elsewhere = frozenset[str]().union(*case.splits.values())
    yield from symptoms(
        "note",
        "queries have no judgment in any split (not asked)",
        (each.id for each in case.read.queries if each.id not in asked | elsewhere),
        "Judge them, or leave them out.",
    )


def _repeated(case: Case) -> Iterator[Symptom]:
    grades: dict[tuple[object, ...], int] = {}
    again, against = [], []
    for each in case.read.judgments:
        where = each.quote if each.span is None else each.span
        place = (each.query_id, each.document_id, where, each.group)
        grade = grades.get(place)
        if grade is None:
            grades[place] = each.grade
        elif grade == each.grade:
            again.append(_shown(each))
        else:
            against.append(f"{_shown(each)} {grade} and {each.grade}")
    yield from symptoms(
        "doubtful",
        "judgments contradict an earlier one of the same place (the highest grade counts)",
        against,
        "Decide for one of the grades: other tools take the last, or refuse the file.",
    )
    yield from symptoms("note", "judgments repeat an earlier one", again, "Remove the repetitions.")


def _shown(judgment: Judgment) -> str:
    return f"{judgment.query_id} -> {judgment.document_id or 'anywhere'}"
