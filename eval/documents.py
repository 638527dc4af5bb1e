"""Document measures: trec_eval's numbers, through ir_measures."""

from collections.abc import Mapping, Sequence

import ir_measures
import numpy as np

from eval.scores import CUTOFFS, Scores

FAMILIES = ("P", "R", "nDCG", "RR", "AP", "Success")

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

    Source: trec_eval 9, as pytrec_eval has it; RR with a cutoff from the MS MARCO script.
    """
    measures = [getattr(ir_measures, family) @ k for family in families for k in cutoffs]
    run = {id: descending(ranked[id]) for id in qrels if ranked.get(id)}
    place = {id: row for row, id in enumerate(qrels)}
    column = {str(measure): i for i, measure in enumerate(measures)}
    values = np.zeros((len(place), len(column)))
    judged = {id: dict(grades) for id, grades in qrels.items()}
    for found in ir_measures.iter_calc(measures, judged, run):
        values[place[found.query_id], column[str(found.measure)]] = found.value
    return Scores(tuple(place), tuple(column), values)


def descending(ids: Sequence[str]) -> dict[str, float]:
    """Return a score for each id that keeps its order: n for the first of n, 1 for the last.

    trec_eval sorts a run by its scores, read as float32, and breaks ties by descending id. Whole
    numbers up to 2**24 are exact there, so that what it sorts is what was served.
    """
    distinct = list(dict.fromkeys(ids))
    return {id: float(len(distinct) - rank) for rank, id in enumerate(distinct)}
