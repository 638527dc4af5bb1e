"""Running benchmarks that stand in files: every run through the same pipeline object as /query."""

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import cast

from eval.bench import Bench, Watch
from eval.dataset import load_dataset
from eval.demo.dataset import write_dataset
from eval.prepared import Prepared, prepared
from eval.remembered import Remembered
from eval.results import Run, open_folder
from eval.run import run_benchmark, run_on
from eval.suite import DEMO, Benchmark, Planned, Row, pipeline_of
from retrieval.adapters.cassette import Cassette
from retrieval.adapters.cassette_import import Generations, import_generations
from retrieval.manifest import EmbedText
from retrieval.open_kit import Tools


@dataclass(frozen=True)
class Place:
    """Where the datasets are (None: only the demo can be measured), and where runs are kept."""

    data: Path | None
    out: Path

    def dataset(self, name: str) -> Path | None:
        """Return a dataset's folder, the demo's freshly written, or None where it is not there."""
        if name == DEMO:
            write_dataset(self.out / DEMO)
            return self.out / DEMO
        folder = self.data / name if self.data else None
        return folder if folder and folder.is_dir() else None

    def missing(self, name: str) -> str:
        """Return why a dataset is skipped."""
        if self.data is None:
            return "skipped: --data or bench_data has to name the folder of the datasets"
        return f"skipped: no folder {name}"


def run_suite(
    benchmarks: Mapping[str, Benchmark], place: Place, tools: Tools, watch: Watch
) -> Iterator[Row]:
    """Give a row for each run, as they are made; a dataset that is not there gives rows too.

    Raises: AssayError where a run fails: a figure that is missing must not look like one that was
    not asked for.
    """
    for name, benchmark in benchmarks.items():
        folder = place.dataset(benchmark.dataset)
        ready = Ready(tools, watch)
        for planned in benchmark.runs:
            if folder is None:
                yield Row(name, planned, {}, missing=place.missing(benchmark.dataset))
            else:
                yield _row(name, (folder, place.out), ready, planned)


def _row(name: str, folders: tuple[Path, Path], ready: "Ready", planned: Planned) -> Row:
    """Return the row of one run on the dataset in the first folder, kept in the second."""
    start = time.monotonic()
    folder, kept = folders
    recording = kept / "cassettes" / name / f"{_slug(planned.name)}.jsonl"
    its = _replaying(planned, folder, recording, ready.tools)
    found = _measured(
        _bench(planned, folder, kept / "runs" / name / _slug(planned.name)), ready, its
    )
    fingerprint = str(found.manifest["system"].get("fingerprint", ""))
    return Row(name, planned, found.metrics, fingerprint, time.monotonic() - start)


@dataclass(frozen=True)
class Ready:
    """The datasets of one benchmark, each read and indexed once for all runs that ask the same.

    Nor is the encoder asked the same twice: a suite is for figures of quality, not of speed.
    """

    tools: Tools
    watch: Watch
    known: dict[str, Prepared] = field(default_factory=dict)

    @cached_property
    def _embedder(self) -> Remembered:
        return Remembered(self.tools.embedder)

    def of(self, bench: Bench) -> Prepared:
        """Return the dataset of a run, ready to be asked."""
        key = repr((bench.dataset, bench.split, bench.queries, bench.chunker, bench.embed))
        if key not in self.known:
            dataset = load_dataset(bench.dataset, bench.split, bench.queries)
            found = prepared(bench, dataset, self.tools, self.watch)
            self.known[key] = replace(found, kit=replace(found.kit, embedder=self._embedder))
        return self.known[key]


def _measured(bench: Bench, ready: Ready, tools: Tools) -> Run:
    if bench.reference is not None:
        return run_benchmark(bench, tools, ready.watch)
    assert bench.out is not None
    open_folder(bench.out)
    return run_on(ready.of(bench), bench, tools, ready.watch)


def _bench(planned: Planned, folder: Path, out: Path) -> Bench:
    return Bench(
        dataset=folder,
        pipeline=pipeline_of(planned),
        chunker=planned.chunker,
        embed=cast("EmbedText | None", planned.embed),
        split=planned.split,
        out=out,
        queries=folder / planned.queries if planned.queries else None,
        reference=planned.reference,  # type: ignore[arg-type]  # Bench names what is allowed
        timed=False,
    )


def _replaying(planned: Planned, folder: Path, recording: Path, tools: Tools) -> Tools:
    """Return the tools of a run: with its recorded answers, freshly imported, where it has some."""
    if not planned.recorded:
        return tools
    recording.parent.mkdir(parents=True, exist_ok=True)
    recording.unlink(missing_ok=True)
    cassette = Cassette(recording)
    asked = folder / planned.queries if planned.queries else folder
    for each in planned.recorded:
        files = [folder / file for file in each.files]
        import_generations(Generations(files, asked, each.stage, each.step), cassette)
    return tools.replaying(recording)


def _slug(name: str) -> str:
    """Return a name as a folder's."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-.") or "run"
