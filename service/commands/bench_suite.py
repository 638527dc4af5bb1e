"""`assay bench suite`: the shipped benchmarks, with what others published beside each figure."""

import json
import os
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, closing
from multiprocessing import active_children, cpu_count, get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Annotated

import typer

from service.commands import options
from service.commands.console import (
    CANNOT,
    STOPPED,
    fail,
    give_json,
    note,
    reporting,
    say,
    settings_of,
)

if TYPE_CHECKING:
    from eval.suite import Benchmark, Row
    from eval.suite_run import Place
    from retrieval.settings import Settings

BESIDE = 2
"""Benchmarks that are measured beside each other, each in a process: asking is Python's work."""
Names = Annotated[
    list[str] | None, typer.Argument(metavar="NAME", help="Benchmarks; all where none is named.")
]
Data = Annotated[
    Path | None, typer.Option(help="The folder that holds the datasets (setting bench_data).")
]
Out = Annotated[
    Path | None, typer.Option("--out", help="Where runs and tables are kept; default: data dir.")
]


@reporting
def command(  # noqa: PLR0913 - the options of a command
    context: typer.Context,
    names: Names = None,
    data: Data = None,
    folder: Out = None,
    as_json: options.Json = False,
) -> None:
    """Run the benchmarks that come with Assay, and print ours beside what others published.

    A benchmark is a file in eval/benchmarks/: a dataset's folder, pipelines, recorded answers of
    language models, published figures. OK: within 0.0005 of the published one, OKish: within
    0.005, else the difference. A dataset that is not there is skipped, and says so (exit code 1
    where its benchmark was named); the demo needs none. Indexes are made once; the runs,
    results.json and results.md are in the folder. Two benchmarks are measured at a time, so that no
    latency is claimed: for that there is `assay bench run`.

    Example: `assay bench suite scifact --data datasets/`
    """
    from eval.suite import as_json as rows_json
    from eval.suite import as_markdown, commit, load_benchmarks
    from eval.suite_run import Place

    settings = settings_of(context, bench_data=data)
    benchmarks = load_benchmarks(names or ())
    out = folder or settings.data_dir / "suite"
    out.mkdir(parents=True, exist_ok=True)
    try:
        rows = _rows(benchmarks, Place(settings.bench_data, out), settings)
    except KeyboardInterrupt:
        note("Stopped. What is indexed is kept.")
        raise typer.Exit(STOPPED) from None
    text = as_markdown(benchmarks, rows, commit())
    (out / "results.md").write_text(text, encoding="utf-8")
    (out / "results.json").write_text(json.dumps(rows_json(rows), indent=1), encoding="utf-8")
    if as_json:
        give_json(rows_json(rows))
    else:
        say([*text.splitlines(), "", f"Written: {out / 'results.md'}, {out / 'results.json'}"])
    if names and any(row.missing for row in rows):
        raise typer.Exit(CANNOT)


def _rows(
    benchmarks: "Mapping[str, Benchmark]", place: "Place", settings: "Settings"
) -> "list[Row]":
    """Return the rows of benchmarks, those of some datasets measured beside each other."""
    names: dict[str, list[str]] = {}
    for name, benchmark in benchmarks.items():
        names.setdefault(benchmark.dataset, []).append(name)
    if len(names) == 1:
        return _rows_of([*benchmarks], place, settings)
    # A core each: threads of two encoders on one core wait for each other.
    threads = settings.threads or max(1, (cpu_count() or 1) // BESIDE)
    settings = settings.model_copy(update={"threads": threads})
    waiting, rows = [*names.values()], []
    running: set[Future[list[Row]]] = set()
    with ExitStack() as stack:
        pool = ProcessPoolExecutor(BESIDE, get_context("spawn"), _end_with_parent)
        stack.callback(_stop, pool)
        while waiting or running:
            # No more than run: what waits in the pool itself cannot be taken back.
            while waiting and len(running) < BESIDE:
                running.add(pool.submit(_rows_of, waiting.pop(0), place, settings, beside=True))
            done, running = wait(running, return_when=FIRST_COMPLETED)
            try:
                rows += [row for each in done for row in each.result()]
            except BrokenProcessPool:
                fail("A benchmark's process was ended from outside, as where memory runs out.")
        pool.shutdown()
    order = [*benchmarks]
    return sorted(rows, key=lambda row: order.index(row.benchmark))


def _rows_of(
    names: list[str], place: "Place", settings: "Settings", beside: bool = False
) -> "list[Row]":
    """Return the rows of benchmarks, and say on the way when each is done."""
    from eval.suite import load_benchmarks
    from eval.suite_run import run_suite
    from retrieval.open_kit import Tools
    from service.progress import on_stderr

    rows = []
    name = names[0] if beside else ""
    with closing(Tools(settings)) as tools, on_stderr(brief=True, name=name).running() as shown:
        for row in run_suite(load_benchmarks(names), place, tools, shown):
            rows.append(row)
            took = row.missing or f"{row.seconds:.1f} s"
            note(f"{row.benchmark}: {row.run.name}: {took}")
    return rows


def _end_with_parent() -> None:
    """Let a process of the pool not outlive the command, however that ends."""

    def watch() -> None:
        parent = parent_process()
        if parent:
            parent.join()
            os._exit(CANNOT)

    Thread(target=watch, daemon=True).start()


def _stop(pool: ProcessPoolExecutor) -> None:
    """End the processes of a pool, also what runs in them."""
    for child in active_children():
        child.terminate()
    pool.shutdown(cancel_futures=True)
