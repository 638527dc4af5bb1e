"""`assay bench ladder`: which technique pays, rung by rung."""

from pathlib import Path
from typing import Annotated

import typer

from service.commands import options
from service.commands.console import STOPPED, give_json, note, reporting, say, tools_of


@reporting
def command(  # noqa: PLR0913 - the options of a command
    context: typer.Context,
    datasets: Annotated[
        list[str],
        typer.Option("--dataset", help="A folder as of `bench run`, or FOLDER:SPLIT; repeat it."),
    ],
    folder: Annotated[
        Path, typer.Option("--out", help="The ladder's folder; the same command goes on in it.")
    ],
    ladder: Annotated[
        str, typer.Option(help="A ladder's or a pipeline's name, or a .toml file of one.")
    ] = "standard",
    metric: Annotated[str, typer.Option(help="What decides, as nDCG@10.")] = "nDCG@10",
    margin: Annotated[float, typer.Option(help="The smallest gain that is worth having.")] = 0.01,
    drop_one: Annotated[
        bool, typer.Option("--drop-one", help="The last rung, without each stage in turn.")
    ] = False,
    promote: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the winner as a pipeline file (.toml)."),
    ] = None,
    chunker: options.Chunker = None,
    chunk_tokens: options.ChunkTokens = None,
    chunk_overlap: options.ChunkOverlap = None,
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
    from eval.bench import Bench
    from eval.ladder import Climb, run_ladder
    from eval.ladder_tables import lines
    from eval.prepared import cutoffs_with
    from eval.promotion import checked_target
    from eval.promotion import promote as promoted
    from service.live_table import live_on_stderr

    benches = tuple(
        Bench(
            dataset,
            chunker=options.chunker_table(chunker, chunk_tokens, chunk_overlap),
            embed=options.embed_text(embed),
            split=split,
            cutoffs=cutoffs_with(metric),
            drop_self=drop_self,
        )
        for dataset, split in map(options.dataset_place, datasets)
    )
    climb = Climb(ladder, benches, folder, metric, margin, drop_one)
    if promote is not None:
        checked_target(promote)
    try:
        with tools_of(context) as tools, live_on_stderr().running() as shown:
            found = run_ladder(climb, tools, shown)
    except KeyboardInterrupt:
        note("Stopped. What is answered is kept: the same command goes on.")
        raise typer.Exit(STOPPED) from None
    if promote is not None:
        promoted(found, promote)
        note(f"The winner is in {promote}.")
    if as_json:
        give_json(found.as_json())
    else:
        say(lines(found))
