"""A ladder while it runs: a table that stays in place in a terminal, lines elsewhere."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from service.progress import EVERY_S, Shown


class LiveTable(Shown):
    """Shows the standing of the rungs above the bar."""

    def __init__(self, console: Console) -> None:
        """Show nothing yet."""
        super().__init__(console)
        self._live = Live(console=console, transient=True, refresh_per_second=4)
        self._told_at = time.monotonic()

    def standing(self, table: Sequence[Sequence[str]]) -> None:
        """Show the table anew; as one line now and then where there is no terminal."""
        if self._console.is_terminal:
            self._live.update(Group(drawn(table), self._bar))
        elif time.monotonic() - self._told_at >= EVERY_S:
            self._told_at = time.monotonic()
            (title, *_), *rows = table
            found = ", ".join(f"{name} {mean}" for name, mean, *_ in rows)
            self._console.print(f"{title}: {found}", markup=False, soft_wrap=True)

    def said(self, line: str) -> None:
        """Print a line above the table."""
        self._console.print(line, markup=False, soft_wrap=True)

    @contextmanager
    def running(self) -> Iterator["LiveTable"]:
        """Show the bar, and the table as soon as there is one, in a terminal."""
        self._live.update(self._bar)
        with self._live if self._console.is_terminal else nullcontext():
            yield self


def drawn(rows: Sequence[Sequence[str]]) -> Table:
    """Return rows of cells as a table, the header first."""
    table = Table(box=None, pad_edge=False)
    first, *others = rows[0]
    table.add_column(first, justify="left")
    for name in others:
        table.add_column(name, justify="right")
    for row in rows[1:]:
        table.add_row(*row)
    return table


def live_on_stderr() -> LiveTable:
    """Return a display on stderr."""
    return LiveTable(Console(file=sys.stderr, highlight=False))
