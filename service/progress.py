"""How far a long command is, on stderr: a bar in a terminal, a line now and then elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from eval.bench import Watch
from ingestion.job import Progress as Ingested

EVERY_S = 10.0
MEGABYTE = 1_000_000


class Shown(Watch):
    """Shows an ingestion, and the questions of a benchmark; `total` is in bytes, 0 if unknown.

    `brief` leaves out what is said beside the bar. Where several processes show something, each
    has a `name`, and there is no bar.
    """

    def __init__(
        self, console: Console, total: int = 0, brief: bool = False, name: str = ""
    ) -> None:
        """Show nothing yet."""
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.fields[said]}"),
            TimeRemainingColumn(),
        )
        self.total = total
        self.brief = brief
        self._lead = f"{name}: " if name else ""
        self._console = console
        self._barred = console.is_terminal and not name
        self._bar = Progress(*columns, console=console, transient=True)
        self._tasks: dict[str, TaskID] = {}
        self._said_at = time.monotonic()

    def indexing(self, progress: Ingested) -> None:
        """Show documents, chunks a second, megabytes."""
        rate = progress.chunks / progress.seconds if progress.seconds else 0.0
        said = (
            f"{progress.documents:,} documents, {progress.chunks:,} chunks, {rate:,.0f}/s,"
            f" {progress.bytes / MEGABYTE:,.1f} MB"
        )
        self._show("Ingesting", progress.bytes, self.total, said)

    def read(self, documents: int, done: int) -> None:
        """Show documents and megabytes."""
        self._show("Reading", done, 0, f"{documents:,} documents, {done / MEGABYTE:,.1f} MB")

    def asked(self, done: int, total: int) -> None:
        """Show how many questions are answered."""
        self._show("Asking", done, total, f"{done:,} of {total:,} questions")

    def tuned(self, done: int, total: int, best: str) -> None:
        """Show how many combinations were tried, at most `total`."""
        self._show("Tuning", done, total, f"{done:,} of at most {total:,} tries, {best}")

    def said(self, line: str) -> None:
        """Print a line above the bar."""
        if not self.brief:
            self._bar.console.print(line, markup=False, soft_wrap=True)

    def _show(self, what: str, done: int, total: int, said: str) -> None:
        if self._barred:
            if what not in self._tasks:
                for task in self._tasks.values():
                    self._bar.update(task, visible=False)
                self._tasks[what] = self._bar.add_task(what, total=total or None, said="")
            self._bar.update(self._tasks[what], completed=done, said=said)
        elif time.monotonic() - self._said_at >= EVERY_S:
            self._said_at = time.monotonic()
            share = f" {100 * done / total:.0f}%" if total else ""
            self._console.print(f"{self._lead}{what}{share}: {said}", markup=False, soft_wrap=True)

    @contextmanager
    def running(self) -> Iterator["Shown"]:
        """Show a bar while this is open, in a terminal."""
        with self._bar if self._barred else nullcontext():
            yield self


def on_stderr(total: int = 0, brief: bool = False, name: str = "") -> Shown:
    """Return a display on stderr."""
    return Shown(Console(file=sys.stderr, highlight=False), total, brief, name)
