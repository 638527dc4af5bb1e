"""`assay bench report`: one run, two runs or a ladder as a page, as Markdown, as JSON."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.commands.console import reporting, say

if TYPE_CHECKING:
    from eval.report.build import Report

PAGE = Path("report.html")
Out = Annotated[
    Path | None, typer.Option("--out", help=f"The page; default: {PAGE}, if nothing is named.")
]
Markdown = Annotated[
    Path | None, typer.Option(help="Also for a pull request; - writes to standard output.")
]
Json = Annotated[
    Path | None, typer.Option("--json", help="Also for machines; - writes to standard output.")
]
Metric = Annotated[str | None, typer.Option(help="What it is about; default: nDCG@10.")]
Traces = Annotated[int, typer.Option(help="How many questions are in it with their traces.")]


@reporting
def command(  # noqa: PLR0913 - the options of a command
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH...", help="A run, a baseline and a candidate, or a ladder."),
    ],
    page: Out = None,
    markdown: Markdown = None,
    as_json: Json = None,
    metric: Metric = None,
    traces: Traces = 20,
) -> None:
    """Make a report: a page that holds everything, to look at, to send, and to keep.

    One run: headline figures with intervals, where right passages are lost and how they move
    between stages, precision and recall, latency by stage, the worst questions with their traces.
    Two runs: also the differences, and every question in a scatter. A ladder's folder: its rungs
    with verdicts, then baseline and winner.

    Example: `assay bench report runs/dense runs/hybrid --out report.html --markdown report.md`
    """
    from eval.report.build import Wanted, report

    if page is None and markdown is None and as_json is None:
        page = PAGE
    files = [each for each in (page, markdown, as_json) if each is not None]
    _check(files)
    found = report(paths, Wanted(metric, traces))
    if page is not None:
        write_page(found, page)
    if markdown is not None:
        from eval.report.markdown import markdown as as_markdown

        _write(as_markdown(found), markdown)
    if as_json is not None:
        import json

        from eval.report.as_json import report_json

        _write(json.dumps(report_json(found), ensure_ascii=False, indent=2) + "\n", as_json)
    if _STDOUT not in files:
        say([found.title, *(f"report: {each}" for each in files)])


_STDOUT = Path("-")


def write_page(found: "Report", file: Path) -> None:
    """Write a report as a page."""
    from eval.report.page import page

    file.write_text(page(found), encoding="utf-8")


def of_run(folder: Path, *, wanted: bool) -> str:
    """Write a page into a folder of a run or ladder, if wanted; return where it is, or how."""
    from eval.report.build import report
    from eval.results import REPORT

    if not wanted:
        return f"report: assay bench report {shlex.quote(str(folder))} --out {REPORT}"
    write_page(report([folder]), folder / REPORT)
    return f"report: {folder / REPORT}"


def _write(text: str, file: Path) -> None:
    if file == _STDOUT:
        typer.echo(text, nl=False)
    else:
        file.write_text(text, encoding="utf-8")


def _check(files: list[Path]) -> None:
    """Find out before anything is computed that a file cannot be written. Raises: InputError."""
    from retrieval.errors import InputError

    for each in files:
        if each == _STDOUT and files.count(each) > 1:
            raise InputError("Standard output (-) holds one of them only.", "out")
        if each.is_dir() and each != _STDOUT:
            raise InputError(f"{each} is a folder; name a file.", "out")
        if not each.parent.is_dir():
            raise InputError(f"{each} cannot be written: its folder is not there.", "out")
