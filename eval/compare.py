"""Two runs on the same questions: is the difference more than chance?"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from eval.results import Run, few, grid
from eval.scores import LABELS, known_measure
from eval.statistics import EQUAL, detectable, intervals, paired_t, randomisation
from retrieval.errors import InputError

SIGNIFICANT = 0.05
MAIN = (
    "nDCG@10",
    "RR@10",
    "AP@100",
    "P@10",
    "R@10",
    "R@100",
    "Success@10",
    "full_recall@10",
    "span_precision@10",
    "span_recall@10",
    "span_iou@10",
)
"""What is compared where no measure is named."""
SHOWS = (
    "shows: the smallest change that so many queries show four times out of five (-: unknown, or"
    " above 1)"
)


@dataclass(frozen=True)
class Difference:
    """Candidate minus baseline in one measure, paired by query.

    `low` and `high`: 95% bootstrap interval, None for one query. `p`: two-sided randomisation
    test, `p_t`: paired t-test. `detectable`: the smallest mean difference that so many queries
    would show four times out of five, None: unknown, or above 1.
    """

    measure: str
    queries: int
    baseline: float
    candidate: float
    difference: float
    low: float | None
    high: float | None
    p: float
    p_t: float | None
    helped: int
    hurt: int
    unchanged: int
    detectable: float | None

    @property
    def verdict(self) -> str:
        """What it says, at the 5% level; no correction for looking at several measures."""
        if self.low is None:
            return "one query: no test"
        if self.p >= SIGNIFICANT:
            return "no significant difference"
        return "candidate is better" if self.difference > 0 else "candidate is worse"


@dataclass(frozen=True)
class Comparison:
    """Two comparable runs: their differences, and what else differs between them.

    `notes` are what a reader should know of either before believing the differences.
    """

    baseline: str
    candidate: str
    differences: tuple[Difference, ...]
    changed: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the comparison as JSON values."""
        found = asdict(self)
        for row, each in zip(found["differences"], self.differences, strict=True):
            row["verdict"] = each.verdict
        return found

    def table(self) -> list[list[str]]:
        """Return the differences as rows of cells, the header first."""
        header = ["", "baseline", "candidate", "change [95%]", "p", "p (t)", "+/-/=", "shows", ""]
        return [header, *(_cells(each) for each in self.differences)]

    def lines(self) -> list[str]:
        """Return the comparison as lines to print."""
        return [
            f"baseline  {self.baseline}",
            f"candidate {self.candidate}",
            *(f"changed: {each}" for each in self.changed),
            *(f"note: {each}" for each in few(self.differences[0].queries)),
            *(f"note: {each}" for each in self.notes),
            "",
            *grid(self.table()),
            "",
            "p: randomisation test, p (t): paired t-test, neither corrected for several measures;"
            f" +/-/=: queries helped, hurt, unchanged; {SHOWS}",
        ]


def compare(baseline: Run, candidate: Run, metric: str | None = None) -> Comparison:
    """Return how two runs differ in one measure, or in the main ones.

    Raises: InputError for runs over different corpora, questions or judgments, which says what
    differs, and for an unknown measure.
    """
    apart = incomparable(baseline, candidate)
    if apart:
        raise InputError(f"The runs cannot be compared: {'; '.join(apart)}.", "run")
    shared = [each for each in baseline.scores.measures if each in candidate.scores.measures]
    if metric is not None:
        wanted = [known_measure(metric, shared)]
    else:
        wanted = [each for each in MAIN if each in shared] or shared
    rows = {id: row for row, id in enumerate(candidate.scores.query_ids)}
    order = [rows[id] for id in baseline.scores.query_ids]
    found = [
        difference(each, baseline.scores.of(each), candidate.scores.of(each)[order])
        for each in wanted
    ]
    notes = [
        f"{name}: {note}"
        for name, run in (("baseline", baseline), ("candidate", candidate))
        for note in run.notes
    ]
    return Comparison(
        str(baseline.folder),
        str(candidate.folder),
        tuple(found),
        changes(baseline, candidate),
        tuple(notes),
    )


def difference(
    measure: str, baseline: np.ndarray[Any, Any], candidate: np.ndarray[Any, Any]
) -> Difference:
    """Return the paired difference of values by query, in the same order."""
    gains = candidate - baseline
    gains[np.abs(gains) <= EQUAL] = 0.0
    low, high = intervals(gains[:, None])
    alone = gains.size < 2
    return Difference(
        measure=measure,
        queries=gains.size,
        baseline=float(baseline.mean()),
        candidate=float(candidate.mean()),
        difference=float(gains.mean()),
        low=None if alone else float(low[0]),
        high=None if alone else float(high[0]),
        p=randomisation(gains),
        p_t=paired_t(gains),
        helped=int((gains > 0).sum()),
        hurt=int((gains < 0).sum()),
        unchanged=int((gains == 0).sum()),
        detectable=detectable(gains),
    )


def incomparable(one: Run, other: Run) -> list[str]:
    """Return why two runs do not answer the same questions; nothing where they do."""
    ours, theirs = one.manifest["dataset"], other.manifest["dataset"]
    apart = [
        f"{what} differ ({ours['name']} {str(a)[:12]}, {theirs['name']} {str(b)[:12]})"
        for what, a, b in (
            ("corpora", ours["hashes"]["corpus"], theirs["hashes"]["corpus"]),
            ("queries", ours["hashes"]["queries"], theirs["hashes"]["queries"]),
            ("judgments", ours["hashes"]["judgments"], theirs["hashes"]["judgments"]),
            ("splits", ours["split"], theirs["split"]),
            (
                "--drop-self",
                one.manifest["options"]["drop_self"],
                other.manifest["options"]["drop_self"],
            ),
        )
        if a != b
    ]
    alone = [set(one.scores.query_ids), set(other.scores.query_ids)]
    for run, only in ((one, alone[0] - alone[1]), (other, alone[1] - alone[0])):
        if only:
            shown = ", ".join(sorted(only)[:3])
            apart.append(f"{len(only)} queries are scored in {run.name} only, such as {shown}")
    return apart


def changes(one: Run, other: Run) -> tuple[str, ...]:
    """Return what differs between two systems: pipeline, index, versions."""
    ours, theirs = _traits(one), _traits(other)
    return tuple(
        f"{name}: {ours.get(name, '-')} -> {theirs.get(name, '-')}"
        for name in dict.fromkeys((*ours, *theirs))
        if ours.get(name) != theirs.get(name)
    )


def _traits(run: Run) -> dict[str, Any]:
    system = run.manifest["system"]
    index = system.get("index", {})
    llm = system.get("llm", {})
    traits = {
        "system": system["name"],
        "pipeline": system.get("key", "")[:12] or None,
        "chunker": system.get("chunker") or index.get("chunker"),
        "embedded": system.get("embed") or index.get("embed"),
        "encoder": _encoder(index.get("encoder", {})),
        "model": llm.get("model"),
        "cassette": " ".join(llm[each][:40] for each in ("cassette", "digest") if each in llm),
    }
    versions = {f"version of {name}": it for name, it in run.manifest["packages"].items()}
    return {name: value for name, value in (traits | versions).items() if value}


def _encoder(identity: Mapping[str, Any]) -> str:
    """Return an encoder's name and the beginning of its hash; nothing for none."""
    return " ".join(str(identity[each])[:40] for each in ("name", "hash") if each in identity)


def _cells(each: Difference) -> list[str]:
    family, _, cutoff = each.measure.partition("@")
    return [
        f"{LABELS.get(family, family)}@{cutoff}",
        f"{each.baseline:.4f}",
        f"{each.candidate:.4f}",
        f"{each.difference:+.4f}" + _interval(each.low, each.high),
        f"{each.p:.4f}",
        "-" if each.p_t is None else f"{each.p_t:.4f}",
        f"{each.helped}/{each.hurt}/{each.unchanged}",
        "-" if each.detectable is None else f"{each.detectable:.4f}",
        each.verdict,
    ]


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" [{low:+.3f}, {high:+.3f}]"
