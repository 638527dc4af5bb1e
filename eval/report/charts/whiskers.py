"""Dots with whiskers: means or differences with their intervals, a row each."""

from collections.abc import Sequence
from dataclasses import dataclass

from eval.report.charts.svg import (
    ACCENT,
    AGAINST,
    INK,
    MUTED,
    NARROW,
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

COLOURS = {"good": ACCENT, "bad": AGAINST, "open": QUIET}
ROW, TALL = 34, 44
"""Pixels of a row; a narrow one has its name above its dot."""


@dataclass(frozen=True)
class Whisker:
    """A row: its name, value and interval, what is written beside it, how it is meant.

    `tone` is good, bad or open (undecided); the dot of an open one is hollow.
    """

    name: str
    value: float
    ends: tuple[float | None, float | None]
    beside: str
    tone: str = "open"

    @property
    def row(self) -> Spec:
        """The row as data; one without an interval has a whisker of no length."""
        low, high = (self.value if each is None else each for each in self.ends)
        says = f"{self.name}: {self.beside}"
        return vars(self) | {"low": low, "high": high, "says": says}


def whiskers(says: str, found: Sequence[Whisker], zero: bool = False) -> Chart:
    """Return rows of dots with whiskers, in their order; `zero` draws the line of no difference."""
    return both(says, lambda width: _view(found, zero, width))


def _view(found: Sequence[Whisker], zero: bool, width: int) -> Spec:
    narrow = width <= NARROW
    names: Spec = {"labelLimit": 220, "grid": False, "labelColor": INK}
    order = category("name", [each.name for each in found], axis=None if narrow else names)
    x = number("low", scale={"zero": False, "nice": True}, axis={"tickCount": 4 if narrow else 7})
    tone, value = colours("tone", COLOURS), number("value")
    whisker: Spec = {"strokeWidth": 3, "strokeCap": "round", "opacity": 0.55}
    dot: Spec = {"filled": True, "size": 95, "opacity": 1, "strokeWidth": 2}
    above: Spec = {"dy": -13, "fontSize": 11, "fill": MUTED}
    layers = [
        layer("rule", whisker, x=x, x2=end("high"), color=tone, description=SAYS),
        layer(
            "point",
            dot,
            x=value,
            fill=colours("tone", COLOURS | {"open": SURFACE}),
            stroke=tone,
            description=SAYS,
        ),
    ]
    if narrow:
        left, right = above | {"align": "left", "fill": INK}, above | {"align": "right"}
        layers += [
            layer("text", left, x={"value": 0}, text=named("name")),
            layer("text", right, x={"value": {"expr": "width"}}, text=named("beside")),
        ]
    else:
        layers.append(layer("text", above, x=value, text=named("beside")))
    if zero:
        nothing = layer("rule", {"stroke": MUTED, "strokeDash": [3, 3]}, x=number("at"), y=None)
        layers.insert(0, {"data": rows([{"at": 0}]), **nothing})
    return {
        "width": width,
        "height": (TALL if narrow else ROW) * len(found) + 40,
        "data": rows(each.row for each in found),
        "encoding": {"y": order},
        "layer": layers,
    }
