"""`assay bench doctor`: what is wrong with a dataset, before anyone trusts a figure."""

from pathlib import Path
from typing import Annotated

import typer

from service.commands import options
from service.commands.console import CANNOT, give_json, reporting, say, tools_of


@reporting
def command(
    context: typer.Context,
    dataset: Annotated[Path, typer.Argument(metavar="DATASET", help="As of `bench run`.")],
    split: options.Split = None,
    as_json: options.Json = False,
) -> None:
    """Check a dataset: what makes figures wrong (exit code 1), doubtful, or is worth knowing.

    Unknown, repeated and shifted ids; empty, equal and damaged texts; stale spans and quotes;
    queries that are near duplicates, in two splits, without anything to find, or named as a
    document; documents longer than the encoder reads. Each with a count, examples and a remedy.

    Example: `assay bench doctor scifact`
    """
    from eval.doctor import diagnosis
    from service.progress import on_stderr

    with tools_of(context) as tools, on_stderr().running() as shown:
        found = diagnosis(dataset, split, tools.embedder, shown)
    if as_json:
        give_json(found.as_json())
    else:
        say(found.lines())
    if not found.sound:
        raise typer.Exit(CANNOT)
