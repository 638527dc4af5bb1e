"""Rank movement, drawn: lists from left to right, bands of ranks from the top down.

A cell says how many judged places stood there; a line says how many went from one cell to
another, and is as thick: towards the top in the accent colour, towards the bottom in the other.
"""

from collections.abc import Sequence

from eval.report.charts.svg import (
    ACCENT,
    AGAINST,
    INK,
    NARROW,
    QUIET,
    SAYS,
    SURFACE,
    Chart,
    Spec,
    both,
    colours,
    end,
    layer,
    named,
    number,
    rows,
)
from eval.report.movement import Movement, shown

HALF = 0.27
"""Half of a cell's width, in columns."""
TALL = 0.36
"""Half of its height, in bands."""
ALWAYS = 5
"""The first bands are shown even where nothing stood in them."""
MOVES = {"up": ACCENT, "down": AGAINST, "same": QUIET}


def bands(found: Movement) -> Chart:
    """Return the chart of a movement."""
    first, last = found.columns[0], found.columns[-1]
    says = (
        f"Where {found.places} judged places stood, list by list:"
        f" {sum(first.counts[:3])} in the first 10 of {first.name},"
        f" {sum(last.counts[:3])} in the first 10 of {last.name}"
    )
    return both(says, lambda width: _view(found, width))


def _view(found: Movement, width: int) -> Spec:
    filled = [any(column.counts[at] for column in found.columns) for at in range(len(found.bands))]
    used = [at for at, some in enumerate(filled) if at < ALWAYS or some]
    place = {band: at for at, band in enumerate(used)}
    x, y = _axes(found, used, width)
    thickest = 32 if width > NARROW else 20
    lines = layer(
        "rule",
        {"opacity": 0.45, "strokeCap": "butt"},
        x=x,
        y=y,
        x2=end("x2"),
        y2=end("y2"),
        strokeWidth=number("count", scale={"domain": [0, found.places], "range": [0.6, thickest]}),
        color=colours("move", MOVES),
        description=SAYS,
    )
    share = number("share", scale={"domain": [0, 1], "range": [0.04, 0.55]})
    square: Spec = {"cornerRadius": 4, "stroke": SURFACE, "strokeWidth": 1}
    sides: Spec = {
        "x": number("left"),
        "x2": end("right"),
        "y": number("top"),
        "y2": end("bottom"),
        "description": SAYS,
    }
    ground = layer("rect", square, fill={"value": SURFACE}, **sides)
    heat = layer("rect", square, fill={"value": ACCENT}, fillOpacity=share, **sides)
    counts = layer("text", {"fill": INK}, x=number("x"), y=number("y"), text=named("shown"))
    cells = {"data": rows(_cells(found, place)), "layer": [ground, heat, counts]}
    return {
        "width": width,
        "height": 42 * len(used) + 40,
        "layer": [{"data": rows(_flows(found, place)), **lines}, cells],
    }


def _axes(found: Movement, used: Sequence[int], width: int) -> tuple[Spec, Spec]:
    """Return the encodings of columns and bands: whole numbers that stand for their names."""
    names = [shown(column.name) for column in found.columns]
    across: Spec = {
        "orient": "top",
        "values": [*range(len(names))],
        "labelExpr": f"{names}[datum.value]",
        "grid": False,
        "labelColor": INK,
        "labelAngle": -35 if width <= NARROW and len(names) > 3 else 0,
        "labelLimit": 90,
        "labelOverlap": False,
    }
    down: Spec = {
        "values": [*range(len(used))],
        "labelExpr": f"{[found.bands[at] for at in used]}[datum.value]",
        "grid": False,
        "labelColor": INK,
    }
    columns = {"domain": [-0.5, len(names) - 0.5], "nice": False}
    ranks = {"domain": [-0.5, len(used) - 0.5], "reverse": True, "nice": False}
    return number("x", scale=columns, axis=across), number("y", scale=ranks, axis=down)


def _flows(found: Movement, place: dict[int, int]) -> list[Spec]:
    names = [column.name for column in found.columns]
    return [
        {
            "x": each.column + HALF,
            "y": place[each.before],
            "x2": each.column + 1 - HALF,
            "y2": place[each.after],
            "count": each.count,
            "move": _move(each.before, each.after),
            "says": f"{each.count}: {found.bands[each.before]} in {names[each.column]}, then"
            f" {found.bands[each.after]} in {names[each.column + 1]}",
        }
        for each in found.flows
    ]


def _move(before: int, after: int) -> str:
    return "same" if before == after else "up" if after < before else "down"


def _cells(found: Movement, place: dict[int, int]) -> list[Spec]:
    return [
        {
            "x": at,
            "y": row,
            "left": at - HALF,
            "right": at + HALF,
            "top": row - TALL,
            "bottom": row + TALL,
            "share": column.counts[band] / max(1, found.places),
            "shown": str(column.counts[band] or ""),
            "says": f"{column.name}: {column.counts[band]} of {found.places} places at rank"
            f" {found.bands[band]}",
        }
        for at, column in enumerate(found.columns)
        for band, row in place.items()
    ]
