"""Scores: one number for each query and measure, and what they are called."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.errors import InputError

CUTOFFS = (1, 5, 10, 100)
LABELS = {
    "P": "precision",
    "R": "recall",
    "nDCG": "nDCG",
    "RR": "MRR",
    "AP": "MAP",
    "Success": "hit rate",
    "full_recall": "full recall",
    "span_precision": "span precision",
    "span_recall": "span recall",
    "span_iou": "span IoU",
    "document_nDCG": "document nDCG",
    "document_R": "document recall",
}
"""What the families of measures are called where they are shown; a measure is `family@cutoff`."""


@dataclass(frozen=True)
class Scores:
    """Values of shape (queries, measures), a row for each query in the order of `query_ids`."""

    query_ids: tuple[str, ...]
    measures: tuple[str, ...]
    values: NDArray[np.float64]

    def of(self, measure: str) -> NDArray[np.float64]:
        """Return the values of one measure, by query. Raises: InputError that lists them."""
        return self.values[:, self.measures.index(known_measure(measure, self.measures))]

    def rows(self) -> dict[str, dict[str, float]]:
        """Return the values by query and measure."""
        return {
            id: dict(zip(self.measures, map(float, values), strict=True))
            for id, values in zip(self.query_ids, self.values, strict=True)
        }

    def beside(self, other: "Scores") -> "Scores":
        """Return the measures of both, for the same queries."""
        if other.query_ids != self.query_ids:
            raise ValueError("Scores stand beside each other for the same queries only.")
        return Scores(
            self.query_ids,
            self.measures + other.measures,
            np.hstack([self.values, other.values]),
        )


def table(query_ids: Sequence[str], rows: Mapping[str, Mapping[str, float]]) -> Scores:
    """Return the scores of rows by query; the first row names the measures."""
    measures = tuple(rows[query_ids[0]])
    values = np.array([[rows[id][measure] for measure in measures] for id in query_ids])
    return Scores(tuple(query_ids), measures, values)


def known_measure(name: str, measures: Sequence[str]) -> str:
    """Return the measure that a name means: `nDCG@10`, or its label, as `MRR@10` or `hit rate@5`.

    Raises: InputError that lists the measures.
    """
    spoken = name.strip().lower().replace("_", " ")
    for measure in measures:
        family, _, cutoff = measure.partition("@")
        names = (family.lower().replace("_", " "), LABELS.get(family, family).lower())
        if spoken in [f"{each}@{cutoff}" for each in names]:
            return measure
    raise InputError(f"No measure {name!r}. There are: {', '.join(measures)}.", "metric")
