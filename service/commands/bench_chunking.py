"""`assay bench chunking`: which chunker, and how large, on one dataset in one run."""

from pathlib import Path
from typing import Annotated

import typer

from service.commands import options
from service.commands.console import STOPPED, give_json, note, reporting, say, tools_of

SPEC = "NAME[:TOKENS[/OVERLAP]][@PIPELINE], as fixed:250/125; repeatable."
Chunkers = Annotated[list[str], typer.Option("--chunker", "-c", metavar="SPEC", help=SPEC)]
Pipeline = Annotated[str, typer.Option("--pipeline", "-p", help="Of chunkers that name none.")]
Limit = Annotated[int, typer.Option(help="How many hits are read for a question.")]
Budget = Annotated[
    int | None, typer.Option(metavar="CHARS", help="Read so many first characters of the hits.")
]
Baseline = Annotated[
    str | None, typer.Option(metavar="SPEC", help="Compare all with this one; default: the best.")
]
Out = Annotated[
    Path | None, typer.Option("--out", help="For the runs; default: one in the data dir.")
]


@reporting
def command(  # noqa: PLR0913 - the options of a command
    context: typer.Context,
    dataset: options.Dataset,
    chunkers: Chunkers,
    pipeline: Pipeline = "dense",
    limit: Limit = 5,
    budget: Budget = None,
    baseline: Baseline = None,
    embed: options.Embed = None,
    split: options.Split = None,
    folder: Out = None,
    as_json: options.Json = False,
) -> None:
    """Compare chunkers and sizes on one dataset: what is found, and what has to be read for it.

    Each index is built once and kept. Judgments are characters of the text, so that every chunker
    is held to the same: span recall is the share of what had to be found that is read, precision
    the share of what is read that was asked for. Larger chunks read more: with --budget all read
    the same. Every chunker is tested against the baseline, question by question.

    The folder gets chunking.json, chunking.md, and a run for each chunker (`assay bench compare`).

    Example: `assay bench chunking --dataset my_questions -c fixed:200 -c recursive:200 -c
    structure:100@hybrid --budget 5000`
    """
    from eval import chunking_report as report
    from eval.chunking import ChunkingBench, compare_chunkers
    from service.progress import on_stderr

    specs, embedded = tuple(chunkers), options.embed_text(embed)
    bench = ChunkingBench(
        dataset, specs, pipeline, embedded, split, limit, budget, baseline, folder
    )
    try:
        with tools_of(context) as tools, on_stderr().running() as shown:
            found = compare_chunkers(bench, tools, shown)
            report.write(found)
    except KeyboardInterrupt:
        note("Stopped; nothing was compared. What is indexed is kept.")
        raise typer.Exit(STOPPED) from None
    if as_json:
        give_json(report.as_json(found))
    else:
        say(report.lines(found))
