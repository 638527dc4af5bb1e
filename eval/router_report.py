"""How right a router is: accuracy, "none of these", confusion, and whether 90% sure means 90%."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.results import grid
from eval.router_training import Labelled
from retrieval.errors import InputError
from retrieval.router import Router

BINS = 15


@dataclass(frozen=True)
class DomainReport:
    """One label: how much of what was routed to it belongs there, and how much of it arrived.

    `precision` is None where nothing was routed to it, `recall` where nothing belongs to it.
    """

    label: str
    examples: int
    precision: float | None
    recall: float | None


@dataclass(frozen=True)
class RouterReport:
    """A router on labelled examples. "none" is what belongs to no domain, or is called so.

    `accuracy` is that of the likeliest domain, whether or not the question is accepted;
    `accepted` the share that is not called none; `right` the share that is accepted and right:
    all over the examples that have a domain, 0 without any. `calibration_error` is the expected
    one, over the same. `confusion[truth][called]` counts; both end with "none".

    Source: `calibration_error`: Guo et al. 2017, arXiv 1706.04599, equation 3, 15 bins.
    """

    router: str
    method: str
    examples: int
    accuracy: float
    accepted: float
    right: float
    calibration_error: float
    none: DomainReport
    domains: tuple[DomainReport, ...]
    confusion: tuple[tuple[int, ...], ...]

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return asdict(self)

    def lines(self) -> list[str]:
        """Return precision and recall of each label, and the confusion, as lines to print."""
        every = (*self.domains, self.none)
        rows = [["", "examples", "precision", "recall"]]
        rows += [
            [each.label, str(each.examples), shown(each.precision), shown(each.recall)]
            for each in every
        ]
        names = [each.label for each in every]
        columns = [f"{number}" for number in range(1, len(names) + 1)]
        confusion = [["truth, called:", *columns]]
        confusion += [
            [f"{number} {name}", *map(str, counts)]
            for number, (name, counts) in enumerate(zip(names, self.confusion, strict=True), 1)
        ]
        return ["", f"{self.router}", *grid(rows), "", *grid(confusion)]


def summary_lines(reports: Sequence[RouterReport]) -> list[str]:
    """Return one line a router, under a header."""
    header = ["router", "method", "accuracy", "accepted", "right and accepted", "ECE"]
    rows = [[*header, "none: precision", "recall"]]
    for each in reports:
        shares = (each.accuracy, each.accepted, each.right, each.calibration_error)
        none = (each.none.precision, each.none.recall)
        rows.append([each.router, each.method, *map(shown, shares), *map(shown, none)])
    return grid(rows)


def report(name: str, router: Router, examples: Labelled, none: str) -> RouterReport:
    """Return how a router does on examples; `none` labels those that belong to no domain.

    Raises: InputError for a label that the router does not know.
    """
    unknown = sorted(set(examples.domains) - set(router.labels) - {none})
    if unknown:
        raise InputError(
            f"Router {name}: it knows {', '.join(router.labels)}; not {', '.join(unknown)}."
            f" Out-of-scope examples carry the label {none!r}: --none sets another one."
        )
    belief = router.believes(examples.vectors)
    outside = len(router.labels)
    truth = np.array(
        [outside if each == none else router.labels.index(each) for each in examples.domains]
    )
    best = belief.probabilities.argmax(axis=1)
    accepted = belief.familiarity >= router.threshold
    called = np.where(accepted, best, outside)
    inside = truth != outside
    confusion = np.zeros((outside + 1, outside + 1), dtype=int)
    np.add.at(confusion, (truth, called), 1)
    rows = [_of(label, number, confusion) for number, label in enumerate((*router.labels, none))]
    right = best == truth
    return RouterReport(
        router=name,
        method=str(router.trained.get("method", "")),
        examples=len(truth),
        accuracy=_share(right[inside]),
        accepted=_share(accepted[inside]),
        right=_share((right & accepted)[inside]),
        calibration_error=calibration_error(
            belief.probabilities.max(axis=1)[inside], right[inside]
        ),
        none=rows[-1],
        domains=tuple(rows[:-1]),
        confusion=tuple(tuple(map(int, row)) for row in confusion),
    )


def calibration_error(sure: NDArray[np.floating[Any]], right: NDArray[np.bool_]) -> float:
    """Return the mean distance of how sure and how right, over 15 bins of equal width, by size."""
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    gaps = [
        abs(float(sure[bins == each].sum() - right[bins == each].sum())) for each in range(BINS)
    ]
    return sum(gaps) / len(sure) if len(sure) else 0.0


def shown(value: float | None) -> str:
    """Return a share as tables have it."""
    return "-" if value is None else f"{value:.4f}"


def _of(label: str, number: int, confusion: NDArray[np.int_]) -> DomainReport:
    hits = int(confusion[number, number])
    called, there = int(confusion[:, number].sum()), int(confusion[number].sum())
    return DomainReport(
        label, there, hits / called if called else None, hits / there if there else None
    )


def _share(found: NDArray[np.bool_]) -> float:
    return float(found.mean()) if found.size else 0.0
