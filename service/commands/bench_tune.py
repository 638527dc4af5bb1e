"""`assay bench tune`: a pipeline's parameters, chosen on some questions and measured on others."""

from pathlib import Path
from typing import Annotated

import typer

from service.commands import options
from service.commands.console import STOPPED, give_json, note, reporting, say, tools_of

Dataset = Annotated[
    str, typer.Option("--dataset", help="A folder as of `bench run`, or FOLDER:SPLIT.")
]
Parameters = Annotated[
    list[str],
    typer.Option(
        "--param",
        metavar="STAGE.PARAM=VALUES",
        help="LOW..HIGH, or A,B,C; repeat it for several parameters.",
    ),
]
Folds = Annotated[int, typer.Option(help="Parts of the questions that are held out in turn.")]
TrialsOption = Annotated[
    int, typer.Option("--trials", help="The most combinations that one search tries.")
]
Out = Annotated[
    Path | None, typer.Option("--out", help="The result's folder; default: one in the data dir.")
]


@reporting
def command(  # noqa: PLR0913 - the options of a command
    context: typer.Context,
    dataset: Dataset,
    parameters: Parameters,
    pipeline: options.Pipeline = "hybrid",
    metric: options.Metric = "nDCG@10",
    folds: Folds = 5,
    trials: TrialsOption = 60,
    folder: Out = None,
    chunker: options.Chunker = None,
    embed: options.Embed = None,
    drop_self: options.DropSelf = False,
    as_json: options.Json = False,
) -> None:
    """Search good values for stage parameters, and say what they are worth on other questions.

    Any number, choice or switch of a stage may be tuned: `--param fuse.alpha=0..1`,
    `--param rerank.depth=10..100`, `--param fuse.how=convex,rrf`. Questions are dealt over folds;
    each fold is measured with values chosen on the others, so that nothing is reported on what it
    was tuned on. Printed: that figure and its change against the untuned pipeline with a paired
    test, the optimism (train minus test), and how far the folds' choices lie apart. The folder
    gets tune.json and pipeline.toml, whose values were chosen on all questions. Questions are
    asked as deep as the measure looks; what stands before the tuned stages runs once.

    Example: `assay bench tune --dataset scifact --pipeline hybrid --param fuse.alpha=0..1`
    """
    from dataclasses import replace

    from eval.tuning import Tuning, tune
    from service.progress import on_stderr

    (bench,) = options.benches([dataset], metric, (chunker, embed, drop_self), only=True)
    bench = replace(bench, pipeline=pipeline)
    tuning = Tuning(bench, tuple(parameters), metric, folds, trials, folder)
    try:
        with tools_of(context) as tools, on_stderr().running() as shown:
            found, written = tune(tuning, tools, shown)
    except KeyboardInterrupt:
        note("Stopped; nothing was written. What is indexed is kept.")
        raise typer.Exit(STOPPED) from None
    if as_json:
        give_json({"folder": str(written), **found.as_json()})
    else:
        say([*found.lines(), f"pipeline: {written / 'pipeline.toml'}"])
