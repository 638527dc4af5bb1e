"""The regression gate: may a candidate take the place of a baseline?

A measure fails where it fell by more than a margin and the drop is more than chance: a small change
or a noisy one stops nobody. Non-inferiority turns the burden of proof around: a measure passes only
where so many queries rule a drop by the margin out, also one by failures that none of them shows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from math import floor, isfinite, log2
from typing import Any

from eval.answers import COSTS
from eval.compare import SIGNIFICANT, Difference, compare
from eval.results import Run, few
from eval.statistics import EQUAL, holm, needed, unseen, with_unseen
from retrieval.errors import InputError


@dataclass(frozen=True)
class Demands:
    """What a candidate has to keep. None is no demand.

    `metrics` names measures, `margin` is the drop in each that is still accepted. `max_p95_ms` and
    `max_latency_ratio` (candidate over baseline) are on the 95th percentile of a question's time,
    `max_cost` on what language models cost for a question, by name.
    """

    metrics: tuple[str, ...] = ("nDCG@10",)
    margin: float = 0.01
    non_inferiority: bool = False
    max_p95_ms: float | None = None
    max_latency_ratio: float | None = None
    max_cost: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the numbers. Raises: InputError."""
        if not self.metrics:
            raise InputError("At least one metric is needed, such as nDCG@10.", "metric")
        enough = self.margin > 0 if self.non_inferiority else self.margin >= 0
        if not enough or not isfinite(self.margin):
            least = "above 0" if self.non_inferiority else "of 0 or more"
            raise InputError(f"margin: a number {least} is needed, got {self.margin}.", "margin")
        for name in self.max_cost:
            if name not in COSTS:
                raise InputError(f"max-cost: {', '.join(COSTS)} are known, got {name!r}.", "cost")


@dataclass(frozen=True)
class Check:
    """One demand: what it is on, whether it is met, and why in words and numbers."""

    what: str
    passed: bool
    reason: str
    numbers: dict[str, Any]


@dataclass(frozen=True)
class Gate:
    """The outcome of every demand on two comparable runs, and what a user should know beside it."""

    baseline: str
    candidate: str
    demands: Demands
    checks: tuple[Check, ...]
    changed: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every demand is met."""
        return all(each.passed for each in self.checks)

    def as_json(self) -> dict[str, Any]:
        """Return the gate as JSON values."""
        return {"passed": self.passed, **asdict(self)}

    def lines(self) -> list[str]:
        """Return the gate as lines to print, the outcome first."""
        failed = [each.what for each in self.checks if not each.passed]
        return [
            f"FAILED: {', '.join(failed)}" if failed else "PASSED",
            f"baseline  {self.baseline}",
            f"candidate {self.candidate}",
            *(f"changed: {each}" for each in self.changed),
            *(f"{'ok  ' if each.passed else 'FAIL'} {each.reason}" for each in self.checks),
            *(f"note: {each}" for each in self.notes),
        ]


def gate(baseline: Run, candidate: Run, demands: Demands) -> Gate:
    """Return whether a candidate meets the demands.

    Raises: InputError for runs over different corpora, judgments or queries, for a measure, a time
    or a cost that they do not have, and for so few queries that they decide nothing.
    """
    wanted = [compare(baseline, candidate, each) for each in demands.metrics]
    found = list({each.measure: each for one in wanted for each in one.differences}.values())
    if found[0].low is None:
        raise InputError("One query only: no difference can be tested, and no gate decided.", "run")
    if not demands.non_inferiority:
        _refuse_too_few(found)
    judge = _not_inferior if demands.non_inferiority else _not_worse
    checks = (
        *judge(found, demands.margin),
        *_latency(baseline, candidate, demands),
        *(_cost(candidate, name, most) for name, most in demands.max_cost.items()),
    )
    return Gate(
        wanted[0].baseline,
        wanted[0].candidate,
        demands,
        checks,
        wanted[0].changed,
        (*wanted[0].notes, *_notes(found, baseline, candidate, demands)),
    )


def _refuse_too_few(found: Sequence[Difference]) -> None:
    """Raise InputError where not even a drop in every query would be significant.

    Its p is 2 / 2^n, which Holm's correction multiplies by the number of measures.
    """
    least = floor(log2(len(found) / SIGNIFICANT)) + 2
    if found[0].queries < least:
        of = "a measure" if len(found) == 1 else f"one of {len(found)} measures"
        raise InputError(
            f"{found[0].queries} queries are too few: no drop in {of} could be significant;"
            f" {least} are needed.",
            "run",
        )


def _not_worse(found: Sequence[Difference], margin: float) -> list[Check]:
    """Fail a drop that is above the margin and significant; p corrected for several measures.

    Source: Holm 1979 for the correction; `eval.statistics.randomisation` for the test.
    """
    checks = []
    for each, p in zip(found, holm([each.p for each in found]), strict=True):
        fell = -each.difference
        significant = p < SIGNIFICANT
        if fell <= 0:
            why = "did not fall"
        elif fell > margin and significant:
            why = f"fell by more than {margin:g}, and that is no chance"
        elif fell > margin:
            why = f"fell by more than {margin:g}, but so may chance"
        else:
            why = f"fell by no more than {margin:g}"
        corrected = f", corrected for {len(found)} measures" if len(found) > 1 else ""
        reason = f"{each.measure} {why}: {_shown(each)}, p {p:.4f}{corrected}"
        failed = fell > margin and significant
        checks.append(Check(each.measure, not failed, reason, {**_numbers(each), "p": p}))
    return checks


def _not_inferior(found: Sequence[Difference], margin: float) -> list[Check]:
    """Pass where the low end of the 95% interval, and of what is unseen, is at least -margin.

    Every measure has to pass, so that their number needs no correction.

    Source: Piaggio et al. 2012, JAMA 308(24), figure 1; Berger 1982, Technometrics 24(4), for the
    intersection of several.
    Differs: the low end of the bootstrap interval is moved by `eval.statistics.with_unseen`. Where
    a share of the queries as large as the margin fails altogether, 36% of samples of 20 would pass
    at 0.05, and 18% of 310 at 0.01, instead of 2.5%; so at most 5%, at just `needed(margin)`.
    """
    checks = []
    for each in found:
        low = -1.0 if each.low is None else with_unseen(each.low, -1.0, each.queries)
        passed = low >= -margin - EQUAL
        if passed:
            why = f"a drop by {margin:g} is ruled out"
        elif each.queries < needed(margin):
            least = needed(margin)
            why = f"so few queries cannot rule out a drop by {margin:g}; {least} are needed"
        else:
            why = f"the interval does not rule out a drop by {margin:g}"
        reason = f"{each.measure}: {why}: {_shown(each)}, at worst {low:+.4f}"
        checks.append(Check(each.measure, passed, reason, {**_numbers(each), "at_worst": low}))
    return checks


def _shown(each: Difference) -> str:
    interval = "" if each.low is None else f" [{each.low:+.4f}, {each.high:+.4f}]"
    change = f"{each.baseline:.4f} -> {each.candidate:.4f}, {each.difference:+.4f}{interval}"
    return f"{change}, {each.queries} queries"


def _numbers(each: Difference) -> dict[str, Any]:
    names = ("baseline", "candidate", "difference", "low", "high", "queries", "detectable")
    return {name: getattr(each, name) for name in names}


def _latency(baseline: Run, candidate: Run, demands: Demands) -> list[Check]:
    checks = []
    if demands.max_p95_ms is not None:
        ms, most = _p95(candidate), demands.max_p95_ms
        reason = f"p95 {ms:.1f} ms, at most {most:g} ms"
        checks.append(Check("p95", ms <= most, reason, {"candidate": ms, "at_most": most}))
    if demands.max_latency_ratio is not None:
        ms, before, most = _p95(candidate), _p95(baseline), demands.max_latency_ratio
        reason = f"p95 {before:.1f} -> {ms:.1f} ms, {ms / before:.2f} times; at most {most:g}"
        numbers = {"baseline": before, "candidate": ms, "ratio": ms / before, "at_most": most}
        checks.append(Check("latency ratio", ms / before <= most, reason, numbers))
    return checks


def _p95(run: Run) -> float:
    found = run.metrics.get("latency", {}).get("p95_ms")
    if found is None:
        raise InputError(f"{run.folder} holds no times, so that none can be limited.", "run")
    return float(found)


def _cost(candidate: Run, name: str, most: float) -> Check:
    """Check a mean cost of a question. Raises: InputError where it is not known."""
    costs = candidate.metrics.get("cost")
    if costs is None or candidate.manifest["system"].get("kind") == "run file":
        raise InputError(f"{candidate.folder} holds no costs, so that none can be limited.", "run")
    if name == "usd" and costs["calls"] and not costs["usd"]:
        raise InputError(
            f"{candidate.folder}: its model has no price, so that usd cannot be limited; limit"
            " calls or tokens_out.",
            "cost",
        )
    reason = f"{name} of a question {costs[name]:g}, at most {most:g}"
    numbers = {"candidate": costs[name], "at_most": most}
    return Check(name, costs[name] <= most, reason, numbers)


def _notes(
    found: Sequence[Difference], baseline: Run, candidate: Run, demands: Demands
) -> list[str]:
    notes = []
    if not demands.non_inferiority:
        notes = [note for each in found for note in _may_pass(each, demands.margin)]
    notes += few(found[0].queries)
    places = [run.manifest.get("surroundings") for run in (baseline, candidate)]
    if demands.max_latency_ratio is not None and places[0] != places[1]:
        notes.append("The runs are of different machines, and so are their times.")
    return notes


def _may_pass(each: Difference, margin: float) -> Iterator[str]:
    """Yield how large a drop may pass unseen, where that is more than the margin."""
    rare = unseen(each.queries)
    if each.detectable is not None and each.detectable > margin:
        shown = f"show a change of {each.detectable:.4f} four times out of five"
    elif rare > margin:
        shown = f"may hold none of the failures that make a drop of {rare:.4f}"
    else:
        return
    yield (
        f"{each.measure}: {each.queries} queries {shown}; a drop between {margin:g} and that may"
        " pass unseen. --non-inferiority asks for proof."
    )
