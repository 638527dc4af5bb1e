"""`assay bench`: how right a pipeline's passages are, whether a change helps, what is lost."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.commands import (
    bench_chunking,
    bench_doctor,
    bench_gate,
    bench_ladder,
    bench_losses,
    bench_report,
    bench_score,
    bench_suite,
    bench_tune,
    options,
)
from service.commands.console import STOPPED, give_json, note, reporting, say, tools_of

if TYPE_CHECKING:
    from eval.results import Run

app = typer.Typer(no_args_is_help=True, help="Measure a pipeline, and compare two measurements.")


@app.command("run")
@reporting
def run(  # noqa: PLR0913 - the options of a command
    context: typer.Context,
    dataset: options.Dataset,
    pipeline: options.Pipeline = "hybrid",
    chunker: options.Chunker = None,
    chunk_tokens: options.ChunkTokens = None,
    chunk_overlap: options.ChunkOverlap = None,
    embed: options.Embed = None,
    split: options.Split = None,
    queries: options.Queries = None,
    folder: options.Out = None,
    reference: options.Reference = None,
    drop_self: options.DropSelf = False,
    report: options.Report = False,
    as_json: options.Json = False,
) -> None:
    """Ask a dataset's questions and print precision, recall, nDCG, MRR, MAP, hit rate, latency.

    The corpus is ingested into the index DATASET-CHUNKER first, if it is not there. Every question
    goes through the pipeline that /query runs. The run's folder gets run.trec, metrics.json,
    per_query.jsonl and manifest.json. A stage that fails ends the run: nothing is measured that
    is not served. Unless options say otherwise, judged documents are cut whole with title+text
    embedded, judged spans by structure with heading+text.

    Example: `assay bench run --dataset scifact --pipeline hybrid --out runs/hybrid`
    """
    from eval.bench import Bench
    from eval.run import run_benchmark
    from service.progress import on_stderr

    bench = Bench(
        dataset=dataset,
        pipeline=pipeline,
        chunker=options.chunker_table(chunker, chunk_tokens, chunk_overlap),
        embed=options.embed_text(embed),
        split=split,
        queries=queries,
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
    line = bench_report.of_run(found.folder, wanted=report)
    _give(found, line, as_json)


def _give(found: "Run", line: str, as_json: bool) -> None:
    """Print a run, and the line about its report."""
    if as_json:
        give_json({"run": str(found.folder), **found.metrics, "notes": found.notes})
    else:
        say([*found.lines(), line])


@app.command("compare")
@reporting
def compare(
    baseline: Annotated[Path, typer.Argument(metavar="BASELINE", help="The folder of a run.")],
    candidate: Annotated[Path, typer.Argument(metavar="CANDIDATE", help="That of another.")],
    metric: Annotated[str | None, typer.Option(help="One measure, as nDCG@10.")] = None,
    as_json: options.Json = False,
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
    else:
        say(found.lines())


app.command("ladder")(bench_ladder.command)
app.command("tune")(bench_tune.command)
app.command("suite")(bench_suite.command)
app.command("chunking")(bench_chunking.command)
app.command("score")(bench_score.command)
app.command("report")(bench_report.command)
app.command("gate")(bench_gate.command)
app.command("doctor")(bench_doctor.command)
app.command("losses", help=bench_losses.HELP)(bench_losses.command)
