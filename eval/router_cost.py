"""What routing does to a dataset's measures, and what each wrong route costs."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from eval.bench import Watch
from eval.compare import Difference, difference
from eval.results import grid
from eval.router_report import RouterReport, Said, report_of, summary_lines
from eval.router_ways import ORACLE, PLAIN, RoutedDataset, Ways, asked_ways
from eval.statistics import EQUAL, Values, share_interval
from retrieval.open_kit import Tools

MEASURES = ("nDCG@10", "R@100")


@dataclass(frozen=True)
class WrongRoute:
    """Questions of one domain that a hard route narrowed to others, and what that changed.

    `changes` are mean differences to no route, by measure.
    """

    truth: str
    called: str
    queries: int
    changes: Mapping[str, float]


@dataclass(frozen=True)
class DomainCost:
    """The questions of one domain: in each way, nDCG@10 and how much of the first 10 is foreign."""

    domain: str
    queries: int
    ndcg: Mapping[str, float]
    foreign: Mapping[str, float]


@dataclass(frozen=True)
class Closed:
    """How much of the oracle's gain in nDCG@10 a way has, with its 95% interval.

    The share is None where the oracle gains nothing, its ends also where that gain is not
    significant.
    """

    share: float | None
    low: float | None
    high: float | None

    def __str__(self) -> str:
        """Return the share as tables have it."""
        if self.share is None:
            return "-"
        between = "" if self.low is None else f" [{self.low:.0%}, {self.high:.0%}]"
        return f"{self.share:.0%}{between}"


@dataclass(frozen=True)
class RouteCosts:
    """The measures of each way, as differences to no route, and the wrong routes of hard ones.

    `gaps`: how much of the oracle's gain a way has; `narrowed` counts the questions that a hard
    route narrowed to so many domains (0: searched everywhere).
    """

    differences: Mapping[str, tuple[Difference, ...]]
    gaps: Mapping[str, Closed]
    narrowed: Mapping[str, Mapping[int, int]]
    wrong: Mapping[str, tuple[WrongRoute, ...]]
    domains: tuple[DomainCost, ...]
    reports: tuple[RouterReport, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the costs as JSON values."""
        return {
            "differences": {name: list(map(asdict, e)) for name, e in self.differences.items()},
            "gaps": {name: asdict(each) for name, each in self.gaps.items()},
            "narrowed": {name: dict(each) for name, each in self.narrowed.items()},
            "wrong": {name: list(map(asdict, each)) for name, each in self.wrong.items()},
            "domains": list(map(asdict, self.domains)),
            "reports": [each.as_json() for each in self.reports],
        }

    def lines(self) -> list[str]:
        """Return the costs as lines to print."""
        header = [""]
        for measure in MEASURES:
            header += [measure, "change [95%]", "p"]
        rows = [[*header, "of the gap [95%]"]]
        for name, found in self.differences.items():
            cells = [cell for each in found for cell in _cells(each)]
            rows.append([name, *cells, str(self.gaps[name])])
        lines = [*grid(rows), "", *self._domain_lines()]
        for name, wrong in self.wrong.items():
            lines += ["", f"{name}: {_counted(self.narrowed[name])}"]
            table = [["wrong: truth", "called", "queries", *MEASURES]]
            table += [
                [w.truth, w.called, str(w.queries), *(f"{w.changes[m]:+.4f}" for m in MEASURES)]
                for w in wrong
            ]
            lines += grid(table) if wrong else ["no wrong route"]
        reports = [line for each in self.reports for line in each.lines()]
        return [*lines, "", *summary_lines(self.reports), *reports]

    def _domain_lines(self) -> list[str]:
        ways = list(self.differences)
        rows = [["by domain: nDCG@10, foreign in the first 10", "queries", *ways]]
        for each in self.domains:
            cells = [f"{each.ndcg[way]:.4f}  {each.foreign[way]:.1%}" for way in ways]
            rows.append([each.domain, str(each.queries), *cells])
        return grid(rows)


def route_costs(asked: RoutedDataset, tools: Tools, watch: Watch | None = None) -> RouteCosts:
    """Measure every way on a dataset, which is indexed first where it is not yet.

    Raises: AssayError where something is missing; InputError where a query has no label.
    """
    ways = asked_ways(asked, tools, watch or Watch())
    plain = ways.scores[PLAIN]
    differences = {
        name: tuple(difference(m, plain.of(m), each.of(m)) for m in MEASURES)
        for name, each in ways.scores.items()
    }
    gains = {
        name: each.of(MEASURES[0]) - plain.of(MEASURES[0]) for name, each in ways.scores.items()
    }
    hard = [
        name for name, routes in asked.routes.items() if any(each.how == "hard" for each in routes)
    ]
    return RouteCosts(
        differences,
        {name: _closed(each, gains[ORACLE]) for name, each in gains.items()},
        {name: _counts(ways, name) for name in hard},
        {name: _wrong(ways, name) for name in hard},
        _by_domain(ways),
        tuple(_report(ways, name) for name in asked.routes),
    )


def _closed(gain: Values, oracle: Values) -> Closed:
    if abs(oracle.mean()) <= EQUAL:
        return Closed(None, None, None)
    low, high = share_interval(gain, oracle) or (None, None)
    return Closed(float(gain.mean() / oracle.mean()), low, high)


def _counts(ways: Ways, name: str) -> dict[int, int]:
    widths = [len(each.narrowed) for each in ways.routed[name].values()]
    return {width: widths.count(width) for width in sorted(set(widths))}


def _wrong(ways: Ways, name: str) -> tuple[WrongRoute, ...]:
    """Return the narrowed questions whose domain was shut out, by what happened, most first."""
    plain, found, routed = ways.scores[PLAIN], ways.scores[name], ways.routed[name]
    pairs: dict[tuple[str, str], list[int]] = {}
    for row, id in enumerate(plain.query_ids):
        to = routed[id].narrowed
        if to and ways.truth[id] not in to:
            pairs.setdefault((ways.truth[id], ", ".join(to)), []).append(row)
    changes = {measure: found.of(measure) - plain.of(measure) for measure in MEASURES}
    return tuple(
        WrongRoute(*pair, len(rows), {m: float(each[rows].mean()) for m, each in changes.items()})
        for pair, rows in sorted(pairs.items(), key=lambda each: (-len(each[1]), each[0]))
    )


def _by_domain(ways: Ways) -> tuple[DomainCost, ...]:
    ids = ways.scores[PLAIN].query_ids
    ndcg = {name: each.of(MEASURES[0]) for name, each in ways.scores.items()}
    found = []
    for domain in sorted(set(ways.truth.values())):
        rows = [row for row, id in enumerate(ids) if ways.truth[id] == domain]
        foreign = {
            name: float(np.mean([routed[ids[row]].foreign for row in rows]))
            for name, routed in ways.routed.items()
        }
        means = {name: float(values[rows].mean()) for name, values in ndcg.items()}
        found.append(DomainCost(domain, len(rows), means, foreign))
    return tuple(found)


def _report(ways: Ways, name: str) -> RouterReport:
    """Return how right the domains were that a way's first route found."""
    routed = ways.routed[name]
    named = {each.name for one in routed.values() for each in one.domains}
    labels = tuple(sorted(named | set(ways.truth.values())))
    place = {label: number for number, label in enumerate(labels)}
    probabilities = np.zeros((len(routed), len(labels)))
    for row, id in enumerate(routed):
        for each in routed[id].domains:
            probabilities[row, place[each.name]] = each.probability
    truth = np.array([place[ways.truth[id]] for id in routed])
    accepted = np.array([bool(each.domains) for each in routed.values()])
    return report_of((name, ""), Said(labels, truth, probabilities, accepted))


def _counted(narrowed: Mapping[int, int]) -> str:
    total = sum(narrowed.values())
    parts = [
        f"{count / total:.1%} searched everywhere"
        if not width
        else f"{count / total:.1%} narrowed to {width} domain{'s' if width > 1 else ''}"
        for width, count in narrowed.items()
    ]
    return ", ".join(parts)


def _cells(each: Difference) -> tuple[str, str, str]:
    between = "" if each.low is None else f" [{each.low:+.4f}, {each.high:+.4f}]"
    return f"{each.candidate:.4f}", f"{each.difference:+.4f}{between}", f"{each.p:.4f}"
