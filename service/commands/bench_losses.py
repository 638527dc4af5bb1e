"""`assay bench losses`: which stage lost what was judged and not found, and what brings it back."""

from pathlib import Path
from typing import Annotated

import typer

from service.commands import options
from service.commands.console import STOPPED, give_json, note, reporting, say, tools_of, write_json

HELP = """Say of everything judged that is not in the answer which stage lost it, and what helps.

A waterfall leads from all that was judged to what is in the answer. Each judged place (of
alternatives, the one that got furthest) is lost to exactly one cause:

- not in the index: the document is not there

- cut apart by chunking: no passage holds half of the judged span

- filtered or routed away: a filter, a route or a rule leaves it out

- in no leg's candidates: with its true depth in each leg, down to 10,000

- lost in fusion: a leg had it within the limit, the fused list has not

- demoted by a later stage: it was within the limit, and a reranker or a rule moved it out

- left out as a duplicate: by a rule's `most` or `mmr`

- found, but never near the top: it is a candidate, and was within the limit after no stage

- beyond the token budget: it is a hit, and `pack` had no room for it

Then changes of the pipeline (deeper legs, other fusions, other reranking, longer lists) are tried
on the same questions and shown with what they bring back and lose. Pipeline, index and models must
be what they were when the run was made.

Example: `assay bench losses runs/hybrid`

Example: `assay bench losses runs/hybrid --limit 5 --out losses.json`"""


@reporting
def command(  # noqa: PLR0913 - the options of a command
    context: typer.Context,
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")],
    limit: Annotated[int, typer.Option(min=1, help="How many first hits are the answer.")] = 10,
    out: Annotated[Path | None, typer.Option(help="A file for all of it, as JSON.")] = None,
    as_json: options.Json = False,
) -> None:
    """Find the losses of a run, and show them."""
    from eval.losses.as_json import losses_json
    from eval.losses.as_text import losses_lines
    from eval.losses.find import find_losses
    from service.progress import on_stderr

    try:
        with tools_of(context) as tools, on_stderr().running() as shown:
            found = find_losses(run, tools, limit, shown)
    except KeyboardInterrupt:
        note("Stopped.")
        raise typer.Exit(STOPPED) from None
    if out is not None:
        write_json(out, losses_json(found))
    if as_json:
        give_json(losses_json(found))
    else:
        say(losses_lines(found))
