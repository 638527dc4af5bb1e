"""`assay gate train`: when costly stages are worth it, from judged questions."""

from pathlib import Path
from typing import Annotated

import typer

from service.commands import options
from service.commands.console import STOPPED, give_json, note, reporting, say, tools_of

app = typer.Typer(no_args_is_help=True, help="Fit a gate to your own judgments.")


@app.command("train")
@reporting
def train(  # noqa: PLR0913 - the options of a command
    context: typer.Context,
    dataset: Annotated[str, typer.Option(help="A folder as of `bench run`, or FOLDER:SPLIT.")],
    pipeline: Annotated[
        str, typer.Option("--pipeline", "-p", help="One with a gate: a name, or a .toml file.")
    ],
    file: Annotated[Path, typer.Option("--out", help="The pipeline with its threshold (.toml).")],
    queries: options.Queries = None,
    metric: options.Metric = "nDCG@10",
    loss: Annotated[
        float, typer.Option(help="How much of it may be lost against a gate that is always open.")
    ] = 0.005,
    seed: Annotated[int, typer.Option(help="Deals the questions into two halves.")] = 0,
    as_json: options.Json = False,
) -> None:
    """Fit the threshold of a pipeline's gate, and print what it keeps and what it saves.

    Every question is asked with the gate closed and open. The signal (support, similarity,
    agreement, margin or words) and its threshold are those that open the gate for the fewest
    questions within the loss; its other conditions stay as they are. What is printed is
    cross-fitted: each half of the questions is decided by what was fitted on the other. The
    file's threshold is fitted on all of them.

    Example: `assay gate train --dataset scifact -p gated.toml --loss 0.005 --out fitted.toml`
    """
    from eval.bench import Bench
    from eval.gate_training import GateTraining, train_gate
    from eval.prepared import cutoffs_with
    from eval.promotion import checked_target, write_pipeline
    from service.progress import on_stderr

    folder, split = options.dataset_place(dataset)
    cutoffs = cutoffs_with(metric)
    bench = Bench(folder, pipeline, split=split, queries=queries, cutoffs=cutoffs)
    training = GateTraining(bench, metric, loss, seed)
    target = checked_target(file)
    try:
        with tools_of(context) as tools, on_stderr().running() as shown:
            found = train_gate(training, tools, shown)
    except KeyboardInterrupt:
        note("Stopped; no pipeline was written. What is indexed is kept.")
        raise typer.Exit(STOPPED) from None
    write_pipeline(target, found.tables, found.lines(), found.key)
    if as_json:
        give_json({"pipeline": str(target), **found.as_json()})
    else:
        say([*found.lines(), f"pipeline: {target}"])
