"""Chunkers compared: the same questions, judged by character, over indexes that are cut otherwise.

What is read for a question is the first hits up to a limit, or the first characters of the hits
up to a budget: chunkers of different sizes are comparable only at what they cost to read.
"""

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from eval.answers import Answer, Asking, Served
from eval.bench import Bench, Watch
from eval.chunking_result import CHARACTERS, HITS, OMEGA, Chunking, Contender
from eval.corpus import Judged
from eval.dataset import Dataset, load_dataset
from eval.measured import measured
from eval.prepared import prepared
from eval.results import open_folder
from eval.scores import Scores
from eval.spans import precision_omega
from ingestion.chunk import build_chunker
from ingestion.reading import room
from retrieval.config import load_pipeline
from retrieval.errors import InputError
from retrieval.kit import Embedder
from retrieval.manifest import EmbedText
from retrieval.open_kit import Tools
from retrieval.types import Hit, Span

DEEP = 100
"""So many hits are asked for where a budget says how many are read."""
SPEC = re.compile(r"(?P<use>\w+)(:(?P<tokens>\d+)(/(?P<overlap>\d+))?)?(@(?P<pipeline>.+))?")


@dataclass(frozen=True)
class Spec:
    """A chunker, its sizes and its pipeline, as `fixed:250/125@hybrid`."""

    text: str
    chunker: Mapping[str, Any]
    pipeline: str

    @classmethod
    def read(cls, text: str, pipeline: str) -> "Spec":
        """Return what `NAME[:TOKENS[/OVERLAP]][@PIPELINE]` says.

        Raises: InputError, and ConfigError for a chunker that cannot be built.
        """
        found = SPEC.fullmatch(text.strip())
        if not found:
            raise InputError(
                f"{text!r} is no chunker: NAME, NAME:TOKENS or NAME:TOKENS/OVERLAP, and @PIPELINE"
                " where it is another one, as fixed:250/125@hybrid.",
                "chunker",
            )
        table: dict[str, Any] = {"use": found["use"]}
        if found["tokens"]:
            table["tokens"] = int(found["tokens"])
        if int(found["overlap"] or 0):
            table["overlap"] = int(found["overlap"])
        build_chunker(table)
        return cls(text.strip(), table, found["pipeline"] or pipeline)

    @property
    def folder(self) -> str:
        """The name of its run's folder: `fixed-250-125-hybrid`."""
        return re.sub(r"[^\w.]+", "-", self.text)


@dataclass(frozen=True)
class ChunkingBench:
    """Which chunkers are compared, on what, and how much is read for a question.

    `limit` hits, or with a `budget` so many first characters of the first 100 hits: the last one is
    cut where the room ends, so that all read the same, whatever their size. All are compared with
    the `baseline`, one of `chunkers`; None is the one with the highest recall.
    """

    dataset: Path
    chunkers: tuple[str, ...]
    pipeline: str = "dense"
    embed: EmbedText | None = None
    split: str | None = None
    limit: int = 5
    budget: int | None = None
    baseline: str | None = None
    out: Path | None = None

    def __post_init__(self) -> None:
        """Check the sizes and the names. Raises: InputError."""
        twice = {each for each in self.chunkers if self.chunkers.count(each) > 1}
        if not self.chunkers or twice:
            said = f"{min(twice)!r} is named twice" if twice else "none is named"
            raise InputError(f"Chunkers: {said}.", "chunker")
        if not 1 <= self.limit <= DEEP:
            raise InputError(f"limit: 1 to {DEEP} hits, got {self.limit}.", "limit")
        if self.budget is not None and self.budget < 1:
            raise InputError(f"budget: at least 1 character, got {self.budget}.", "budget")
        if self.baseline is not None and self.baseline not in self.chunkers:
            raise InputError(
                f"baseline: {self.baseline!r} is none of {', '.join(self.chunkers)}.", "baseline"
            )

    @property
    def depth(self) -> int:
        """How many hits are asked for."""
        return self.limit if self.budget is None else DEEP

    def read(self, hits: Sequence[Hit]) -> Iterator[Hit]:
        """Yield the hits that are read, in order."""
        left = self.budget
        for hit in hits[: self.depth]:
            if left is None:
                yield hit
            elif left > 0:
                start, end = hit.chunk.span
                span = Span(start, min(end, start + left))
                left -= end - start
                yield Hit(replace(hit.chunk, span=span), hit.scores)


def compare_chunkers(bench: ChunkingBench, tools: Tools, watch: Watch | None = None) -> Chunking:
    """Return chunkers measured on the same questions; each one's run is a folder in `out`.

    Each index is built where there is none of that cut yet. Raises: AssayError where something is
    missing or cannot be used: as far as can be seen, before anything is indexed.
    """
    watch = watch or Watch()
    specs = [Spec.read(text, bench.pipeline) for text in bench.chunkers]
    dataset = load_dataset(bench.dataset, bench.split)
    for spec in specs:
        tools.load_models(load_pipeline(spec.pipeline, tools.settings.pipelines_dir))
    now = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    name = f"{dataset.name}-chunking-{now}"
    folder = bench.out or tools.settings.data_dir / "runs" / name
    places = [open_folder(folder / spec.folder) for spec in specs]
    contenders = []
    for number, (spec, place) in enumerate(zip(specs, places, strict=True), 1):
        watch.said(f"{spec.text} ({number} of {len(specs)})")
        contenders.append(_contender(bench, dataset, (spec, place), (tools, watch)))
    return Chunking(folder, tuple(contenders), bench.baseline, bench.limit, bench.budget)


def _contender(
    bench: ChunkingBench, dataset: Dataset, what: tuple[Spec, Path], place: tuple[Tools, Watch]
) -> Contender:
    """Index a dataset as a spec says, ask its questions, and write the run into a folder."""
    (spec, folder), (tools, watch) = what, place
    start = time.monotonic()
    as_run = Bench(
        bench.dataset, spec.pipeline, spec.chunker, bench.embed, cutoffs=(bench.depth,), out=folder
    )
    ready = prepared(as_run, dataset, tools, watch)
    asked, store = ready.asked, ready.kit.store
    system = Served(load_pipeline(spec.pipeline, tools.settings.pipelines_dir), ready.kit)
    answers = _answers(bench, system, asked.kept, watch)
    read = {"limit": bench.limit, "budget": bench.budget}
    also = {"seconds": time.monotonic() - start, **asked.also, "read": read}
    run = measured(replace(asked, also=also), system, answers, folder)
    chunks = {id: [chunk.span for chunk in store.chunks(id)] for id in sorted(asked.corpus.ids)}
    indexed = asked.also["indexed"]
    return Contender(
        spec=spec.text,
        run=run,
        scores=run.scores.beside(_also(run.scores, asked.kept, answers, chunks)),
        chunks=sum(map(len, chunks.values())),
        mean_size=_mean_size(chunks),
        seconds=indexed["seconds"] if indexed["chunks"] else None,
        note=_too_large(spec, tools.embedder),
    )


def _too_large(spec: Spec, embedder: Embedder) -> str:
    """Return what to say of chunks that the encoder cannot read whole, if anything."""
    left = room(embedder)
    if spec.chunker.get("tokens", 0) <= left:
        return ""
    return (
        f"{spec.text}: the encoder reads {embedder.limit} tokens at once, {embedder.limit - left}"
        " of them its own, so its chunks are no larger"
    )


def _answers(bench: ChunkingBench, system: Served, kept: Judged, watch: Watch) -> dict[str, Answer]:
    """Return what is read for each question; the first one is asked once before, to warm up."""
    asking = Asking(bench.depth, judgments=kept.judgments)
    queries = [each for each in (*kept.queries, *kept.unanswerable) if each.text.strip()]
    answers = {query.id: Answer() for query in (*kept.queries, *kept.unanswerable)}
    for query in queries[:1]:
        system(query.text, bench.depth)
    for number, query in enumerate(queries, 1):
        start = time.perf_counter()
        states = system(query.text, bench.depth)
        found = asking.taken(query, states, (time.perf_counter() - start) * 1000)
        hits = tuple(bench.read(found.hits))
        documents = tuple(dict.fromkeys(hit.chunk.document_id for hit in hits))
        answers[query.id] = replace(found, hits=hits, documents=documents, exhausted=True)
        watch.asked(number, len(queries))
    return answers


def _also(
    found: Scores,
    kept: Judged,
    answers: Mapping[str, Answer],
    chunks: Mapping[str, Sequence[Span]],
) -> Scores:
    """Return what a run's scores lack: the best precision there could be, and what was read."""
    rows = []
    for id in found.query_ids:
        sizes = [place.span.end - place.span.start for place in answers[id].places]
        rows.append([precision_omega(kept.judgments[id], chunks), sum(sizes), len(sizes)])
    cutoff = found.measures[0].partition("@")[2]
    names = (OMEGA, CHARACTERS, HITS)
    named = tuple(f"{name}@{cutoff}" for name in names)
    return Scores(found.query_ids, named, np.array(rows, dtype=np.float64))


def _mean_size(chunks: Mapping[str, Sequence[Span]]) -> float:
    sizes = [span.end - span.start for spans in chunks.values() for span in spans]
    return float(np.mean(sizes)) if sizes else 0.0
