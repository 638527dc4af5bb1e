"""`assay bench run | compare`: how right a pipeline's passages are, and whether a change helps."""

from pathlib import Path
from typing import Annotated

import typer

from service.commands.console import STOPPED, give_json, note, out, reporting, tools_of
from service.commands.ingest import checked_embed, chunker_table

app = typer.Typer(no_args_is_help=True, help="Measure a pipeline, and compare two measurements.")
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("run")
@reporting
def run(  # noqa: PLR0913 - the options of a command
    context: typer.Context,
    dataset: Annotated[Path, typer.Option(help="A BEIR folder, or one with judged spans.")],
    pipeline: Annotated[
        str, typer.Option("--pipeline", "-p", help="One of `assay pipelines`, or a .toml file.")
    ] = "hybrid",
    chunker: Annotated[
        str | None,
        typer.Option(help="Default: whole for judged documents, structure for judged spans."),
    ] = None,
    chunk_tokens: Annotated[int | None, typer.Option(help="The most tokens of a chunk.")] = None,
    chunk_overlap: Annotated[int | None, typer.Option(help="Tokens that two share.")] = None,
    embed: Annotated[
        str | None, typer.Option(help="text, title+text or heading+text; default: by judgments.")
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="qrels/SPLIT.tsv; default: test, or the judged spans.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--out", help="The run's folder; default: one in the data dir.")
    ] = None,
    reference: Annotated[
        str | None, typer.Option(help="bm25 measures rank_bm25 instead of a pipeline.")
    ] = None,
    drop_self: Annotated[
        bool, typer.Option("--drop-self", help="Leave out the document whose id is the query's.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Ask a dataset's questions and print precision, recall, nDCG, MRR, MAP, hit rate, latency.

    The corpus is ingested into the index DATASET-CHUNKER first, if it is not there. Every question
    goes through the pipeline that /query runs. The run's folder gets run.trec, metrics.json,
    per_query.jsonl and manifest.json. A stage that fails ends the run: nothing is measured that
    is not served.

    Example: `assay bench run --dataset scifact --pipeline hybrid --out runs/hybrid`
    """
    from eval.bench import Bench
    from eval.run import run_benchmark
    from service.progress import on_stderr

    bench = Bench(
        dataset=dataset,
        pipeline=pipeline,
        chunker=chunker_table(chunker, chunk_tokens, chunk_overlap),
        embed=checked_embed(embed),
        split=split,
        out=folder,
        drop_self=drop_self,
        reference=reference,  # type: ignore[arg-type]  # checked by Bench, which names what is allowed
    )
    try:
        with tools_of(context) as tools, on_stderr().running() as shown:
            found = run_benchmark(bench, tools, shown)
    except KeyboardInterrupt:
        note("Stopped; no run was written. What is indexed is kept.")
        raise typer.Exit(STOPPED) from None
    if as_json:
        give_json({"run": str(found.folder), **found.metrics})
        return
    for line in found.lines():
        out().print(line, markup=False, soft_wrap=True)


@app.command("compare")
@reporting
def compare(
    baseline: Annotated[Path, typer.Argument(metavar="BASELINE", help="The folder of a run.")],
    candidate: Annotated[Path, typer.Argument(metavar="CANDIDATE", help="That of another.")],
    metric: Annotated[str | None, typer.Option(help="One measure, as nDCG@10.")] = None,
    as_json: Json = False,
) -> None:
    """Compare two runs question by question: the difference, its 95% interval, and its test.

    Runs over different corpora, questions or judgments are refused.

    Example: `assay bench compare runs/dense runs/hybrid --metric nDCG@10`
    """
    from eval.compare import compare as compared
    from eval.results import read_run

    found = compared(read_run(baseline), read_run(candidate), metric)
    if as_json:
        give_json(found.as_json())
        return
    for line in found.lines():
        out().print(line, markup=False, soft_wrap=True)
