"""The page: a report as one HTML file that needs no network."""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from eval.answers import EXCERPT
from eval.report.about import beside
from eval.report.build import Report, worst
from eval.report.charts.times import ms
from eval.report.drawn import Drawn, drawn
from eval.report.figures import label, points
from eval.report.ladder import Ladder
from eval.report.material import Question
from eval.report.movement import shown
from eval.report.words import change, moved, stood
from eval.surroundings import packages

LISTED = 2000
"""How many questions the list of all holds."""


def page(report: Report) -> str:
    """Return a report as HTML. Whatever questions and documents hold is shown as text."""
    numbers = {each.id: n for n, each in enumerate(report.parts[-1].measured.questions, 1)}
    templates = Environment(
        loader=PackageLoader("eval.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {
        "anchor": lambda id, kind: f"{kind}-{numbers[id]}",
        "change": change,
        "list_name": shown,
        "measure": label,
        "moved": moved,
        "ms": ms,
        "points": points,
        "score": lambda value: f"{value:.4g}",
        "stood": stood,
    }
    script, style = (_source(templates, name) for name in ("report.js", "report.css"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return templates.get_template("report.html").render(
        _context(report, numbers),
        excerpt=EXCERPT,
        script=script,
        style=style,
        script_hash=f"sha256-{digest}",
        version=packages().get("assay", "from its sources"),
    )


def _source(templates: Environment, name: str) -> Markup:
    """Return a file of this package as it is."""
    loader = templates.loader or PackageLoader("eval.report")
    return Markup(loader.get_source(templates, name)[0])


def _context(report: Report, numbers: Mapping[str, int]) -> dict[str, Any]:
    """Return what the templates read. `shown` are the parts, the candidate first."""
    main, pair = report.parts[-1], report.pair
    listed = _listed(report)
    traced = {each.id for each in _traced(report)}
    charts = drawn(report, lambda id: f"#{'t' if id in traced else 'q'}-{numbers[id]}")
    return {
        "report": report,
        "main": main,
        "pair": pair,
        "ladder": report.ladder,
        "shown": report.parts[::-1],
        "names": [each.name for each in report.parts],
        "changes": {each.measure: each for each in pair.comparison.differences} if pair else {},
        "costs": _costly(report.ladder),
        "facts": beside([each.about for each in report.parts]),
        "charts": charts,
        "listed": listed[:LISTED],
        "scored": len(listed),
        "traced": traced,
        "sections": _sections(report, charts),
    }


def _sections(report: Report, charts: Drawn) -> list[tuple[str, str]]:
    """Return the sections that are there: their names in links, and as a reader sees them."""
    sections = (
        (report.ladder, "ladder", "Ladder"),
        (True, "result", "Result"),
        (report.pair, "change", "Change"),
        (report.pair, "scatter", "Question by question"),
        (charts.waterfall, "losses", "Losses"),
        (charts.bands, "ranks", "Rank movement"),
        (charts.curve, "curve", "Precision and recall"),
        (charts.times, "latency", "Latency"),
        (True, "worst", "Questions"),
        (True, "about", "About"),
    )
    return [(id, name) for there, id, name in sections if there]


def _traced(report: Report) -> list[Question]:
    """Return the questions whose traces are in the page."""
    if report.pair:
        return [each.after for each in (*report.pair.hurt, *report.pair.helped)]
    return list(report.parts[-1].worst)


def _listed(report: Report) -> list[tuple[Question, list[float]]]:
    """Return all scored questions with the measure's value in each run, the worst first."""
    main = report.parts[-1]
    runs = [{each.id: each for each in part.measured.scored} for part in report.parts]
    measure = report.pair.measure if report.pair else main.measure
    return [
        (question, [run[question.id].measures[measure] for run in runs])
        for question in worst(main.measured.scored, measure)
    ]


def _costly(ladder: Ladder | None) -> bool:
    """Return whether any rung asked a language model."""
    rungs = [rung for climb in ladder.datasets for rung in climb.rungs] if ladder else []
    return any(rung.cost.get("calls") for rung in rungs)
