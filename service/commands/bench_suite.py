"""`assay bench suite`: the shipped benchmarks, with what others published beside each figure."""

import json
from pathlib import Path
from typing import Annotated

import typer

from service.commands import options
from service.commands.console import (
    CANNOT,
    STOPPED,
    give_json,
    note,
    reporting,
    say,
    settings_of,
    tools_of,
)

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
    results.json and results.md are in the folder.

    Example: `assay bench suite scifact --data datasets/`
    """
    from eval.suite import as_json as rows_json
    from eval.suite import as_markdown, commit, load_benchmarks
    from eval.suite_run import Place, run_suite
    from service.progress import on_stderr

    settings = settings_of(context, bench_data=data)
    benchmarks = load_benchmarks(names or ())
    out = folder or settings.data_dir / "suite"
    out.mkdir(parents=True, exist_ok=True)
    rows = []
    try:
        with tools_of(context) as tools, on_stderr(brief=True).running() as shown:
            for row in run_suite(benchmarks, Place(settings.bench_data, out), tools, shown):
                rows.append(row)
                note(f"{row.benchmark}: {row.run.name}: {row.missing or f'{row.seconds:.1f} s'}")
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
