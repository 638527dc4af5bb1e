"""The command line: `assay` and its commands, one file a group in `service/commands/`.

Only wiring stands here. What a command needs is imported when it runs, so that `--help` is quick.
"""

import sys
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from service.commands import (
    bench,
    cassette,
    demo,
    gate,
    index,
    ingest,
    judge,
    query,
    rerank,
    router,
    serve,
    settings,
    why,
)
from service.commands.console import reporting

GLOBAL = ("--data-dir", "--set")


class AnyPlace(TyperGroup):
    """Commands whose global options may stand behind them too, where people put them."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Move the global options to the front; what follows `--` is left alone."""
        front: list[str] = []
        rest: list[str] = []
        words = iter(args)
        for word in words:
            if word in GLOBAL:
                front += [word, *islice(words, 1)]
            elif word.startswith(tuple(f"{name}=" for name in GLOBAL)):
                front.append(word)
            else:
                rest += [word, *words] if word == "--" else [word]
        return super().parse_args(ctx, front + rest)


app = typer.Typer(
    cls=AnyPlace,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    demo.demo,
    ingest.ingest,
    query.query,
    why.why,
    serve.serve,
    ingest.delete,
    settings.settings,
    settings.pipelines,
):
    app.command()(reporting(command))
app.add_typer(index.app, name="index")
app.add_typer(bench.app, name="bench")
app.add_typer(cassette.app, name="cassette")
app.add_typer(gate.app, name="gate")
app.add_typer(judge.app, name="judge")
app.add_typer(rerank.app, name="rerank")
app.add_typer(router.app, name="router")


def show_version(wanted: bool) -> None:
    """Print the version and stop, if that is wanted."""
    if wanted:
        from service.version import installed_version

        typer.echo(f"assay {installed_version()}")
        raise typer.Exit


@app.callback()
def assay(
    context: typer.Context,
    data_dir: Annotated[
        Path | None, typer.Option(help="Where embedded indexes are kept; default: .assay.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Any setting of `assay settings`."),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Show it.")
    ] = False,
) -> None:
    """Assay finds the passages that answer a question, and measures how right they are.

    First steps: `assay demo`, or with your own files:

    `assay ingest notes/ --index notes`, then
    `assay query "What was decided?" --index notes`

    Exit codes: 0 done; 1 it could not be done; 2 wrong input or settings; 130 stopped by Ctrl-C.
    """
    given: dict[str, object] = {}
    for each in set_ or []:
        name, equals, value = each.partition("=")
        if not equals:
            raise typer.BadParameter(f"NAME=VALUE is needed, got {each!r}.", param_hint="--set")
        given[name.strip()] = value
    if data_dir is not None:
        given["data_dir"] = data_dir
    context.obj = given
    for stream in (sys.stdout, sys.stderr):
        # A file name that is no valid text is shown with escapes; it must not end a command.
        getattr(stream, "reconfigure", lambda **_: None)(errors="backslashreplace")


def main() -> None:
    """Run the command line."""
    app(prog_name="assay")


if __name__ == "__main__":
    main()
