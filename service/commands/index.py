"""`assay index list | show | drop` and `assay delete`: what is there, and taking it away."""

from typing import Annotated

import typer

from service.commands import options
from service.commands.console import CANNOT, fail, give_json, note, out, reporting, tools_of

app = typer.Typer(no_args_is_help=True, help="List, show and drop indexes.")


@app.command("list")
@reporting
def list_indexes(context: typer.Context, as_json: options.Json = False) -> None:
    """List the indexes with their chunks and what they were built with.

    Example: `assay index list`
    """
    from service.as_json import index_json

    with tools_of(context) as tools:
        found = [index_json(tools.indexes, name) for name in tools.indexes.names()]
        where = tools.settings.qdrant_url or tools.settings.data_dir
    if as_json:
        give_json({"indexes": found})
        return
    if not found:
        note(f"No index is in {where}. Make one: assay ingest PATH --index NAME")
        return
    from service.show import show_table

    rows = []
    for each in found:
        manifest = each.get("manifest")
        built = (
            (manifest["embed"], manifest["chunker"].get("use"), manifest["encoder"].get("name"))
            if manifest
            else (None, None, each["error"])
        )
        created = manifest["created"] if manifest else None
        rows.append((each["name"], each.get("chunks"), *built, created))
    show_table(out(), ("index", "chunks", "embedded", "chunker", "encoder", "created"), rows)


@app.command("show")
@reporting
def show_index(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The index.")],
    as_json: options.Json = False,
) -> None:
    """Show what an index was built with: its manifest, its chunks, its fingerprint.

    Example: `assay index show docs`
    """
    from service.as_json import index_json

    with tools_of(context) as tools:
        tools.indexes.open(name)
        found = index_json(tools.indexes, name)
    if as_json:
        give_json(found)
        return
    from service.show import show_pairs

    manifest = found.pop("manifest", {})
    show_pairs(out(), {**found, **{k: v for k, v in manifest.items() if k != "name"}})


@app.command("drop")
@reporting
def drop(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The index.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove an index for good; asks first unless --yes.

    Example: `assay index drop docs --yes`
    """
    with tools_of(context) as tools:
        chunks = tools.indexes.open(name).count()
        if not yes and not typer.confirm(f"Drop index {name} with {chunks} chunks?", err=True):
            fail("Nothing was dropped.", CANNOT)
        tools.indexes.drop(name)
    note(f"Dropped index {name} with {chunks} chunks.")
