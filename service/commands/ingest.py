"""`assay ingest` and `assay delete`: documents into an index, and out of it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from service.commands.console import CANNOT, STOPPED, give_json, note, out, tools_of


def ingest(  # noqa: PLR0913 - the options of a command
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files and folders.")],
    index: Annotated[str, typer.Option("--index", "-i", help="Made if it is not there.")],
    chunker: Annotated[
        str | None,
        typer.Option(help="whole, fixed, sentences or structure; default: structure."),
    ] = None,
    chunk_tokens: Annotated[int | None, typer.Option(help="The most tokens of a chunk.")] = None,
    chunk_overlap: Annotated[int | None, typer.Option(help="Tokens that two share.")] = None,
    embed: Annotated[
        str | None,
        typer.Option(help="text, title+text or heading+text; default: title+text."),
    ] = None,
    domain: Annotated[str | None, typer.Option(help="The domain of all documents.")] = None,
    field: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME:TYPE",
            help="Metadata that is indexed for filters: str, int, float, bool or date; repeatable.",
        ),
    ] = None,
    id_field: Annotated[str | None, typer.Option(help="The field of rows that is the id.")] = None,
    text_field: Annotated[str | None, typer.Option(help="The one that is the text.")] = None,
    title_field: Annotated[str | None, typer.Option(help="The one that is the title.")] = None,
    sync: Annotated[
        bool, typer.Option("--sync", help="Remove documents that are in none of the paths.")
    ] = False,
    max_file_mb: Annotated[
        float, typer.Option(min=0.001, help="The largest file, or row of one.")
    ] = 64,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Read files, cut them into chunks, embed and store them. Again: only what has changed.

    Formats: text, Markdown, HTML, PDF, DOCX, CSV, JSON and JSONL (one document a row). A
    document's id is its path in the PATH given, or a row's id; one that is there already is
    replaced where its text has changed, and costs nothing where it has not. What cannot be read is
    listed with its reason and stops nothing.

    Exit codes: 0 done, also where some files failed (the report lists them); 1 where every file
    failed; 130 stopped by Ctrl-C: what is stored is kept, the same command again does the rest.

    Example: `assay ingest notes/ --index notes`

    Example: `assay ingest a.jsonl -i papers --id-field doi --field year:int --chunk-tokens 200`
    """
    from ingestion import ingest as ingestion
    from ingestion.job import Job
    from ingestion.load import LoadOptions, count_sources, load
    from service.progress import on_stderr

    read = LoadOptions(
        id_field=id_field, text_field=text_field, title_field=title_field, max_file_mb=max_file_mb
    )
    with tools_of(context) as tools, on_stderr(count_sources(paths).bytes).running() as shown:
        job = Job(
            load(paths, read),
            index,
            chunker=chunker_table(chunker, chunk_tokens, chunk_overlap),
            embed=checked_embed(embed),
            fields=field_types(field or []),
            domain=domain,
            sync=sync,
        )
        try:
            report = ingestion.ingest(job, tools, shown.indexing)
        except KeyboardInterrupt:
            note("Stopped. What is stored is kept; the same command again does the rest.")
            raise typer.Exit(STOPPED) from None
    if as_json:
        give_json(report.as_json())
    else:
        for line in report.lines():
            out().print(line, markup=False, soft_wrap=True)
    if report.failed and not report.documents:
        note("Nothing could be ingested.")
        raise typer.Exit(CANNOT)


def chunker_table(
    name: str | None, tokens: int | None, overlap: int | None
) -> str | dict[str, Any] | None:
    """Return a chunker's table; sizes without a name are those of `fixed`."""
    sizes = {"tokens": tokens, "overlap": overlap}
    given = {key: value for key, value in sizes.items() if value is not None}
    return {"use": name or "fixed", **given} if given else name


def checked_embed(embed: str | None) -> Any:
    """Return what is embedded, if it can be. Raises: InputError that lists what can."""
    from typing import get_args

    from retrieval.errors import InputError
    from retrieval.manifest import EmbedText

    if embed is not None and embed not in get_args(EmbedText):
        allowed = ", ".join(get_args(EmbedText))
        raise InputError(f"--embed: {allowed} are allowed, got {embed!r}.", "embed")
    return embed


def field_types(texts: Sequence[str]) -> dict[str, Any]:
    """Return the types of fields by name. Raises: InputError."""
    from typing import get_args

    from retrieval.errors import InputError
    from retrieval.manifest import FieldType

    found = {}
    for text in texts:
        name, _, kind = text.rpartition(":")
        if not name or kind not in get_args(FieldType):
            raise InputError(
                f"--field: NAME:TYPE is needed, TYPE one of {', '.join(get_args(FieldType))};"
                f" got {text!r}.",
                "field",
            )
        found[name] = kind
    return found


def delete(
    context: typer.Context,
    documents: Annotated[list[str], typer.Argument(metavar="DOCUMENT...", help="Their ids.")],
    index: Annotated[str, typer.Option("--index", "-i", help="The index that holds them.")],
) -> None:
    """Remove documents with their chunks from an index; an unknown id removes nothing.

    Example: `assay delete notes/old.md --index notes`
    """
    from ingestion.ingest import delete_documents
    from retrieval.adapters.points import DEFAULT_TENANT

    with tools_of(context) as tools:
        chunks = delete_documents(tools, index, documents, DEFAULT_TENANT)
    note(f"Removed {chunks} chunks of {len(documents)} documents from index {index}.")
