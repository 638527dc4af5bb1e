"""Document measures: trec_eval's own numbers, from its C code; full recall on top."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytrec_eval

from eval.judgments import Judgment, positives
from eval.scores import CUTOFFS, Scores

TREC = {"P": "P", "R": "recall", "nDCG": "ndcg_cut", "AP": "map_cut", "Success": "success"}
"""What trec_eval calls the measures that it has with a cutoff."""
FAMILIES = ("P", "R", "nDCG", "RR", "AP", "Success")
EDGE = 1e-9

Ranked = Mapping[str, Sequence[str]]
"""Distinct document ids by query, best first."""
Qrels = Mapping[str, Mapping[str, int]]
"""Grades by query and document; a grade of 1 or more is relevant."""


def document_scores(
    qrels: Qrels,
    ranked: Ranked,
    cutoffs: Sequence[int] = CUTOFFS,
    families: Sequence[str] = FAMILIES,
) -> Scores:
    """Return precision, recall, nDCG, RR, AP and success at each cutoff, for each query of `qrels`.

    nDCG has the grade as its gain and log2(rank + 1) as its discount. Precision divides by the
    cutoff also where less was found, AP by all relevant documents. A document without a judgment
    is irrelevant. A query without hits, or without a relevant document, counts 0 and stays in the
    mean (trec_eval -c). Duplicate ids count once, at their first rank.

    Source: trec_eval 9, as pytrec_eval has it; RR with a cutoff is recip_rank up to that rank,
    else 0, as in the MS MARCO script. A test holds every measure against ir_measures.
    """
    run = {id: descending(ranked[id]) for id, grades in qrels.items() if grades and ranked.get(id)}
    judged = {id: dict(qrels[id]) for id in run}
    asked = {f"{TREC[each]}.{','.join(map(str, cutoffs))}" for each in families if each in TREC}
    columns = [(f"{family}@{k}", family, k) for family in families for k in cutoffs]
    place = {id: row for row, id in enumerate(qrels)}
    values = np.zeros((len(place), len(columns)))
    found = pytrec_eval.RelevanceEvaluator(judged, asked | {"recip_rank"}).evaluate(run)
    for id, row in found.items():
        values[place[id]] = [_value(row, family, k) for _, family, k in columns]
    return Scores(tuple(place), tuple(name for name, _, _ in columns), values)


def _value(row: Mapping[str, float], family: str, k: int) -> float:
    if family == "RR":
        return row["recip_rank"] if row["recip_rank"] * k >= 1 - EDGE else 0.0
    return row[f"{TREC[family]}_{k}"]


def document_full_recall(
    judged: Mapping[str, Sequence[Judgment]], ranked: Ranked, cutoffs: Sequence[int] = CUTOFFS
) -> Scores:
    """Return at each cutoff 1 where the first documents hold all that is needed, else 0.

    Needed is one relevant document (grade 1 or more) of each group; a judgment without a group is
    a group of its own. Without a relevant document, 0.
    """
    values = np.zeros((len(judged), len(cutoffs)))
    for row, (id, judgments) in enumerate(judged.items()):
        rank = {each: number for number, each in enumerate(dict.fromkeys(ranked.get(id, ())), 1)}
        first: dict[str, float] = {}
        for group, each in positives(judgments):
            first[group] = min(first.get(group, np.inf), rank.get(each.document_id, np.inf))
        if first:
            values[row] = max(first.values()) <= np.array(cutoffs)
    return Scores(tuple(judged), tuple(f"full_recall@{k}" for k in cutoffs), values)


def descending(ids: Sequence[str]) -> dict[str, float]:
    """Return a score for each id that keeps its order: n for the first of n, 1 for the last.

    trec_eval sorts a run by its scores, read as float32, and breaks ties by descending id. Whole
    numbers up to 2**24 are exact there, so that what it sorts is what was served.
    """
    distinct = list(dict.fromkeys(ids))
    return {id: float(len(distinct) - rank) for rank, id in enumerate(distinct)}
