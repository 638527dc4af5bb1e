"""`assay bench score`: the run of another system, measured like our own."""

from pathlib import Path
from typing import Annotated

import typer

from service.commands import options
from service.commands.bench_report import of_run
from service.commands.console import STOPPED, give_json, note, reporting, say, settings_of


@reporting
def command(  # noqa: PLR0913 - the options of a command
    context: typer.Context,
    file: Annotated[
        Path, typer.Option("--run", metavar="FILE", help="A TREC run, or .jsonl with spans.")
    ],
    dataset: options.Dataset,
    split: options.Split = None,
    folder: options.Out = None,
    drop_self: options.DropSelf = False,
    as_json: options.Json = False,
) -> None:
    """Score what another system found, with intervals, into the folder of a run.

    The folder is what `bench run` writes, so that `bench compare` and `bench gate` take it. A TREC
    run has six columns: query, Q0, document, rank, score, tag. As in trec_eval, scores order it
    (ties by descending document id) and ranks are not looked at; where they disagree, that is said.
    For judgments on spans, a .jsonl file has query_id, document_id, start, end and score.

    Example: `assay bench score --run other.trec --dataset scifact --out runs/other`
    """
    from eval.bench import Bench
    from eval.score_run import score_run
    from service.progress import on_stderr

    bench = Bench(dataset=dataset, split=split, out=folder, drop_self=drop_self)
    data_dir = settings_of(context).data_dir
    try:
        with on_stderr().running() as shown:
            found = score_run(bench, file, data_dir, shown)
    except KeyboardInterrupt:
        note("Stopped; no run was written.")
        raise typer.Exit(STOPPED) from None
    if as_json:
        give_json({"run": str(found.folder), **found.metrics})
    else:
        say([*found.lines(), of_run(found.folder, wanted=False)])
