"""`assay router compare`: every method on the same questions, in one table."""

from pathlib import Path
from typing import Annotated

import typer

from service.commands import options
from service.commands.console import give_json, note, reporting, say, tools_of

Files = Annotated[list[Path], typer.Argument(help="JSON lines with text and label, to fit on.")]
Test = Annotated[list[Path], typer.Option("--test", help="Questions that judge; repeatable.")]
Validation = Annotated[
    list[Path] | None,
    typer.Option(help="Questions for temperature and threshold; default: 5-fold."),
]
Label = Annotated[str, typer.Option(help="The field of the domain; default: as in train.")]
Kind = Annotated[str, typer.Option("--class", help="The field of a finer class in the domain.")]
NoneLabel = Annotated[str, typer.Option("--none", help="The label of what is in no domain.")]
Documents = Annotated[bool, typer.Option("--documents", help="FILES hold documents.")]
Acceptance = Annotated[float, typer.Option(help="As in train.")]


@reporting
def compare(  # noqa: PLR0913 - the options of a command
    context: typer.Context,
    files: Files,
    test: Test,
    validation: Validation = None,
    label: Label = "",
    kind: Kind = "",
    none: NoneLabel = "none",
    documents: Documents = False,
    acceptance: Acceptance = 0.95,
    as_json: options.Json = False,
) -> None:
    """Fit a router by every method, on domains and on finer classes, and judge all in one table.

    The threshold of each accepts the same share of the validation questions; what that is on the
    test questions stands in the table. Precision, recall, confusion and reliability of the first
    router follow. Nothing is saved: `assay router train` makes the one that you choose.

    Example: `assay router compare train.jsonl --validation val.jsonl --test test.jsonl --none oos`
    """
    from eval.router_comparison import Comparison
    from eval.router_examples import Reading
    from eval.router_report import summary_lines
    from eval.router_training import Fit

    reading = Reading(label, kind, none, documents)
    found = Comparison(reading, files, validation or [], test, Fit(acceptance=acceptance))
    with tools_of(context) as tools:
        note("Embedding and fitting.")
        reports = found.reports(tools.embedder)
    if as_json:
        give_json([each.as_json() for each in reports])
    else:
        say([*summary_lines(reports), *reports[0].lines()])
