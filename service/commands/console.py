"""What every command shares: the global options, the tools they open, one line for an error."""

import functools
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ParamSpec

import typer

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from retrieval.open_kit import Tools
    from retrieval.settings import Settings

Arguments = ParamSpec("Arguments")
FILE_WIDTH = 120
CANNOT, WRONG_INPUT, STOPPED = 1, 2, 130
"""Exit codes: it could not be done; what was asked or set is wrong; Ctrl-C."""


def reporting(command: Callable[Arguments, None]) -> Callable[Arguments, None]:
    """Return a command whose foreseen errors are one line on stderr and an exit code."""

    @functools.wraps(command)
    def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        from retrieval.errors import AssayError, ConfigError, InputError

        try:
            command(*args, **kwargs)
        except AssayError as error:
            fail(str(error), WRONG_INPUT if isinstance(error, ConfigError | InputError) else CANNOT)
        except BrokenPipeError:
            raise
        except OSError as error:
            fail(str(error))

    return run


def fail(message: str, code: int = CANNOT) -> None:
    """Say in one line what is wrong, and exit. Raises: typer.Exit."""
    typer.secho(f"Error: {' '.join(message.split())}", fg="red", err=True)
    raise typer.Exit(code)


def given_settings(context: typer.Context) -> Mapping[str, Any]:
    """Return the settings that options in front of the command gave."""
    found: Mapping[str, Any] = context.find_root().obj or {}
    return found


def settings_of(context: typer.Context, **more: Any) -> "Settings":
    """Return the settings of a command; its own options go before the global ones."""
    from retrieval.settings import load_settings

    given = {name: value for name, value in more.items() if value is not None}
    return load_settings(**{**given_settings(context), **given})


@contextmanager
def tools_of(context: typer.Context) -> Iterator["Tools"]:
    """Give the tools of a command, and let go of them at its end."""
    from retrieval.open_kit import Tools

    tools = Tools(settings_of(context))
    try:
        yield tools
    finally:
        tools.close()


def out() -> "Console":
    """Return where results are shown: as wide as the terminal, or as a file's lines may be."""
    from rich.console import Console

    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=FILE_WIDTH)


def say(lines: Iterable[str]) -> None:
    """Print lines as they are, however wide."""
    console = out()
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)


def note(message: str = "") -> None:
    """Say something beside the results, on stderr."""
    typer.echo(message, err=True)


def give_json(value: Any) -> None:
    """Print a value as JSON; in ASCII where the terminal, or JSON's own UTF-8, cannot hold it."""
    import json

    text = json.dumps(value, indent=2, ensure_ascii=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(value, indent=2)
    sys.stdout.write(text + "\n")


def write_json(file: "Path", value: Any) -> None:
    """Write a value as JSON into a file; its folder is made. Raises: OSError."""
    import json

    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
