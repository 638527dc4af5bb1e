"""From answers to scores: which measures a dataset has, and what each hit is worth."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from eval.answers import Answer
from eval.corpus import Judged
from eval.documents import Ranked, document_full_recall, document_scores
from eval.judgments import Judgment, positives
from eval.passages import Place, coverage, passage_scores
from eval.scores import CUTOFFS, Scores
from eval.spans import span_scores
from retrieval.as_json import step_json
from retrieval.types import Span

WHOLE = Span(0, 1)
"""Stands for a whole document."""
ON_DOCUMENTS = ("nDCG", "R")
"""Families that are computed on documents too where judgments are on spans."""


@dataclass(frozen=True)
class Scored:
    """The scores of a run and, by query, the grade of each served hit in order (0: irrelevant)."""

    scores: Scores
    grades: Mapping[str, Sequence[int]]


def score(kept: Judged, answers: Mapping[str, Answer], cutoffs: Sequence[int] = CUTOFFS) -> Scored:
    """Return the scores of the answers, by query, for each query that is scored.

    Judgments on documents: trec_eval's measures and full recall on distinct documents; where one
    document of several is enough, the passage measures on them, which are the same for all others:
    an alternative that is not needed any more is not missed.
    Judgments on spans: the passage and span measures on the served hits; beside them nDCG and R of
    the documents that hold the spans, each with its best grade.
    """
    asked = {query.id: kept.judgments[query.id] for query in kept.queries}
    qrels = {id: document_grades(each) for id, each in asked.items()}
    ranked = {id: answers[id].documents for id in asked}
    if all(each.span is None for judgments in asked.values() for each in judgments):
        return Scored(
            on_documents(asked, ranked, cutoffs),
            {
                id: [grades.get(hit.chunk.document_id, 0) for hit in answers[id].hits]
                for id, grades in qrels.items()
            },
        )
    places = {id: answers[id].places for id in asked}
    found = {id: coverage(judgments, places[id]) for id, judgments in asked.items()}
    documents = document_scores(qrels, ranked, cutoffs, ON_DOCUMENTS)
    named = tuple(f"document_{measure}" for measure in documents.measures)
    scores = (
        passage_scores(found, cutoffs)
        .beside(span_scores({id: (each, places[id]) for id, each in asked.items()}, cutoffs))
        .beside(Scores(documents.query_ids, named, documents.values))
    )
    return Scored(scores, {id: each.grades for id, each in found.items()})


def on_documents(
    asked: Mapping[str, Sequence[Judgment]], ranked: Ranked, cutoffs: Sequence[int]
) -> Scores:
    """Return the measures of judgments on documents, by query; of a group one is enough."""
    groups = [Counter(group for group, _ in positives(each)) for each in asked.values()]
    if all(count == 1 for each in groups for count in each.values()):
        qrels = {id: document_grades(each) for id, each in asked.items()}
        return document_scores(qrels, ranked, cutoffs).beside(
            document_full_recall(asked, ranked, cutoffs)
        )
    found = {}
    for id, judgments in asked.items():
        whole = [replace(each, span=WHOLE) for each in judgments]
        places = [Place(each, WHOLE) for each in dict.fromkeys(ranked[id])]
        found[id] = coverage(whole, places)
    return passage_scores(found, cutoffs)


def document_grades(judgments: Sequence[Judgment]) -> dict[str, int]:
    """Return the best grade of each judged document."""
    grades: dict[str, int] = {}
    for each in judgments:
        grades[each.document_id] = max(grades.get(each.document_id, 0), each.grade)
    return grades


def per_query(
    kept: Judged, answers: Mapping[str, Answer], scored: Scored
) -> Iterator[dict[str, Any]]:
    """Return the lines of `per_query.jsonl`: the question, its measures, what each stage did.

    `judged` has each judged place above grade 0 with its rank in every list on the way (see
    `eval/standing`), `hits` are those served. Unanswerable questions have no measures, nothing
    judged, and hits without grades.
    """
    rows = scored.scores.rows()
    for query in (*kept.queries, *kept.unanswerable):
        answer = answers[query.id]
        yield {
            "query_id": query.id,
            "query": query.text,
            "answerable": query.answerable,
            "labels": dict(query.meta),
            "measures": rows.get(query.id, {}),
            "ms": answer.ms,
            # The manifest has the stages' parameters, once for all questions.
            "stages": [step_json(step, parameters=False) for step in answer.trace],
            "judged": [each.as_json() for each in answer.judged],
            "documents": len(answer.documents),
            "hits": _hits(answer, scored.grades.get(query.id)),
        }


def _hits(answer: Answer, grades: Sequence[int] | None) -> list[dict[str, Any]]:
    return [
        {
            "document_id": chunk.document_id,
            "chunk_id": chunk.id,
            "span": chunk.span,
            "score": scores[-1].value,
            "scores": dict(scores),
            "grade": None if grades is None else grades[rank],
            **({"excerpt": chunk.text} if chunk.text else {}),
        }
        for rank, (chunk, scores) in enumerate(answer.hits)
    ]
