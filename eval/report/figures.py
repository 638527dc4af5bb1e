"""Headline figures: what a run's means say in plain words, with their intervals."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eval.report.material import Measured
from eval.scores import LABELS

CUTOFF = 10
"""Where a run was measured there; its deepest cutoff otherwise."""
WORDS = {
    "Success": "of the questions find at least one right {what} among the first {k}",
    "full_recall": "of the questions find everything they need among the first {k}",
    "R": "of all right {what}s stand among the first {k}",
    "P": "of the first {k} {what}s are right",
    "nDCG": "how early the right {what}s stand; 1 is a perfect order",
    "RR": "1 where the first right {what} stands at the top, 1/2 at rank 2, 1/3 at rank 3",
    "span_recall": "of the characters that answer are among the first {k} passages",
    "span_precision": "of the characters of the first {k} passages answer",
}
SHARES = {"Success", "full_recall", "R", "P", "span_recall", "span_precision"}
LITTLE = 0.5
"""Below this, what precision could be at most is said beside it."""
HEADLINE = ("Success", "R", "full_recall", "nDCG", "P", "span_precision")
ORDER = ("nDCG", "R", "RR", "AP", "P", "Success", "span_recall", "span_iou", "document_nDCG")
"""Which measure a report is about where none is named: the first that is there."""


@dataclass(frozen=True)
class Figure:
    """One mean over the questions: in words, as shown, and with its 95% interval, if it has one."""

    measure: str
    label: str
    words: str
    mean: float
    low: float | None
    high: float | None

    @property
    def shown(self) -> str:
        """The mean as a reader sees it: a percentage for a share, else three decimals."""
        return shown(self.measure, self.mean)

    @property
    def interval(self) -> str:
        """The interval as a reader sees it."""
        if self.low is None or self.high is None:
            return "one question: no interval"
        low, high = shown(self.measure, self.low), shown(self.measure, self.high)
        return f"95% interval {low} to {high}"


def shown(measure: str, value: float) -> str:
    """Return a value of a measure as a reader sees it."""
    return f"{100 * value:.0f}%" if measure.partition("@")[0] in SHARES else f"{value:.3f}"


def points(difference: float, measure: str) -> str:
    """Return a difference as a reader sees it: in points of a percentage for a share."""
    if measure.partition("@")[0] in SHARES:
        return f"{100 * difference:+.1f} points"
    return f"{difference:+.3f}"


def label(measure: str) -> str:
    """Return a measure's name as people say it: `MRR@10`."""
    family, _, cutoff = measure.partition("@")
    return f"{LABELS.get(family, family)}@{cutoff}"


def main_measure(measures: Mapping[str, Any]) -> str:
    """Return the measure that a report is about where none is named."""
    k = cutoff(measures)
    wanted = [f"{family}@{k}" for family in ORDER if f"{family}@{k}" in measures]
    return wanted[0] if wanted else next(iter(measures))


def cutoff(measures: Mapping[str, Any]) -> int:
    """Return the cutoff that headlines are at: 10 or, where it was not measured, the deepest."""
    there = {int(at) for each in measures for at in [each.partition("@")[2]] if at.isdigit()}
    return CUTOFF if CUTOFF in there or not there else max(there)


def figures(measured: Measured) -> tuple[Figure, ...]:
    """Return a run's headline figures.

    Full recall stands beside the hit rate only where it says something else: where questions need
    more than one thing.
    """
    measures = measured.run.metrics["measures"]
    k, what = cutoff(measures), kind(measured)
    found = []
    for family in HEADLINE:
        measure = f"{family}@{k}"
        if measure in measures:
            each = measures[measure]
            words = WORDS[family].format(k=k, what=what)
            if family == "P":
                words += _ceiling(measured, k)
            found.append(
                Figure(measure, label(measure), words, each["mean"], each["low"], each["high"])
            )
    means = {each.measure: each.mean for each in found}
    if means.get(f"full_recall@{k}") == means.get(f"Success@{k}"):
        found = [each for each in found if not each.measure.startswith("full_recall")]
    return tuple(found)


def _ceiling(measured: Measured, k: int) -> str:
    """Return what precision could be at most, where most questions have fewer right ones than k."""
    places = measured.places
    if places is None or kind(measured) != "document":
        return ""
    counts = [len({place.document_id for place in each.places or ()}) for each in measured.scored]
    most = sum(min(count, k) for count in counts) / k / len(counts)
    return f"; {100 * most:.0f}% is the most, as few are right at all" if most < LITTLE else ""


def kind(measured: Measured) -> str:
    """Return what is judged, and so counted: documents or passages."""
    spans = any(each.startswith("span_") for each in measured.run.metrics["measures"])
    return "passage" if spans else "document"
