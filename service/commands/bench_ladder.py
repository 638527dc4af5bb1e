"""`assay bench ladder`: which technique pays, rung by rung."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.commands import options
from service.commands.bench_report import of_run
from service.commands.console import STOPPED, give_json, note, reporting, say, tools_of

if TYPE_CHECKING:
    from eval.ladder import Climb
    from eval.ladder_result import Climbed

Datasets = Annotated[
    list[str],
    typer.Option("--dataset", help="A folder as of `bench run`, or FOLDER:SPLIT; repeat it."),
]
Out = Annotated[
    Path, typer.Option("--out", help="The ladder's folder; the same command goes on in it.")
]
LadderName = Annotated[
    str, typer.Option("--ladder", help="A ladder's or a pipeline's name, or a .toml file of one.")
]
Margin = Annotated[float, typer.Option(help="The smallest gain that is worth having.")]
DropOne = Annotated[
    bool, typer.Option("--drop-one", help="The last rung, without each stage in turn.")
]
Promote = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write the winner as a pipeline file (.toml).")
]


@reporting
def command(  # noqa: PLR0913 - the options of a command
    context: typer.Context,
    datasets: Datasets,
    folder: Out,
    ladder: LadderName = "standard",
    metric: options.Metric = "nDCG@10",
    margin: Margin = 0.01,
    drop_one: DropOne = False,
    promote: Promote = None,
    chunker: options.Chunker = None,
    embed: options.Embed = None,
    drop_self: options.DropSelf = False,
    as_json: options.Json = False,
) -> None:
    """Measure pipelines that stand one above the other: keep, drop, or not enough queries.

    A ladder file lists rungs: a pipeline's name or file, its stages, or a difference to the rung
    below: `add = { use = "rerank" }` with `before` or `after`, `replace = "fuse"` with `with`, or
    `remove = "rerank"`; `on = "NAME"` stands on another earlier rung. What rungs start with runs
    once for a question. Each rung's run is a folder under --out, as `bench run` makes it; beside
    them are ladder.json and ladder.md. Killed, the same command goes on where it stopped.

    Every rung is compared with the one that it stands on and with the first, by a randomisation
    test that is corrected for their number. The winner is chosen over all datasets by a rule that
    is printed; with --promote it becomes a file for `--pipeline` and `assay serve`.

    Example: `assay bench ladder --dataset scifact --ladder standard --out runs/ladder`
    """
    from eval.ladder import Climb
    from eval.ladder_tables import lines
    from eval.promotion import checked_target
    from eval.promotion import promote as promoted

    benches = options.benches(datasets, metric, (chunker, embed, drop_self))
    climb = Climb(ladder, benches, folder, metric, margin, drop_one)
    target = None if promote is None else checked_target(promote)
    found = _climbed(climb, context)
    if target is not None:
        promoted(found, target)
        note(f"The winner is in {target}.")
    if as_json:
        give_json(found.as_json())
    else:
        say([*lines(found), of_run(folder, wanted=False)])


def _climbed(climb: "Climb", context: typer.Context) -> "Climbed":
    from eval.ladder import run_ladder
    from service.live_table import live_on_stderr

    try:
        with tools_of(context) as tools, live_on_stderr().running() as shown:
            return run_ladder(climb, tools, shown)
    except KeyboardInterrupt:
        note("Stopped. What is answered is kept: the same command goes on.")
        raise typer.Exit(STOPPED) from None
