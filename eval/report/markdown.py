"""A report as Markdown, short enough for a pull request: tables, and what a reviewer asks first."""

import re
from collections.abc import Iterable, Sequence

from eval.compare import Difference
from eval.report.build import Part, Report
from eval.report.charts.times import ms
from eval.report.figures import label
from eval.report.ladder import Ladder, Rung
from eval.report.pair import Change

SHOWN = 5
"""How many questions are named each way."""


def markdown(report: Report) -> str:
    """Return a report as Markdown. Text of questions is escaped: none of it is markup."""
    found = [f"## {escaped(report.title)}", "", escaped(report.lead), ""]
    for text in report.warnings:
        found += [f"> **Note** {escaped(text)}", ""]
    if report.ladder:
        found += _ladder(report.ladder)
    if report.pair:
        names = [each.name for each in report.parts]
        found += _differences(report.pair.comparison.differences, names)
        found += _changes("Hurt most", report.pair.hurt)
        found += _changes("Helped most", report.pair.helped)
    elif report.parts:
        found += _one(report.parts[-1])
    for part in report.parts[-1:]:
        found += _losses(part)
        found += _about(part)
    return "\n".join(found).rstrip() + "\n"


def escaped(text: str) -> str:
    """Return text that Markdown and HTML show as it is, on one line; it names nobody and no issue.

    A platform links `@name` and `#12` after Markdown is read, so that an empty comment parts them.
    """
    flat = " ".join(text.split())
    flat = flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    flat = re.sub(r"([\\`*|~]|(?<!\w)_|_(?!\w))", r"\\\1", flat).replace("](", "]\\(")
    return re.sub(r"(?<!\w)([@#])(?=\w)", r"\1<!-- -->", flat)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a table, its first column to the left, the others to the right; a line after it."""
    line = "|".join([":--", *("--:" for _ in header[1:])])
    return [
        *("| " + " | ".join(map(escaped, cells)) + " |" for cells in (header,)),
        f"|{line}|",
        *("| " + " | ".join(map(escaped, cells)) + " |" for cells in rows),
        "",
    ]


def interval(mean: float, low: float | None, high: float | None, sign: str = "") -> str:
    """Return a number with its interval, if it has one."""
    shown = f"{mean:{sign}.3f}"
    return shown if low is None or high is None else f"{shown} [{low:{sign}.3f}, {high:{sign}.3f}]"


def _one(part: Part) -> list[str]:
    rows = [[each.label, interval(each.mean, each.low, each.high)] for each in part.figures]
    if part.latency:
        total = part.latency.total
        rows.append(["latency", f"p50 {ms(total.p50)}, p95 {ms(total.p95)}"])
    found = table(["measure", "mean [95% interval]"], rows)
    if part.worst:
        found += [f"Lowest {escaped(label(part.measure))}:", ""]
        found += [
            f"- {each.measures[part.measure]:.3f} {escaped(each.label)}"
            for each in part.worst[:SHOWN]
        ]
        found.append("")
    return found


def _differences(found: Sequence[Difference], names: Sequence[str]) -> list[str]:
    return table(
        ["measure", *names, "change [95% interval]", "p", "helped", "hurt", "verdict"],
        (
            [
                label(each.measure),
                f"{each.baseline:.3f}",
                f"{each.candidate:.3f}",
                interval(each.difference, each.low, each.high, "+"),
                f"{each.p:.4f}",
                str(each.helped),
                str(each.hurt),
                each.verdict,
            ]
            for each in found
        ),
    )


def _changes(title: str, changes: Sequence[Change]) -> list[str]:
    if not changes:
        return []
    lines = [f"- {each.gain:+.3f} {escaped(each.after.label)}" for each in changes[:SHOWN]]
    return [f"{title}:", "", *lines, ""]


def _ladder(ladder: Ladder) -> list[str]:
    header = ["rung", f"{label(ladder.metric)} [95% interval]", "change", "p", "p50", "verdict"]
    found = [line for note in ladder.notes for line in (f"> **Note** {escaped(note)}", "")]
    if ladder.overall:
        found += ["### All datasets, each counting the same", ""]
        found += table(header, map(_rung, ladder.overall))
    for each in ladder.datasets:
        found += [f"### {escaped(each.name)}, {each.queries:,} questions", ""]
        found += table(header, map(_rung, each.rungs))
    return found


def _rung(rung: Rung) -> list[str]:
    change = "" if rung.below is None else interval(*rung.below.shown, "+")
    p = "" if rung.p is None else f"{rung.p:.4f}"
    p50 = "" if rung.p50_ms is None else ms(rung.p50_ms)
    return [rung.name, interval(rung.mean, rung.low, rung.high), change, p, p50, rung.verdict]


def _losses(part: Part) -> list[str]:
    if not part.losses or not part.losses.blocks:
        return []
    found = part.losses
    rows = [
        [each.label, str(each.count), f"{100 * each.count / found.judged:.1f}%"]
        for each in found.blocks
    ]
    title = (
        f"Of {found.judged:,} things to find, {found.found:,} are among the first"
        f" {found.limit} hits; the others were lost:"
    )
    return [title, "", *table(["lost", "count", "share"], rows)]


def _about(part: Part) -> list[str]:
    rows = [f"- {escaped(name)}: {escaped(text)}" for name, text in part.about]
    rows += [f"- Finding: {escaped(each)}" for each in part.findings]
    return ["<details><summary>What was measured</summary>", "", *rows, "", "</details>", ""]
