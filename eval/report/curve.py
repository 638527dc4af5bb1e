"""Precision against recall: what a longer list of passages costs in purity."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import ir_measures
import numpy as np

from eval.jsonl import text_lines
from eval.report.material import Measured, Question
from eval.results import RUN, trec_id
from eval.statistics import intervals

LEVELS = tuple(level / 10 for level in range(11))


@dataclass(frozen=True)
class Point:
    """A point of the curve; `at` says where it was taken. The interval is that of precision."""

    at: str
    recall: float
    precision: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Curve:
    """Mean precision over queries against recall, by interpolation or at the cutoffs."""

    kind: Literal["interpolated", "cutoffs"]
    points: tuple[Point, ...]

    @property
    def about(self) -> str:
        """How the points were computed, with the source."""
        if self.kind == "interpolated":
            return (
                "11-point interpolated precision: at each level of recall the best precision at"
                " that level or a higher one, averaged over the questions (trec_eval's"
                " iprec_at_recall; Manning, Raghavan and Schütze 2008, Introduction to Information"
                " Retrieval, section 8.4)"
            )
        return (
            "mean precision against mean recall after the first 1, 5, 10 ... passages: passages"
            " are judged by the spans they cover, where interpolation by document has no meaning"
        )


def curve(measured: Measured) -> Curve | None:
    """Return the curve of a run, or None where it has neither documents nor precision and recall.

    Judgments on documents: interpolated over the ranking of `run.trec`. Judgments on spans: one
    point for each cutoff.
    """
    measures = measured.run.metrics["measures"]
    if any(each.startswith("span_") for each in measures):
        return _at_cutoffs(measures)
    return _interpolated(measured)


def _at_cutoffs(measures: Mapping[str, Mapping[str, float | None]]) -> Curve | None:
    points = [
        Point(f"@{k}", measures[f"R@{k}"]["mean"] or 0.0, at["mean"] or 0.0, at["low"], at["high"])
        for measure, at in measures.items()
        for family, _, k in [measure.partition("@")]
        if family == "P" and f"R@{k}" in measures
    ]
    return Curve("cutoffs", tuple(points)) if points else None


def _interpolated(measured: Measured) -> Curve | None:
    qrels = {each.id: _relevant(each) for each in measured.scored}
    ranked = _ranked(measured)
    if ranked is None or not any(qrels.values()):
        return None
    wanted = {str(ir_measures.IPrec @ level): at for at, level in enumerate(LEVELS)}
    row = {id: number for number, id in enumerate(qrels)}
    values = np.zeros((len(row), len(LEVELS)))
    known = {id: ranked[trec_id(id)] for id in qrels if trec_id(id) in ranked}
    for found in ir_measures.iter_calc([ir_measures.IPrec @ each for each in LEVELS], qrels, known):
        values[row[found.query_id], wanted[str(found.measure)]] = found.value
    low, high = intervals(values)
    alone = len(row) < 2
    return Curve(
        "interpolated",
        tuple(
            Point(
                f"recall {level:.1f}",
                level,
                float(values[:, at].mean()),
                None if alone else float(low[at]),
                None if alone else float(high[at]),
            )
            for at, level in enumerate(LEVELS)
        ),
    )


def _relevant(question: Question) -> dict[str, int]:
    """Return the relevant documents of a question, as ids of `run.trec`.

    Where a run does not list them, those that it found, and made-up ids for the others, as many as
    its recall says: recall at the deepest cutoff is found / all.
    """
    if question.places is not None:
        return {trec_id(place.document_id): 1 for place in question.places}
    found = {trec_id(id): 1 for id in question.found}
    cutoffs = [int(each[2:]) for each in question.measures if each.startswith("R@")]
    recall = question.measures[f"R@{max(cutoffs)}"] if cutoffs else 0.0
    every = round(len(found) / recall) if recall else len(found) + 1
    return found | {f"\x00{number}": 1 for number in range(every - len(found))}


def _ranked(measured: Measured) -> dict[str, dict[str, float]] | None:
    """Return the scores of `run.trec` by query and document; None where there is none."""
    file = measured.run.folder / RUN
    if not file.is_file():
        return None
    ranked: dict[str, dict[str, float]] = {}
    for _, line in text_lines(file):
        query, _, document, _, score, _ = line.split()
        ranked.setdefault(query, {})[document] = float(score)
    return ranked
