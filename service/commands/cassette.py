"""`assay cassette import | show`: recorded answers of language models, to replay."""

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from service.commands import options
from service.commands.console import give_json, out, reporting, say, settings_of

app = typer.Typer(
    no_args_is_help=True, help="Record answers of language models, and replay them for nothing."
)
EXAMPLES = 3
LONGEST = 100


@app.command("import")
@reporting
def import_(  # noqa: PLR0913 - the options of a command
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="JSON lines {_id, text}.")],
    dataset: Annotated[Path, typer.Option(help="The folder of the questions, or a file of them.")],
    stage: Annotated[str, typer.Option(help="The stage that would have asked for them.")],
    step: Annotated[int, typer.Option(help="Which call of the stage; expand keywords: 1.")] = 0,
    file: Annotated[
        Path | None, typer.Option("--out", help="The cassette; default: the setting cassette.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Put model outputs that exist already into a cassette, so that a stage can replay them.

    Each line is {_id, text}, the id that of a question of the dataset; the text is what a model
    wrote, or the JSON that the stage reads. {_id, steps: [{question, answer}]} is a decomposition.
    Several files about the same questions give a list: two wordings, three hypothetical passages.
    What is imported answers any prompt of the stage. Importing again replaces.

    Example: `assay cassette import gemini-100.jsonl --dataset scifact --stage hyde --out c.jsonl`

    Then: `assay --set cassette=c.jsonl --set cassette_mode=replay bench run --dataset scifact -p P`
    """
    from retrieval.adapters.cassette import Cassette
    from retrieval.adapters.cassette_import import Generations, import_generations

    cassette = Cassette(_file(file, context))
    found = import_generations(Generations(files, dataset, stage, step), cassette)
    if as_json:
        give_json({"cassette": str(cassette.path), "digest": cassette.digest, **found._asdict()})
        return
    say([f"{cassette.path}: {found.answers:,} answers for {stage}, digest {cassette.digest[:12]}"])
    for what, ids in (
        ("ids are no questions of the dataset (left out)", found.unknown),
        (
            "questions have two answers, or the words of another (the later answer stays)",
            found.repeated,
        ),
        ("questions have no answer (asked in a replay, they are an error)", found.missing),
    ):
        if ids:
            say([f"note: {len(ids):,} {what}, such as {', '.join(ids[:EXAMPLES])}"])


@app.command("show")
@reporting
def show(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(metavar="CASSETTE", help="Default: the setting cassette.")
    ] = None,
    query: Annotated[str, typer.Option(help="Show the answers to questions that hold this.")] = "",
    as_json: options.Json = False,
) -> None:
    """List what a cassette holds: answers by stage, step and model, or those to one question.

    Example: `assay cassette show c.jsonl --query "0-dimensional biomaterials"`
    """
    from retrieval.adapters.cassette import Cassette
    from retrieval.errors import NotFoundError

    path = _file(file, context)
    if not path.is_file():
        raise NotFoundError(f"Cassette {path} is not there.", "cassette")
    cassette = Cassette(path)
    takes = [each for each in cassette if query.lower() in each.query.lower()]
    counts = Counter((each.stage, each.step, _source(each)) for each in takes)
    rows = [(stage, step, by, count) for (stage, step, by), count in sorted(counts.items())]
    if as_json:
        names = ("stage", "step", "by", "answers")
        found: dict[str, Any] = {"cassette": str(path), "digest": cassette.digest}
        found["counts"] = [dict(zip(names, row, strict=True)) for row in rows]
        if query:
            found["answers"] = [_row(each) for each in takes]
        give_json(found)
        return
    from service.show import show_table

    say([f"{path}: {len(takes):,} answers, digest {cassette.digest[:12]}"])
    if query:
        show_table(out(), ("question", "stage", "step", "answer"), map(_cells, takes))
    else:
        show_table(out(), ("stage", "step", "by", "answers"), rows)


def _file(file: Path | None, context: typer.Context) -> Path:
    from retrieval.errors import InputError

    found = file or settings_of(context).cassette
    if found is None:
        raise InputError("Name the cassette's file, or set cassette.", "cassette")
    return found


def _source(take: Any) -> str:
    return "imported" if take.imported else take.model


def _row(take: Any) -> dict[str, Any]:
    values = {"query": take.query, "stage": take.stage, "step": take.step, "by": _source(take)}
    return {**values, "answer": take.answer}


def _cells(take: Any) -> tuple[str, str, int, str]:
    import json

    answer = take.answer
    text = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
    short = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
    return take.query, take.stage, take.step, short
