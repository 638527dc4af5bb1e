"""How right a router is: accuracy, "none of these", confusion, and whether 90% sure means 90%."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eval.compare import difference
from eval.results import grid
from eval.router_training import Labelled
from eval.statistics import Values, wilson
from retrieval.errors import InputError
from retrieval.router import Router

BINS = 15


class Share(NamedTuple):
    """How many of how many, as a share with its 95% interval; nothing of nothing is no share."""

    hits: int
    of: int

    @property
    def value(self) -> float | None:
        """The share."""
        return self.hits / self.of if self.of else None

    def as_json(self) -> dict[str, Any]:
        """Return the share as JSON values."""
        low, high = wilson(self.hits, self.of) or (None, None)
        return {"value": self.value, "low": low, "high": high, "of": self.of}

    def __str__(self) -> str:
        """Return the share as tables have it."""
        if not self.of:
            return "-"
        low, high = wilson(self.hits, self.of) or (0.0, 1.0)
        return f"{self.value:.4f} [{low:.3f}, {high:.3f}]"


class DomainReport(NamedTuple):
    """One label: how much of what was routed to it belongs there, and how much of it arrived."""

    label: str
    precision: Share
    recall: Share


class Bin(NamedTuple):
    """The examples that a router is so sure of: their number, how sure and how right on average."""

    low: float
    examples: int
    sure: float
    right: float


@dataclass(frozen=True)
class Said:
    """What a router said of questions.

    `truth` by question is the number of its label, that of none being the number of labels; so are
    the columns of `probabilities`, all 0 where the router named none. What is not `accepted` is
    called none.
    """

    labels: tuple[str, ...]
    truth: NDArray[np.int_]
    probabilities: NDArray[np.floating[Any]]
    accepted: NDArray[np.bool_]

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether the likeliest domain is the true one, of the questions that have a domain."""
        right = (self.probabilities.argmax(axis=1) == self.truth) & (self.sure > 0)
        found: NDArray[np.bool_] = right[self.inside]
        return found

    @property
    def sure(self) -> NDArray[np.floating[Any]]:
        """The probability of the likeliest domain."""
        found: NDArray[np.floating[Any]] = self.probabilities.max(axis=1)
        return found

    @property
    def inside(self) -> NDArray[np.bool_]:
        """Whether a question has a domain."""
        found: NDArray[np.bool_] = self.truth != len(self.labels)
        return found


@dataclass(frozen=True)
class RouterReport:
    """A router on labelled examples. "none" is what belongs to no domain, or is called so.

    `accuracy` is that of the likeliest domain, whether or not the question is accepted, as long as
    the router named one;
    `accepted` the share that is not called none; `right` the share that is accepted and right:
    all over the examples that have a domain. `calibration_error` is the expected one, over the
    same; `bins` are what it is made of. `confusion[truth][called]` counts; both end with "none".

    Source: `calibration_error`: Guo et al. 2017, arXiv 1706.04599, equation 3, 15 bins; intervals:
    Wilson 1927, JASA 22.
    """

    router: str
    method: str
    said: Said
    accuracy: Share
    accepted: Share
    right: Share
    calibration_error: float
    bins: tuple[Bin, ...]
    none: DomainReport
    domains: tuple[DomainReport, ...]
    confusion: tuple[tuple[int, ...], ...]

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        shares = {name: getattr(self, name).as_json() for name in ("accuracy", "accepted", "right")}
        every = [
            {"label": each.label} | {n: getattr(each, n).as_json() for n in ("precision", "recall")}
            for each in (*self.domains, self.none)
        ]
        return {
            "router": self.router,
            "method": self.method,
            "examples": len(self.said.truth),
            **shares,
            "calibration_error": self.calibration_error,
            "bins": [each._asdict() for each in self.bins],
            "domains": every[:-1],
            "none": every[-1],
            "confusion": [list(row) for row in self.confusion],
        }

    def lines(self) -> list[str]:
        """Return precision and recall of each label, confusion, reliability, as lines to print."""
        every = (*self.domains, self.none)
        rows = [["", "examples", "precision", "recall"]]
        rows += [
            [each.label, str(each.recall.of), str(each.precision), str(each.recall)]
            for each in every
        ]
        names = [each.label for each in every]
        columns = [f"{number}" for number in range(1, len(names) + 1)]
        confusion = [["truth, called:", *columns]]
        confusion += [
            [f"{number} {name}", *map(str, counts)]
            for number, (name, counts) in enumerate(zip(names, self.confusion, strict=True), 1)
        ]
        sure = [["sure from", "examples", "on average", "right"]]
        sure += [
            [f"{each.low:.2f}", str(each.examples), f"{each.sure:.3f}", f"{each.right:.3f}"]
            for each in self.bins
        ]
        tables = (grid(rows), grid(confusion), grid(sure))
        return ["", self.router, *(line for table in tables for line in (*table, ""))][:-1]


def summary_lines(reports: Sequence[RouterReport]) -> list[str]:
    """Return one line a router, under a header; then how the others differ from the first one."""
    header = ["router", "method", "accuracy", "accepted", "right and accepted", "ECE"]
    rows = [[*header, "none: precision", "none: recall"]]
    for each in reports:
        shares = (each.accuracy, each.accepted, each.right)
        none = (each.none.precision, each.none.recall)
        ece = f"{each.calibration_error:.4f}"
        rows.append([each.router, each.method, *map(str, shares), ece, *map(str, none)])
    lines = grid(rows)
    if len(reports) > 1:
        changes = [[f"beside {reports[0].router}", "accuracy [95%]", "p", "none: recall", "p"]]
        changes += [[each.router, *_beside(reports[0].said, each.said)] for each in reports[1:]]
        lines += ["", *grid(changes)]
    return lines


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
    numbers = {label: number for number, label in enumerate(router.labels)}
    truth = np.array([numbers.get(each, len(numbers)) for each in examples.domains])
    said = Said(router.labels, truth, belief.probabilities, belief.familiarity >= router.threshold)
    return report_of((name, str(router.trained.get("method", ""))), said, none)


def report_of(names: tuple[str, str], said: Said, none: str = "none") -> RouterReport:
    """Return how right what a router said is; `names` are its own and that of its method."""
    outside, inside = len(said.labels), said.inside
    called = np.where(said.accepted, said.probabilities.argmax(axis=1), outside)
    confusion = np.zeros((outside + 1, outside + 1), dtype=int)
    np.add.at(confusion, (said.truth, called), 1)
    rows = [_of(label, number, confusion) for number, label in enumerate((*said.labels, none))]
    accepted = said.accepted[inside]
    sure = said.sure[inside]
    bins = reliability(sure[sure > 0], said.right[sure > 0])
    count = sum(each.examples for each in bins)
    gaps = sum(each.examples * abs(each.sure - each.right) for each in bins)
    return RouterReport(
        router=names[0],
        method=names[1],
        said=said,
        accuracy=_share(said.right),
        accepted=_share(accepted),
        right=_share(said.right & accepted),
        calibration_error=gaps / count if count else 0.0,
        bins=bins,
        none=rows[-1],
        domains=tuple(rows[:-1]),
        confusion=tuple(tuple(map(int, row)) for row in confusion),
    )


def reliability(sure: NDArray[np.floating[Any]], right: NDArray[np.bool_]) -> tuple[Bin, ...]:
    """Return the bins of equal width that have examples, by how sure; 1 is in the last one."""
    numbers = np.minimum((sure * BINS).astype(int), BINS - 1)
    return tuple(
        Bin(each / BINS, int(at.sum()), float(sure[at].mean()), float(right[at].mean()))
        for each in np.unique(numbers)
        for at in [numbers == each]
    )


def _beside(one: Said, other: Said) -> list[str]:
    """Return the paired changes of accuracy and of the recall of none, as cells."""
    cells = []
    values = [(one.right, other.right), (~one.accepted[~one.inside], ~other.accepted[~one.inside])]
    for ours, theirs in values:
        if not ours.size:
            cells += ["-", "-"]
            continue
        found = difference("", _numbers(ours), _numbers(theirs))
        ends = "" if found.low is None else f" [{found.low:+.4f}, {found.high:+.4f}]"
        cells += [f"{found.difference:+.4f}{ends}", f"{found.p:.4f}"]
    return cells


def _numbers(right: NDArray[np.bool_]) -> Values:
    return right.astype(np.float64)


def _of(label: str, number: int, confusion: NDArray[np.int_]) -> DomainReport:
    hits = int(confusion[number, number])
    called, there = int(confusion[:, number].sum()), int(confusion[number].sum())
    return DomainReport(label, Share(hits, called), Share(hits, there))


def _share(found: NDArray[np.bool_]) -> Share:
    return Share(int(found.sum()), found.size)
