"""`assay query`: one question, its passages in the terminal or as JSON."""

import time
from typing import Annotated

import typer

from service.commands.console import give_json, note, out, tools_of


def query(  # noqa: PLR0913 - the options of a command
    context: typer.Context,
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="What to ask.")],
    index: Annotated[str, typer.Option("--index", "-i", help="The index to ask.")],
    pipeline: Annotated[
        str, typer.Option("--pipeline", "-p", help="One of `assay pipelines`, or a .toml file.")
    ] = "hybrid",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many passages.")] = 10,
    filter: Annotated[
        list[str] | None,
        typer.Option(
            help="'year>=2019', 'kind=policy', 'tag=a|b', 'author?', or JSON; repeatable."
        ),
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show what each stage did, and every score.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, as the service does.")
    ] = False,
) -> None:
    """Ask an index a question and print the passages that answer it, best first.

    Conditions of several --filter options hold together. A value that is a number, true, false or
    "quoted" is that; anything else is text. An empty result exits with 0.

    Example: `assay query "How do I parse JSON?" --index demo --limit 3 --explain`

    Example: `assay query "notice period" -i contracts --filter 'year>=2019' --json`
    """
    from retrieval.config import load_pipeline
    from retrieval.pipeline import fingerprint, run
    from retrieval.types import Search
    from service.as_json import answer_json, timings_json
    from service.filter_text import read_filter

    with tools_of(context) as tools:
        found = load_pipeline(pipeline, tools.settings.pipelines_dir)
        search = Search.of(question, limit, read_filter(filter or []))
        kit = tools.kit(index)
        kit.store.count()  # so that the start of the engine is in no stage's time
        start = time.perf_counter()
        # As in the service: a failing stage that is optional is left out, and named.
        search = run(found, search, kit.at(None, tools.settings.timeout_s))
        total_ms = (time.perf_counter() - start) * 1000
        values = {
            "index": index,
            "pipeline": {"name": found.name, "fingerprint": fingerprint(found, kit)},
            **answer_json(search, explain),
            "timings": timings_json(search, total_ms),
        }
    if as_json:
        give_json(values)
        return
    from service.show import show_hits, show_trace

    for each in values["degraded"]:
        note(f"Degraded, without {each}")
    show_hits(out(), values["hits"], explain)
    if explain:
        show_trace(out(), values["trace"])
