"""`assay why`: why one document, or a part of it, is not in the answer to one question."""

import re
from typing import TYPE_CHECKING, Annotated

import typer

from service.commands import options
from service.commands.console import give_json, say, tools_of

if TYPE_CHECKING:
    from retrieval.types import Span


def why(  # noqa: PLR0913 - the options of a command
    context: typer.Context,
    index: options.Index,
    query: Annotated[str, typer.Option("--query", "-q", help="What was asked.")],
    document: Annotated[str, typer.Option("--document", "-d", help="The document's id.")],
    pipeline: options.Pipeline = "hybrid",
    span: Annotated[
        str | None,
        typer.Option(metavar="START:END", help="A part of it, by the document's characters."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many hits are asked for.")] = 10,
    filter: options.Filters = None,
    as_json: options.Json = False,
) -> None:
    """Say why a document is not in the answer to a question: which stage lost it, how deep it is.

    Shows where it stood after every stage, how deep it lies in each leg (down to 10,000), which of
    the question's words its best passage has, and which changes of the pipeline, tried one by one,
    would bring it back. With --span, a part of the document is looked for: a passage that holds
    half of it. The causes are those of `assay bench losses`, which does this for a whole run.

    Example: `assay why -i demo-structure -q "How do I parse JSON?" -d library/csv.md`

    Example: `assay why -i notes -q "notice period" -d lease.pdf --span 120:480 -p learned --json`
    """
    from eval.judgments import Judgment
    from eval.losses.explanation import explain
    from eval.losses.explanation_text import explanation_lines
    from eval.losses.way import Way
    from retrieval.config import load_pipeline
    from retrieval.types import Search
    from service.filter_text import read_filter

    place = Judgment(query, document, span=None if span is None else read_span(span))
    with tools_of(context) as tools:
        stages = load_pipeline(pipeline, tools.settings.pipelines_dir)
        start = Search.of(query, limit, read_filter(filter or []))
        found = explain(Way(stages, tools.kit(index).at(None, None), start, limit), place)
        lines, values = explanation_lines(found), found.as_json()
    if as_json:
        give_json(values)
    else:
        say(lines)


def read_span(text: str) -> "Span":
    """Return the span of START:END. Raises: InputError."""
    from retrieval.errors import InputError
    from retrieval.types import Span

    found = re.fullmatch(r"\s*\[?(\d+)\s*:\s*(\d+)\)?\]?\s*", text)
    if found is None or int(found[1]) >= int(found[2]):
        raise InputError(f"--span: START:END is needed, as 120:480; got {text!r}.", "span")
    return Span(int(found[1]), int(found[2]))
