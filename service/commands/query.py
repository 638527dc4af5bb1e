"""`assay query`: one question, its passages in the terminal or as JSON."""

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.commands import options
from service.commands.console import give_json, note, out, tools_of

if TYPE_CHECKING:
    from retrieval.kit import Kit
    from retrieval.pipeline import Pipeline
    from retrieval.types import Search


def query(  # noqa: PLR0913 - the options of a command
    context: typer.Context,
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="What to ask.")],
    index: options.Index,
    pipeline: options.Pipeline = "hybrid",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many passages.")] = 10,
    filter: options.Filters = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show what each stage did, and every score.")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Ask an index a question and print the passages that answer it, best first.

    Conditions of several --filter options hold together. A value that is a number, true, false or
    "quoted" is that; anything else is text. Finding nothing is no error.

    Example: `assay query "How do I parse JSON?" --index demo-structure --limit 3 --explain`

    Example: `assay query "notice period" -i contracts --filter 'year>=2019' --json`
    """
    from retrieval.config import load_pipeline
    from retrieval.types import Search
    from service.filter_text import read_filter

    with tools_of(context) as tools:
        found = load_pipeline(pipeline, tools.settings.pipelines_dir)
        search = Search.of(question, limit, read_filter(filter or []))
        values = answer(found, search, tools.kit(index), explain)
    if as_json:
        give_json(values)
    else:
        show(values, explain)


def answer(pipeline: "Pipeline", search: "Search", kit: "Kit", explain: bool) -> dict[str, Any]:
    """Return what /query answers to a search. Raises: AssayError."""
    from retrieval.pipeline import fingerprint, run
    from service.as_json import answer_json, timings_json

    kit.store.count()  # so that the start of the engine is in no stage's time
    start = time.perf_counter()
    # As in the service, a failing stage that is optional is left out, and named; but a model that
    # is loaded for one question may take its time.
    search = run(pipeline, search, kit.at(None, None))
    total_ms = (time.perf_counter() - start) * 1000
    return {
        "index": kit.store.manifest.name,
        "pipeline": {"name": pipeline.name, "fingerprint": fingerprint(pipeline, kit)},
        **answer_json(search, explain),
        "timings": timings_json(search, total_ms),
    }


def show(values: dict[str, Any], explain: bool) -> None:
    """Print an answer for people."""
    from service.show import show_domains, show_hits, show_trace

    for each in values["degraded"]:
        note(f"Degraded, without {each}")
    show_hits(out(), values["hits"], explain)
    if explain:
        show_domains(out(), values["domains"])
        show_trace(out(), values["trace"])
