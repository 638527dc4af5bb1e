"""The scatter of two runs: every question by its value before and after."""

from collections.abc import Callable

from eval.report.charts.svg import (
    ACCENT,
    AGAINST,
    LINE,
    NARROW,
    QUIET,
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
from eval.report.figures import label
from eval.report.pair import Pair, Spot

KINDS = {"helped": ACCENT, "hurt": AGAINST, "unchanged": QUIET}
SHAPES = {"helped": "triangle-up", "hurt": "triangle-down", "unchanged": "circle"}
ENDS: Spec = {
    "scale": {"domain": [-0.04, 1.04], "nice": False},
    "axis": {"values": [0, 0.2, 0.4, 0.6, 0.8, 1], "format": ".1f"},
}
MANY = 30
"""So many questions or more make the largest mark."""
LONGEST = 140
"""How many characters of a question a spot names."""


def scatter(pair: Pair, names: tuple[str, str], anchor: Callable[[str], str]) -> Chart:
    """Return the scatter of a pair; `anchor` gives the place in the page that a question has."""
    found = pair.difference
    says = (
        f"{label(pair.measure)} of each question: {names[0]} across, {names[1]} upwards;"
        f" {found.helped} helped (above the diagonal), {found.hurt} hurt (below),"
        f" {found.unchanged} unchanged"
    )
    diagonal = layer(
        "rule",
        {"stroke": LINE, "strokeWidth": 1.5},
        x=number("a", names[0], **ENDS),
        y=number("a", names[1], **ENDS),
        x2=end("b"),
        y2=end("b"),
    )
    most = max((each.count for each in pair.spots), default=1)
    size = {"type": "sqrt", "domain": [1, max(most, MANY)], "range": [40, 900]}
    marks = layer(
        "point",
        {"filled": True, "opacity": 0.75},
        x=number("x", names[0], **ENDS),
        y=number("y", names[1], **ENDS),
        size=number("count", scale=size),
        color=colours("kind", KINDS),
        shape=colours("kind", SHAPES),
        description=SAYS,
        href=named("href"),
    )
    dots = rows(_dot(each, anchor) for each in sorted(pair.spots, key=lambda each: -each.count))
    ends = rows([{"a": 0, "b": 1}])
    return one(
        says, {"height": NARROW, "layer": [{"data": ends, **diagonal}, {"data": dots, **marks}]}
    )


def _dot(spot: Spot, anchor: Callable[[str], str]) -> Spec:
    return {
        "x": spot.baseline,
        "y": spot.candidate,
        "count": spot.count,
        "kind": spot.kind,
        "says": _says(spot),
        "href": anchor(spot.ids[0]),
    }


def _says(spot: Spot) -> str:
    """Return what a spot stands for: its values, then its questions, one a line."""
    more = spot.count - len(spot.questions)
    head = f"{spot.baseline:.3f} \N{RIGHTWARDS ARROW} {spot.candidate:.3f}, {spot.kind}"
    count = "1 question" if spot.count == 1 else f"{spot.count} questions"
    names = [each if len(each) <= LONGEST else f"{each[:LONGEST]}..." for each in spot.questions]
    return "\n".join(
        [
            f"{head}: {count}",
            *(f"\N{BULLET} {each}" for each in names),
            *([f"and {more} more"] if more else []),
        ]
    )
