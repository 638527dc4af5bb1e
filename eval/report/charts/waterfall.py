"""The waterfall: from everything that was judged, cause by cause, to what is in the answer."""

from eval.report.charts.svg import (
    ACCENT,
    AGAINST,
    INK,
    MUTED,
    NARROW,
    QUIET,
    SAYS,
    Chart,
    Spec,
    both,
    category,
    colours,
    end,
    layer,
    named,
    number,
    rows,
)
from eval.report.losses import Losses

KINDS = {"all": QUIET, "lost": AGAINST, "found": ACCENT}
ROW = 46


def waterfall(found: Losses) -> Chart:
    """Return the waterfall of a run's losses."""
    says = (
        f"Of {found.judged} things to find {found.found} are among the first {found.limit} hits;"
        " lost: " + ("; ".join(f"{each.count} {each.label}" for each in found.blocks) or "nothing")
    )
    return both(says, lambda width: _view(found, width))


def _view(found: Losses, width: int) -> Spec:
    table = _bars(found)
    order: Spec = category("order", [], sort=None, axis=None, scale={"paddingInner": 0.5})
    x = number("low", scale={"domain": [0, found.judged], "nice": False}, axis=None)
    bar: Spec = {"cornerRadius": 3, "yOffset": 8, "height": 18}
    text: Spec = {"dy": -10, "fontSize": 13 if width > NARROW else 12}
    right: Spec = {"value": {"expr": "width"}}
    layers = [
        layer("bar", bar, x=x, x2=end("high"), color=colours("kind", KINDS), description=SAYS),
        layer("text", text | {"align": "left", "fill": INK}, x={"value": 0}, text=named("label")),
        layer("text", text | {"align": "right", "fill": MUTED}, x=right, text=named("share")),
    ]
    return {
        "width": width,
        "height": ROW * len(table),
        "data": rows(table),
        "encoding": {"y": order},
        "layer": layers,
    }


def _bars(found: Losses) -> list[Spec]:
    bars = [("to find", "all", 0, found.judged)]
    left = found.judged
    for each in found.blocks:
        bars.append((each.label, "lost", left - each.count, left))
        left -= each.count
    bars.append((f"among the first {found.limit}", "found", 0, found.found))
    table = []
    for order, (label, kind, low, high) in enumerate(bars):
        sign = "\N{MINUS SIGN}" if kind == "lost" else ""
        share = f"{sign}{high - low}  ({100 * (high - low) / found.judged:.0f}%)"
        shown = {"label": label, "kind": kind, "low": low, "high": high, "share": share}
        table.append(shown | {"order": order, "says": f"{label}: {share}"})
    return table
