"""`assay rerank train`: weights of the learned reranker, from judged questions."""

from pathlib import Path
from typing import Annotated

import typer

from service.commands import options
from service.commands.console import STOPPED, give_json, note, out, reporting, tools_of

app = typer.Typer(no_args_is_help=True, help="Fit the learned reranker to your own judgments.")


@app.command("train")
@reporting
def train(  # noqa: PLR0913 - the options of a command
    context: typer.Context,
    datasets: Annotated[
        list[str],
        typer.Option("--dataset", help="A folder as of `bench run`, or FOLDER:SPLIT; repeat it."),
    ],
    file: Annotated[Path, typer.Option("--out", help="Where the weights are written (.toml).")],
    pipeline: Annotated[
        str, typer.Option("--pipeline", "-p", help="The pipeline before rerank.")
    ] = "hybrid",
    depth: Annotated[int, typer.Option(help="How many first hits of a question are seen.")] = 50,
    blend: Annotated[float, typer.Option(help="The new score's share where gain is shown.")] = 0.7,
    folds: Annotated[int, typer.Option(help="Parts that are held out in turn.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Fit weights on judged questions, and print what they gain on questions held out.

    The corpora are ingested first, where they are not yet. Use the file in a pipeline as
    `{ use = "rerank", weights = "FILE" }`. Questions that weights were fitted on prove nothing:
    measure on others. The file keeps a hash of them, and a run on the same questions says so.

    Example: `assay rerank train --dataset scifact:train --out weights.toml`
    """
    from eval.rerank_training import Training, train
    from service.progress import on_stderr

    training = Training(
        tuple(map(options.dataset_place, datasets)), pipeline, depth, blend, folds=folds
    )
    try:
        with tools_of(context) as tools, on_stderr().running() as shown:
            found = train(training, tools, shown)
    except KeyboardInterrupt:
        note("Stopped; no weights were written. What is indexed is kept.")
        raise typer.Exit(STOPPED) from None
    _write(file, found.as_toml())
    if as_json:
        give_json({"weights_file": str(file), **found.as_json()})
        return
    for line in (*found.lines(), f"weights: {file}"):
        out().print(line, markup=False, soft_wrap=True)


def _write(file: Path, text: str) -> None:
    from retrieval.errors import InputError

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{file} cannot be written: {error.strerror}.", "out") from error
