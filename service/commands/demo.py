"""`assay demo`: a real corpus ingested, asked and measured, with what every Python carries."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.commands.console import STOPPED, given_settings, note, out, say, tools_of

if TYPE_CHECKING:
    from retrieval.manifest import EmbedText
    from retrieval.open_kit import Tools

CHUNKER = "structure"
EMBED: "EmbedText" = "heading+text"
PIPELINES = ("dense", "sparse", "hybrid")
QUESTIONS = (
    "Why is my default list shared between calls?",
    "What is the difference between is and ==?",
    "How do I split a string with a regular expression?",
)
MEASURES = {"R@10": "recall@10", "R@100": "recall@100", "RR@10": "MRR@10", "Success@1": "hit@1"}
SHOWN = 3
NEXT = """
Ask it:      assay query "How do I ...?" --index {index} --explain
Serve it:    assay serve
Measure it:  assay bench run --dataset {folder} --pipeline hybrid
Your own:    assay ingest PATH --index NAME"""


def demo(
    context: typer.Context,
    folder: Annotated[
        Path | None, typer.Option(help="Where the dataset is written; default: in the data dir.")
    ] = None,
) -> None:
    """Ingest Python's own documentation, ask it three questions, and measure three pipelines.

    The corpus is read from this Python, the 196 questions and their judged passages come with
    Assay; nothing is downloaded. The first run takes a minute or two, mostly for the encoder. A
    second one takes seconds: nothing has changed, so nothing is embedded again.

    Example: `assay demo`
    """
    from eval.demo.dataset import write_dataset

    try:
        with tools_of(context) as tools:
            folder = folder or tools.settings.data_dir / "demo"
            _say(f"{write_dataset(folder)} documents of this Python are in {folder}")
            show(tools, folder, given_settings(context))
    except KeyboardInterrupt:
        note("Stopped. What is stored is kept; `assay demo` again does the rest.")
        raise typer.Exit(STOPPED) from None


def show(tools: "Tools", folder: Path, given: Mapping[str, Any]) -> None:
    """Ingest, ask and measure a dataset; `given` are the settings to repeat in what is advised."""
    index = f"{folder.resolve().name}-{CHUNKER}"
    _say(f"\n[bold]1. Ingest[/bold] into index {index}")
    _ingest(tools, folder / "corpus", index)
    _say("\n[bold]2. Ask[/bold] with pipeline hybrid: score, document, span, headings, text")
    for question in QUESTIONS:
        _ask(tools, index, question)
    _say("[bold]3. Measure[/bold] on judged passages: means over the answerable questions")
    _measure(tools, folder)
    before = "".join(f" --set {quote(f'{name}={each}')}" for name, each in given.items())
    text = NEXT.format(index=index, folder=folder)
    out().print(text.replace("assay ", f"assay{before} "), markup=False, soft_wrap=True)


def _say(text: str) -> None:
    out().print(text, soft_wrap=True)


def _ingest(tools: "Tools", corpus: Path, index: str) -> None:
    from ingestion.ingest import ingest
    from ingestion.job import Job
    from ingestion.load import LoadOptions, count_sources, load
    from service.progress import on_stderr

    with on_stderr(count_sources([corpus]).bytes).running() as shown:
        job = Job(load([corpus], LoadOptions()), index, chunker=CHUNKER, embed=EMBED, sync=True)
        report = ingest(job, tools, shown.indexing)
    say(report.lines())


def _ask(tools: "Tools", index: str, question: str) -> None:
    from retrieval.config import load_pipeline
    from retrieval.pipeline import run
    from retrieval.types import Search
    from service.as_json import hit_json
    from service.show import show_hits

    found = run(load_pipeline("hybrid"), Search.of(question, SHOWN), tools.kit(index))
    out().print(f"\n? {question}", style="bold", markup=False)
    show_hits(out(), [hit_json(hit) for hit in found.hits], explain=False)


def _measure(tools: "Tools", folder: Path) -> None:
    from eval.bench import Bench
    from eval.run import run_benchmark
    from service.progress import on_stderr
    from service.show import show_table

    runs = tools.settings.data_dir / "runs"
    rows = []
    for name in PIPELINES:
        out_folder = runs / f"{folder.resolve().name}-{name}"
        with on_stderr(brief=True).running() as shown:
            bench = Bench(folder, name, CHUNKER, EMBED, out=out_folder)
            found = run_benchmark(bench, tools, shown)
        rows.append((name, *_row(found.metrics)))
    show_table(out(), ("pipeline", "nDCG@10 [95%]", *MEASURES.values(), "p50 ms"), rows)
    _say(f"Every question and measure of these runs: {runs}")


def _row(metrics: Mapping[str, Any]) -> Sequence[str]:
    measures = metrics["measures"]
    main = measures["nDCG@10"]
    means = [f"{measures[each]['mean']:.3f}" for each in MEASURES]
    interval = f"{main['mean']:.3f} [{main['low']:.2f}, {main['high']:.2f}]"
    return [interval, *means, f"{metrics['latency']['p50_ms']:.1f}"]
