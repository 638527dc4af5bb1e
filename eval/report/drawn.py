"""What a report draws, by what it shows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from eval.report.build import Report
from eval.report.charts.bands import bands
from eval.report.charts.front import front
from eval.report.charts.lines import precision_recall
from eval.report.charts.scatter import scatter
from eval.report.charts.svg import Chart
from eval.report.charts.times import ends, times
from eval.report.charts.waterfall import waterfall
from eval.report.charts.whiskers import Whisker, whiskers
from eval.report.figures import label
from eval.report.ladder import Climb, Ladder
from eval.report.pair import Pair
from eval.report.words import change

TONES = {"candidate is better": "good", "candidate is worse": "bad"}


@dataclass(frozen=True)
class Drawn:
    """The charts of a report; those of runs by name, those of a ladder by dataset."""

    overall: Chart | None
    ladder: tuple[Chart, ...]
    front: Chart | None
    differences: Chart | None
    scatter: Chart | None
    curve: Chart | None
    waterfall: Mapping[str, Chart]
    bands: Mapping[str, Chart]
    times: Mapping[str, Chart]


def drawn(report: Report, anchor: Callable[[str], str]) -> Drawn:
    """Return the charts of a report; `anchor` gives the place in the page that a question has."""
    shown = report.parts[::-1]
    ladder, pair = report.ladder, report.pair
    curves = {each.name: each.curve for each in shown if each.curve}
    scale = ends([each.latency for each in shown if each.latency])
    return Drawn(
        overall=_overall(ladder) if ladder else None,
        ladder=tuple(_rungs(ladder, each) for each in ladder.datasets) if ladder else (),
        front=front(ladder) if ladder else None,
        differences=_differences(pair) if pair else None,
        scatter=scatter(pair, (shown[1].name, shown[0].name), anchor) if pair else None,
        curve=precision_recall(curves) if curves else None,
        waterfall={each.name: waterfall(each.losses) for each in shown if each.losses},
        bands={each.name: bands(each.movement) for each in shown if each.movement},
        times={each.name: times(each.latency, scale) for each in shown if each.latency},
    )


def _differences(pair: Pair) -> Chart:
    found = pair.comparison.differences
    says = "Change by measure, with 95% intervals: " + "; ".join(
        f"{label(each.measure)} {change(each)}, {each.verdict}" for each in found
    )
    dots = [
        Whisker(
            label(each.measure),
            each.difference,
            (each.low, each.high),
            f"{each.difference:+.3f}",
            TONES.get(each.verdict, "open"),
        )
        for each in found
    ]
    return whiskers(says, dots, zero=True)


def _rungs(ladder: Ladder, climb: Climb) -> Chart:
    """Return the means of a dataset's rungs, each with its change and verdict beside it."""
    dots = [
        Whisker(
            each.name,
            each.mean,
            (each.low, each.high),
            f"{each.below.difference:+.3f} {each.verdict}" if each.below else f"{each.mean:.3f}",
            each.tone,
        )
        for each in climb.rungs
    ]
    says = f"{label(ladder.metric)} on {climb.name} by rung, with 95% intervals: " + "; ".join(
        f"{each.name} {each.mean:.3f} {each.verdict}" for each in climb.rungs
    )
    return whiskers(says, dots)


def _overall(ladder: Ladder) -> Chart | None:
    """Return what each rung changed over all datasets; None where there is one."""
    changed = [(each, each.below) for each in ladder.overall if each.below]
    if not changed:
        return None
    dots = [
        Whisker(
            each.name,
            gain.difference,
            (gain.low, gain.high),
            f"{gain.difference:+.3f} {each.verdict}",
            each.tone,
        )
        for each, gain in changed
    ]
    says = f"Change in {label(ladder.metric)} over all datasets, with 95% intervals: " + "; ".join(
        f"{each.name} {change(gain)} {each.verdict}" for each, gain in changed
    )
    return whiskers(says, dots, zero=True)
