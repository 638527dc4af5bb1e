"""`assay ingest` and `assay delete`: documents into an index, and out of it."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.commands import options
from service.commands.console import CANNOT, STOPPED, give_json, note, say, tools_of

if TYPE_CHECKING:
    from ingestion.job import Job
    from ingestion.report import Report


def ingest(  # noqa: PLR0913 - the options of a command
    context: typer.Context,
    paths: options.Paths,
    index: options.Index,
    chunker: options.Chunker = None,
    chunk_tokens: options.ChunkTokens = None,
    chunk_overlap: options.ChunkOverlap = None,
    embed: options.Embed = None,
    titles: options.Titles = None,
    domain: options.Domain = None,
    domain_field: options.DomainField = None,
    field: options.Fields = None,
    id_field: options.IdField = None,
    text_field: options.TextField = None,
    title_field: options.TitleField = None,
    sync: options.Sync = False,
    max_file_mb: options.MaxFileMb = 64,
    as_json: options.Json = False,
) -> None:
    """Read files, cut them into chunks, embed and store them. Again: only what has changed.

    Formats: text, Markdown, HTML, PDF, DOCX, CSV, JSON, JSONL (one document a row). A document's
    id is its path in PATH, or a row's id; its domain is what its metadata (a row, front matter)
    says under `domain`. What cannot be read is listed and stops nothing; an emptied document goes.

    A new index gets the chunker structure and title+text; sizes alone mean the chunker fixed.

    Exit codes: 0 done, also where some files failed; 1 where every file failed; 130 stopped by
    Ctrl-C: what is stored is kept, the same command again does the rest.

    Example: `assay ingest notes/ --index notes`

    Example: `assay ingest a.jsonl -i papers --id-field doi --field year:int --chunk-tokens 200`
    """
    from ingestion.job import Job
    from ingestion.load import LoadOptions, count_sources, load

    rows: dict[str, Any] = {"id_field": id_field, "text_field": text_field}
    rows |= {"title_field": title_field, "domain_field": domain_field, "domain": domain}
    read = LoadOptions(**rows, max_file_mb=max_file_mb)
    job = Job(
        load(paths, read),
        index,
        chunker=options.chunker_table(chunker, chunk_tokens, chunk_overlap),
        embed=options.embed_text(embed),
        titles=titles,
        fields=options.field_types(field),
        sync=sync,
    )
    finish(run(context, job, count_sources(paths).bytes), as_json)


def run(context: typer.Context, job: "Job", total_bytes: int) -> "Report":
    """Return the report of a job, after showing how far it was. Raises: typer.Exit on Ctrl-C."""
    from ingestion.ingest import ingest
    from service.progress import on_stderr

    with tools_of(context) as tools, on_stderr(total_bytes).running() as shown:
        try:
            return ingest(job, tools, shown.indexing)
        except KeyboardInterrupt:
            note("Stopped. What is stored is kept; the same command again does the rest.")
            raise typer.Exit(STOPPED) from None


def finish(report: "Report", as_json: bool) -> None:
    """Print a report. Raises: typer.Exit where everything failed."""
    if as_json:
        give_json(report.as_json())
    else:
        say(report.lines())
    if report.failed and not report.documents:
        note("Nothing could be ingested.")
        raise typer.Exit(CANNOT)


def delete(
    context: typer.Context,
    documents: Annotated[list[str], typer.Argument(metavar="DOCUMENT", help="Their ids.")],
    index: options.Index,
) -> None:
    """Remove documents with their chunks from an index; an unknown id removes nothing.

    Example: `assay delete notes/old.md --index notes`
    """
    from ingestion.ingest import delete_documents
    from retrieval.adapters.points import DEFAULT_TENANT

    with tools_of(context) as tools:
        chunks = delete_documents(tools, index, documents, DEFAULT_TENANT)
    note(f"Removed {chunks} chunks of {len(documents)} documents from index {index}.")
