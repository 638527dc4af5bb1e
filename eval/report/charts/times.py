"""The distribution of latency, by stage."""

from collections.abc import Sequence

from eval.report.charts.svg import (
    ACCENT,
    INK,
    MUTED,
    QUIET,
    SAYS,
    SURFACE,
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
from eval.report.latency import Latency, Times

LEAST = 0.05
"""The fewest ms that are told apart."""
TICKS = [0.1, 1, 10, 100, 1000, 10_000, 100_000]
KINDS = {"total": ACCENT, "stage": QUIET}


def times(found: Latency, ends: tuple[float, float]) -> Chart:
    """Return bars of quantiles on a logarithmic scale between two ms, whole answers first."""
    says = (
        f"Latency: half of the answers take up to {ms(found.total.p50)}, 95% up to"
        f" {ms(found.total.p95)}; medians by stage: "
        + (", ".join(f"{each.stage} {ms(each.p50)}" for each in found.stages) or "not recorded")
    )
    return both(says, lambda width: _view(found, ends, width))


def ends(found: Sequence[Latency]) -> tuple[float, float]:
    """Return the ms that a scale for all of them goes from and to, with room for a number."""
    quantiles = [each for latency in found for each in latency.every]
    least = min((each.p5 for each in quantiles), default=LEAST)
    return max(LEAST, 0.8 * least), 2 * max((each.p95 for each in quantiles), default=1.0)


def ms(value: float) -> str:
    """Return milliseconds as people read them."""
    if value >= 10_000:
        return f"{value / 1000:.0f} s"
    if value >= 1000:
        return f"{value / 1000:.1f} s"
    return f"{value:.0f} ms" if value >= 10 else f"{value:.1f} ms" if value >= 0.1 else "<0.1 ms"


def _view(found: Latency, ends: tuple[float, float], width: int) -> Spec:
    scale = {"type": "log", "domain": [*ends], "nice": False}
    x = number("p5", "ms, logarithmic", scale=scale, axis={"values": TICKS, "format": "~g"})
    names = {"grid": False, "labelColor": INK}
    colour = colours("kind", KINDS)
    thin: Spec = {"strokeWidth": 2, "opacity": 0.6}
    thick: Spec = {"height": 14, "cornerRadius": 3}
    median: Spec = {"color": SURFACE, "thickness": 2.5, "size": 14}
    beside: Spec = {"align": "left", "dx": 5, "fill": MUTED, "fontSize": 11}
    layers = [
        layer("rule", thin, x=x, x2=end("p95"), color=colour, description=SAYS),
        layer("bar", thick, x=number("p25"), x2=end("p75"), color=colour, description=SAYS),
        layer("tick", median, x=number("p50"), description=SAYS),
        layer("text", beside, x=number("p95"), text=named("beside")),
    ]
    return {
        "width": width,
        "height": 30 * len(found.every) + 40,
        "data": rows(_row(each, each is found.total, ends[0]) for each in found.every),
        "encoding": {"y": category("stage", [each.stage for each in found.every], axis=names)},
        "layer": layers,
    }


def _row(each: Times, total: bool, least: float) -> Spec:
    return {
        "stage": each.stage,
        "kind": "total" if total else "stage",
        **{q: max(least, getattr(each, q)) for q in ("p5", "p25", "p50", "p75", "p95")},
        "beside": ms(each.p95),
        "says": f"{each.stage}: half within {ms(each.p50)}, 95% within {ms(each.p95)};"
        f" {100 * each.share:.0f}% of the time of all answers",
    }
