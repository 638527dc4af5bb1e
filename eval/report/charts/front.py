"""What quality costs: the rungs of a ladder by latency and measure, and the front of them."""

import math
from collections.abc import Sequence
from statistics import fmean

from eval.report.charts.svg import (
    ACCENT,
    QUIET,
    SAYS,
    Chart,
    Spec,
    both,
    colours,
    layer,
    named,
    number,
    rows,
)
from eval.report.charts.times import ms
from eval.report.figures import label
from eval.report.ladder import Ladder

PARTS = {"front": ACCENT, "behind": QUIET}


def front(ladder: Ladder) -> Chart | None:
    """Return the rungs by median latency and mean, both over the datasets; None without latency.

    Those on the front are named and joined by a line.
    """
    table = _table(ladder)
    if len(table) < 2:
        return None
    says = f"{label(ladder.metric)} against median latency: " + "; ".join(
        str(each["says"]) for each in table
    )
    return both(says, lambda width: _view(ladder, table, width))


def _table(ladder: Ladder) -> list[Spec]:
    table = []
    for each in zip(*(climb.rungs for climb in ladder.datasets), strict=False):
        times = [rung.p50_ms for rung in each if rung.p50_ms]
        if len(times) == len(each):
            name, mean, p50 = each[0].name, fmean(rung.mean for rung in each), fmean(times)
            part = "front" if name in ladder.front else "behind"
            says = f"{name}: {label(ladder.metric)} {mean:.3f}, p50 {ms(p50)}"
            shown = name if part == "front" else ""
            row = {"name": shown, "ms": p50, "mean": mean, "part": part, "says": says}
            table.append(row)
    return sorted(table, key=lambda row: str(row["part"]))  # the front is drawn last, on top


def _view(ladder: Ladder, table: Sequence[Spec], width: int) -> Spec:
    times = [float(each["ms"]) for each in table]
    ends = [0.8 * min(times), 1.6 * max(times)]
    first = math.floor(math.log10(ends[0]))
    ticks = [n * 10.0**power for power in range(first, first + 6) for n in (1, 2, 3, 5)]
    x = number(
        "ms",
        "median ms, logarithmic",
        scale={"type": "log", "domain": ends, "nice": False},
        axis={"values": ticks, "format": "~g"},
    )
    y = number("mean", label(ladder.metric), scale={"zero": False, "padding": 18})
    line: Spec = {"stroke": ACCENT, "strokeWidth": 1.5, "opacity": 0.5}
    above: Spec = {"dy": -13, "limit": 150, "fontSize": 11}
    dots: Spec = {"filled": True, "size": 90, "opacity": 1}
    only = {"transform": [{"filter": "datum.part == 'front'"}]}
    layers = [
        only | layer("line", line, x=x, y=y, order=number("ms")),
        layer("point", dots, x=x, y=y, color=colours("part", PARTS), description=SAYS),
        layer("text", above, x=x, y=y, text=named("name")),
    ]
    return {"width": width, "height": 280, "data": rows(table), "layer": layers}
