"""The curve of precision against recall, of one run or of two."""

from collections.abc import Mapping

from eval.report.charts.svg import (
    ACCENT,
    AGAINST,
    SAYS,
    Chart,
    Spec,
    colours,
    end,
    layer,
    named,
    number,
    one,
    rows,
)
from eval.report.curve import Curve, Point

COLOURS = (ACCENT, AGAINST)
DASHES = ([1, 0], [5, 4])
ENDS: Spec = {"scale": {"domain": [0, 1]}, "axis": {"tickCount": 5, "format": ".1f"}}


def precision_recall(curves: Mapping[str, Curve]) -> Chart:
    """Return the curves by name, the first in the accent colour, with their 95% bands."""
    says = "Precision against recall: " + "; ".join(
        f"{name} from {each.points[0].precision:.2f} at recall {each.points[0].recall:.2f} to"
        f" {each.points[-1].precision:.2f} at recall {each.points[-1].recall:.2f}"
        for name, each in curves.items()
    )
    x = number("recall", "recall: how much of what is right is found", **ENDS)
    rising = "precision: how much of what is found is right"
    y, low = (number(field, rising, **ENDS) for field in ("precision", "low"))
    colour = colours("run", dict(zip(curves, COLOURS, strict=False)))
    dash = {"domain": [*curves], "range": [*DASHES[: len(curves)]]}
    layers = [
        layer("area", {"opacity": 0.14}, x=x, y=low, y2=end("high"), color=colour),
        layer(
            "line",
            {"strokeWidth": 2.5},
            x=x,
            y=y,
            color=colour,
            strokeDash={**named("run"), "scale": dash},
        ),
        layer(
            "point",
            {"filled": True, "size": 50, "opacity": 1},
            x=x,
            y=y,
            color=colour,
            description=SAYS,
        ),
        layer("text", {"dy": -12, "dx": 4}, x=x, y=y, text=named("at")),
    ]
    table = rows(_row(name, each, point) for name, each in curves.items() for point in each.points)
    return one(says, {"height": 300, "data": table, "layer": layers})


def _row(name: str, curve: Curve, point: Point) -> Spec:
    precision = point.precision
    return {
        "run": name,
        "recall": point.recall,
        "precision": precision,
        "low": precision if point.low is None else point.low,
        "high": precision if point.high is None else point.high,
        "at": point.at if curve.kind == "cutoffs" else "",
        "says": f"{name}, {point.at}: precision {precision:.3f} at recall {point.recall:.3f}",
    }
