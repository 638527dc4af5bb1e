"""`assay router weights`: the share of the dense leg by domain."""

from pathlib import Path
from typing import Annotated

import typer

from service.commands import options
from service.commands.console import STOPPED, give_json, note, reporting, say, tools_of

Out = Annotated[Path, typer.Option("--out", help="The pipeline with its shares (.toml).")]
Router = Annotated[
    Path | None, typer.Option("--router", help="A router's file that says the domains.")
]
Votes = Annotated[
    int, typer.Option(min=1, max=100, help="Without a router: so many first hits vote.")
]
Label = Annotated[str, typer.Option(help="The field of a query's domain.")]
Prior = Annotated[
    float, typer.Option(help="The questions that all domains speak for one with, beside its own.")
]
Seed = Annotated[int, typer.Option(help="Deals the questions into two halves.")]


@reporting
def weights(  # noqa: PLR0913 - the options of a command
    context: typer.Context,
    dataset: options.Dataset,
    file: Out,
    pipeline: options.Pipeline = "hybrid",
    split: options.Split = None,
    router: Router = None,
    votes: Votes = 10,
    label: Label = "metadata.domain",
    metric: options.Metric = "nDCG@10",
    prior: Prior = 20.0,
    seed: Seed = 0,
    as_json: options.Json = False,
) -> None:
    """Fit the share of the dense leg for each domain, and print what that is worth.

    Where the pipeline has no route before its fuse, one is put in front that only says the domains.
    A question's share is mixed by their probabilities, so that a doubtful one changes little. What
    is printed is cross-fitted: each half of the questions is fused by what was fitted on the other.
    The file's shares are fitted on all of them.

    Example: `assay router weights --dataset collections --votes 10 --out by_domain.toml`
    """
    from eval.bench import Bench
    from eval.fusion_weights import FusionTraining, fit_fusion
    from eval.prepared import cutoffs_with
    from eval.promotion import checked_target, write_pipeline
    from service.progress import on_stderr

    says = {"router": str(router)} if router else {"votes": votes}
    bench = Bench(dataset, pipeline, split=split, cutoffs=cutoffs_with(metric))
    route = {"use": "route", "how": "label", **says}
    training = FusionTraining(bench, route, label, metric, prior, seed)
    target = checked_target(file)
    try:
        with tools_of(context) as tools, on_stderr().running() as shown:
            found = fit_fusion(training, tools, shown)
    except KeyboardInterrupt:
        note("Stopped; no pipeline was written. What is indexed is kept.")
        raise typer.Exit(STOPPED) from None
    write_pipeline(target, found.tables, found.lines(), found.key)
    if as_json:
        give_json({"pipeline": str(target), **found.as_json()})
    else:
        say([*found.lines(), f"pipeline: {target}"])
