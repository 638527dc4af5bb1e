"""Benchmarks that stand in files: what is measured on a dataset, and what was published of it.

A file in `eval/benchmarks/` names a dataset's folder and its runs. A run is a pipeline (shipped, or
a file in `eval/benchmarks/pipelines/`), and where it needs a language model, the file of recorded
answers that comes with the dataset. Figures that others published stand beside the run.
"""

import subprocess
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from eval.scores import LABELS
from retrieval.errors import ConfigError, NotFoundError

SHIPPED = Path(__file__).parent / "benchmarks"
PIPELINES = SHIPPED / "pipelines"
DEMO = "demo"
"""The dataset that needs no folder: it is written from this Python."""
OK, OKISH = 0.0005, 0.005
"""How near a published figure is reproduced; further away, a note has to say why."""


class Table(BaseModel):
    """A table of a benchmark file; a key that is not there is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Published(Table):
    """A figure that others published, on the scale of ours."""

    measure: str
    value: float
    source: str


class Recorded(Table):
    """Recorded answers of a language model: files in the dataset's folder, and for which stage.

    What several files say of one question is one list (see `retrieval/adapters/cassette_import`).
    """

    stage: str
    files: tuple[str, ...] = Field(min_length=1)
    step: int = 0


class Planned(Table):
    """One run. `note` says what has to be known to read its figures."""

    name: str
    pipeline: str = "hybrid"
    chunker: dict[str, Any] | None = None
    embed: str | None = None
    queries: str | None = None
    split: str | None = None
    reference: str | None = None
    recorded: tuple[Recorded, ...] = ()
    published: tuple[Published, ...] = ()
    note: str = ""


class Benchmark(Table):
    """The runs of one dataset, and the measures to show of them.

    `asked_for`: it runs only where it is named.
    """

    dataset: str
    asked_for: bool = False
    about: str = ""
    measures: tuple[str, ...] = ("nDCG@10", "R@10", "R@100")
    runs: tuple[Planned, ...] = Field(min_length=1)


@dataclass(frozen=True)
class Row:
    """What came of one run. `missing` says why it was not made."""

    benchmark: str
    run: Planned
    metrics: Mapping[str, Any]
    fingerprint: str = ""
    seconds: float = 0.0
    missing: str = ""

    def mean(self, measure: str) -> float | None:
        """Return a measure's mean, or None where it was not measured."""
        found = self.metrics.get("measures", {}).get(measure)
        return None if found is None else float(found["mean"])

    def verdicts(self) -> Iterator[tuple[Published, float, str]]:
        """Give each published figure, ours, and how near it is."""
        for each in self.run.published:
            ours = self.mean(each.measure)
            if ours is not None:
                yield each, ours, verdict(ours, each.value)


def verdict(ours: float, published: float) -> str:
    """Return OK within 0.0005, OKish within 0.005, else the difference; bounds belong inside.

    Source: the words and the idea are those of Anserini's reproduction matrices.
    """
    apart = round(abs(ours - published), 9)
    if apart <= OK:
        return "OK"
    return "OKish" if apart <= OKISH else f"{ours - published:+.4f}"


def load_benchmarks(names: Sequence[str] = ()) -> dict[str, Benchmark]:
    """Return benchmarks by name; where none is named, all that do not wait to be asked for.

    Raises: NotFoundError that lists the names, ConfigError for a file that cannot be used.
    """
    files = {file.stem: file for file in sorted(SHIPPED.glob("*.toml"))}
    unknown = [name for name in names if name not in files]
    if unknown:
        raise NotFoundError(
            f"No benchmark {unknown[0]!r}. There are: {', '.join(files)}.", "benchmark"
        )
    found = {name: _read(files[name]) for name in names or files}
    return {name: each for name, each in found.items() if names or not each.asked_for}


def _read(file: Path) -> Benchmark:
    try:
        found = Benchmark.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise ConfigError(f"{file}: {error}") from error
    names = [run.name for run in found.runs]
    if len(set(names)) < len(names):
        raise ConfigError(f"{file}: two runs have one name: {names}.")
    return found


def pipeline_of(run: Planned) -> str:
    """Return the pipeline as `load_pipeline` takes it: a benchmark's own file, or a name."""
    own = PIPELINES / f"{run.pipeline}.toml"
    return str(own) if own.is_file() else run.pipeline


def commit() -> str:
    """Return the commit of this checkout, with `+` where it is changed; '' outside of one."""
    here = Path(__file__).parent
    try:
        name, state = (
            subprocess.run(
                ["git", *words], cwd=here, capture_output=True, text=True, check=True
            ).stdout.strip()
            for words in (["rev-parse", "--short", "HEAD"], ["status", "--porcelain", "-uno"])
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return f"{name}+" if state else name


def as_json(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the rows as JSON values."""
    return [
        {
            "benchmark": row.benchmark,
            "run": row.run.model_dump(exclude_defaults=True),
            "measures": row.metrics.get("measures", {}),
            "verdicts": [
                each.model_dump() | {"ours": ours, "verdict": said}
                for each, ours, said in row.verdicts()
            ],
            "fingerprint": row.fingerprint,
            "seconds": row.seconds,
            "missing": row.missing,
        }
        for row in rows
    ]


def as_markdown(benchmarks: Mapping[str, Benchmark], rows: Sequence[Row], made_by: str) -> str:
    """Return the rows as Markdown: a table for each benchmark, published figures beside ours."""
    lines = [f"Measured at commit {made_by}." if made_by else "Measured outside of a checkout."]
    for name, benchmark in benchmarks.items():
        labels = [_label(each) for each in benchmark.measures]
        lines += ["", f"### {name}", "", *([benchmark.about, ""] if benchmark.about else [])]
        lines += [f"| | {' | '.join(labels)} | published |"]
        lines += ["|---" * (len(labels) + 2) + "|"]
        its = [row for row in rows if row.benchmark == name]
        lines += [_line(row, benchmark.measures) for row in its]
        notes = [f"- {row.run.name}: {row.run.note}" for row in its if row.run.note]
        lines += ["", *notes] if notes else []
    return "\n".join(lines) + "\n"


def _line(row: Row, measures: Sequence[str]) -> str:
    if row.missing:
        return f"| {row.run.name} | {row.missing} |" + " |" * len(measures)
    cells = [row.run.name]
    for place, measure in enumerate(measures):
        found = row.metrics["measures"].get(measure)
        cells.append("-" if found is None else cell(found, interval=place == 0))
    cells.append("; ".join(f"{p.value:.4f} {said}" for p, _, said in row.verdicts()))
    return f"| {' | '.join(cells)} |"


def cell(found: Mapping[str, Any], interval: bool) -> str:
    """Return a mean to four places, with its 95% interval if wanted and there is one."""
    shown = f"{found['mean']:.4f}"
    if interval and found["low"] is not None:
        shown += f" [{found['low']:.3f}, {found['high']:.3f}]"
    return shown


def _label(measure: str) -> str:
    family, _, cutoff = measure.partition("@")
    return f"{LABELS.get(family, family)}@{cutoff}"
