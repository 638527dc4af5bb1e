"""Drawing: a chart's Vega-Lite sentence to SVG that a page can style, without a browser.

Colours are CSS variables of the page (see `templates/report.css`), so that one drawing serves light
and dark. What a mark says to a reader who points at it is its `description` in the sentence, and
`data-says` in the SVG. Text is escaped here: data may hold anything.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import vl_convert
from markupsafe import Markup

VEGA_LITE = "6.4"
SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
NARROW, WIDE = 350, 700
"""Widths in pixels: of a phone's column, and of a desk's."""
GROWS = 1.25
"""How much larger than drawn a chart may be shown."""
ACCENT, AGAINST, QUIET = "var(--accent)", "var(--against)", "var(--quiet)"
INK, MUTED, LINE, SURFACE = "var(--ink)", "var(--muted)", "var(--line)", "var(--surface)"

Spec = dict[str, Any]

CONFIG: Spec = {
    "font": "sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": MUTED,
        "titleColor": MUTED,
        "gridColor": LINE,
        "domain": False,
        "ticks": False,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "labelPadding": 6,
        "titlePadding": 8,
        "labelLimit": 170,
        "labelFlush": False,
    },
    "text": {"fontSize": 12, "fill": INK},
    "legend": {"disable": True},
}
KEPT = {"transform", "d", "x", "y", "x2", "y2", "dx", "dy", "width", "height", "viewBox"}
DROPPED = {"version", "stroke-miterlimit", "aria-roledescription", "aria-label", "aria-hidden"}


@dataclass(frozen=True)
class Chart:
    """A drawn chart: what it shows in a sentence, and its SVG for a phone and for a desk.

    `wide` is None where one drawing serves both.
    """

    says: str
    narrow: Markup
    wide: Markup | None = None


def both(says: str, view: Callable[[int], Spec]) -> Chart:
    """Return a chart whose view is drawn once for each width."""
    return Chart(says, svg(view(NARROW), says), svg(view(WIDE), says))


def one(says: str, view: Spec) -> Chart:
    """Return a chart whose view serves every width."""
    return Chart(says, svg(view, says))


def svg(view: Spec, says: str) -> Markup:
    """Return a Vega-Lite view as SVG that is as wide as its place, up to `GROWS` times its width.

    A view without a width is one of a phone. `says` describes it to who cannot see it.
    """
    full = {
        "$schema": SCHEMA,
        "background": None,
        "width": NARROW,
        "autosize": {"type": "fit", "contains": "padding"},
        "padding": 2,
        "config": CONFIG,
        **view,
    }
    root = ElementTree.fromstring(vl_convert.vegalite_to_svg(full, vl_version=VEGA_LITE))
    _lighten(root)
    width = float(root.attrib.pop("width"))
    root.attrib.pop("height")
    root.set("style", f"max-width:{GROWS * width:.0f}px")
    root.set("role", "img")
    root.set("aria-label", says)
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def rows(found: Iterable[Mapping[str, Any]]) -> Spec:
    """Return rows as the data of a view."""
    return {"values": [dict(row) for row in found]}


def layer(mark: str, style: Spec, **encoding: Spec | None) -> Spec:
    """Return a view of one kind of marks, with their style and what they encode."""
    return {"mark": {"type": mark, **style}, "encoding": encoding}


def named(name: str) -> Spec:
    """Return the encoding of a text, as it is."""
    return {"field": name, "type": "nominal"}


def end(name: str) -> Spec:
    """Return the encoding of the other end of a bar or a rule."""
    return {"field": name}


def number(name: str, title: str | None = None, **more: Any) -> Spec:
    """Return the encoding of a number."""
    return {"field": name, "type": "quantitative", "title": title, **more}


def category(name: str, order: Sequence[str], **more: Any) -> Spec:
    """Return the encoding of a name, in a given order."""
    return {"field": name, "type": "nominal", "sort": [*order], "title": None, **more}


def colours(name: str, given: Mapping[str, str]) -> Spec:
    """Return the encoding of a name as one of the page's colours."""
    scale = {"domain": [*given], "range": [*given.values()]}
    return {"field": name, "type": "nominal", "scale": scale}


SAYS = named("says")
"""The encoding of what a mark says."""


def _lighten(element: ElementTree.Element) -> None:
    """Take away what a page has no use for: namespaces, long decimals, empty paths, far links."""
    says = element.get("aria-label") if element.get("role") == "graphics-symbol" else None
    axis = "role-axis" in element.get("class", "")
    link = element.get("{http://www.w3.org/1999/xlink}href")
    element.tag = element.tag.rpartition("}")[2]
    for name in [each for each in element.attrib if each in DROPPED or each[:1] == "{"]:
        del element.attrib[name]
    element.attrib.pop("role", None)
    for name in KEPT & set(element.attrib):
        element.set(name, re.sub(r"(\.\d\d)\d+", r"\1", element.attrib[name]))
    if says and not axis and element.tag != "g":
        element.set("data-says", says)
    if link:
        element.set("href", "#" + link.partition("#")[2])
        element.set("tabindex", "-1")
    for child in list(element):
        if child.get("class") in ("background", "foreground") and not child.get("stroke"):
            element.remove(child)
        else:
            _lighten(child)
