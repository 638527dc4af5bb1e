"""What quality costs: the rungs of a ladder by latency and measure, and the front of them."""

import math

from eval.report.charts.svg import (
    ACCENT,
    QUIET,
    SAYS,
    Chart,
    Spec,
    colours,
    layer,
    named,
    number,
    one,
    rows,
)
from eval.report.charts.times import ms
from eval.report.figures import label
from eval.report.ladder import Climb, Ladder

PARTS = {"front": ACCENT, "behind": QUIET}


def front(ladder: Ladder, climb: Climb) -> Chart | None:
    """Return the rungs of a dataset by median latency and mean; None where latency is not known."""
    timed = [each for each in climb.rungs if each.p50_ms]
    if len(timed) < 2:
        return None
    table = [
        {
            "name": each.name,
            "ms": each.p50_ms,
            "mean": each.mean,
            "part": "front" if each.name in ladder.front else "behind",
            "says": f"{each.name}: {label(ladder.metric)} {each.mean:.3f}, p50 {ms(each.p50_ms)}",
        }
        for each in timed
        if each.p50_ms
    ]
    says = f"{label(ladder.metric)} against median latency: " + "; ".join(
        str(each["says"]) for each in table
    )
    times = [float(str(each["ms"])) for each in table]
    ends = [0.8 * min(times), 1.9 * max(times)]
    step = [10.0**at for at in range(math.floor(math.log10(ends[0])), 6)]
    x = number(
        "ms",
        "median ms, logarithmic",
        scale={"type": "log", "domain": ends, "nice": False},
        axis={"values": [n * each for each in step for n in (1, 2, 3, 5)], "format": "~g"},
    )
    y = number("mean", label(ladder.metric), scale={"zero": False, "padding": 18})
    line: Spec = {"stroke": ACCENT, "strokeWidth": 1.5, "opacity": 0.5}
    beside: Spec = {"align": "left", "dx": 9, "limit": 120, "fontSize": 11}
    dots: Spec = {"filled": True, "size": 90, "opacity": 1}
    behind = {"transform": [{"filter": "datum.part == 'front'"}]}
    layers = [
        behind | layer("line", line, x=x, y=y, order=number("ms")),
        layer("point", dots, x=x, y=y, color=colours("part", PARTS), description=SAYS),
        layer("text", beside, x=x, y=y, text=named("name")),
    ]
    return one(says, {"height": 300, "data": rows(table), "layer": layers})
