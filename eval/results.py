"""A measured run: its numbers, where they are kept, and how they are shown."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from eval.documents import descending
from eval.fitted import fitted_notes
from eval.jsonl import records
from eval.scores import LABELS, Scores, table
from eval.statistics import intervals
from eval.unanswerable import lines_of
from retrieval.errors import InputError, NotFoundError

MANIFEST, METRICS, PER_QUERY, RUN = "manifest.json", "metrics.json", "per_query.jsonl", "run.trec"
REPORT, LOSSES = "report.html", "losses.json"
FILES = {MANIFEST, METRICS, PER_QUERY, RUN, REPORT, LOSSES}
FEW = 30
"""With fewer queries the percentile bootstrap's interval of a mean is too narrow.

Of values from Beta(0.6, 0.4), a 95% interval holds the true mean in 74% of samples of 3 queries, in
85% of 5, in 91% of 10.
"""
MAIN = tuple(family for family in LABELS if not family.startswith("document_"))


@dataclass(frozen=True)
class Run:
    """What a run folder holds: its manifest, its metrics, and the scores of each query."""

    folder: Path
    manifest: Mapping[str, Any]
    metrics: Mapping[str, Any]
    scores: Scores

    @property
    def name(self) -> str:
        """The name of the folder."""
        return self.folder.resolve().name

    @property
    def notes(self) -> list[str]:
        """What a reader should know of its system on this dataset before believing the figures."""
        sets = self.manifest["system"].get("fitted_on") or {}
        return fitted_notes(sets, self.manifest["dataset"])

    def lines(self) -> list[str]:
        """Return the run as lines to print: what was measured, findings, the table, the times."""
        dataset = self.manifest["dataset"]
        wording = f", {dataset['wording']}" if dataset.get("wording") else ""
        found = [
            f"{dataset['name']} ({dataset['split']}{wording}):"
            f" {self.metrics['queries']} queries scored, {dataset['documents']} documents;"
            f" {self.manifest['system']['name']}",
            *(f"note: {each['line']}" for each in dataset["findings"]),
            *(f"note: {each}" for each in few(self.metrics["queries"])),
            *(f"note: {each}" for each in self.notes),
            "",
            *grid(self.table()),
            "",
        ]
        if self.metrics["shallow"]:
            found.append(
                f"{self.metrics['shallow']} queries have fewer documents than the deepest measure"
                " asks for: the deepest search did not hold more."
            )
        return [*found, *self._times(), *self.unanswerable(), f"run: {self.folder}"]

    def table(self) -> list[list[str]]:
        """Return the measures as rows of cells, the header first: mean [low, high] at cutoffs."""
        measures: Mapping[str, Any] = self.metrics["measures"]
        cutoffs = list(dict.fromkeys(each.partition("@")[2] for each in measures))
        rows = [["", *(f"@{k}" for k in cutoffs)]]
        for family in MAIN:
            cells = [measures.get(f"{family}@{k}") for k in cutoffs]
            if any(cells):
                rows.append([LABELS[family], *map(_cell, cells)])
        return rows

    def _times(self) -> list[str]:
        times = self.metrics["latency"]
        if not times["queries"]:
            return []
        return [
            f"{times['queries_per_s']:.1f} queries/s, one at a time;"
            f" p50 {times['p50_ms']:.1f} ms, p95 {times['p95_ms']:.1f} ms"
        ]

    def unanswerable(self) -> list[str]:
        """Return what the questions without an answer say; nothing where none was asked."""
        found = self.metrics.get("unanswerable")
        return lines_of(found) if found else []


def _cell(measure: Mapping[str, Any] | None) -> str:
    if measure is None:
        return ""
    if measure["low"] is None:
        return f"{measure['mean']:.4f}"
    return f"{measure['mean']:.4f} [{measure['low']:.3f}, {measure['high']:.3f}]"


def few(queries: int) -> tuple[str, ...]:
    """Return what to know of intervals over so few queries; nothing where they are enough."""
    if queries >= FEW:
        return ()
    if queries == 1:
        return ("One query only: no interval is claimed.",)
    return (f"{queries} queries are few: intervals are narrower than true.",)


def grid(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows of cells as aligned lines: the first column to the left, others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(
            [
                row[0].ljust(widths[0]),
                *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True)),
            ]
        ).rstrip()
        for row in rows
    ]


def summary(scores: Scores, resamples: int, seed: int) -> dict[str, dict[str, float | None]]:
    """Return mean, low and high end of the 95% interval by measure; no ends for one query."""
    low, high = intervals(scores.values, resamples, seed)
    means = scores.values.mean(axis=0)
    return {
        measure: {"mean": float(means[i]), "low": _end(low[i]), "high": _end(high[i])}
        for i, measure in enumerate(scores.measures)
    }


def _end(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def open_folder(folder: Path) -> Path:
    """Make a folder for a run, and return it; an earlier run in it stays until this one is written.

    Raises: InputError for a file, for a folder that holds anything that is no run, and for one
    that cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        other = sorted({each.name for each in folder.iterdir()} - FILES)
    except OSError as error:
        raise InputError(f"{folder} cannot be a run's folder: {error.strerror}.", "out") from error
    if other:
        raise InputError(
            f"{folder} holds {other[0]!r}, which is no part of a run; give another folder.", "out"
        )
    return folder


def new_folder(data_dir: Path, dataset: str, system: str) -> Path:
    """Return a folder that no other run has: dataset, system, time in UTC."""
    now = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")[:-3]
    name = re.sub(r"[^\w.-]+", "-", f"{dataset}-{system}")
    return data_dir / "runs" / f"{name}-{now}"


def write_run(
    run: Run, lines: Iterable[Mapping[str, Any]], ranked: Mapping[str, Sequence[str]]
) -> None:
    """Write a run into its folder, the manifest last: without it, a run is not whole.

    `lines` are those of `per_query.jsonl`, `ranked` the distinct documents by query, best first.
    """
    for name in FILES:
        (run.folder / name).unlink(missing_ok=True)
    written = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False).encode
    with (run.folder / PER_QUERY).open("w", encoding="utf-8") as file:
        for line in lines:
            file.write(written(line) + "\n")
    tag = trec_id(run.manifest["system"]["name"])
    words = {id: trec_id(id) for id in {id for documents in ranked.values() for id in documents}}
    ends: dict[int, list[str]] = {}
    with (run.folder / RUN).open("w", encoding="utf-8") as file:
        for query_id, documents in ranked.items():
            start, distinct = f"{trec_id(query_id)} Q0 ", dict.fromkeys(documents)
            if len(distinct) not in ends:  # the same for all lists of one length
                scores = enumerate(descending(documents).values(), 1)
                ends[len(distinct)] = [f" {rank} {each:g} {tag}\n" for rank, each in scores]
            rest = zip(distinct, ends[len(distinct)], strict=True)
            file.write("".join([f"{start}{words[id]}{end}" for id, end in rest]))
    for name, data in ((METRICS, run.metrics), (MANIFEST, run.manifest)):
        text = json.dumps(data, ensure_ascii=False, allow_nan=False, indent=2, default=str)
        (run.folder / name).write_text(text + "\n", encoding="utf-8")


def trec_id(id: str) -> str:
    """Return an id as one word, as TREC files need: white space in it stands as %20 does."""
    return "".join(quote(char) if char.isspace() else char for char in id)


def read_run(folder: Path) -> Run:
    """Return the run of a folder. Raises: NotFoundError, InputError for one that is not whole."""
    if not (folder / MANIFEST).is_file():
        raise NotFoundError(
            f"{folder} is no finished run: {MANIFEST} is not there. `bench run --out` makes one.",
            "run",
        )
    rows = {}
    for where, record in records(folder / PER_QUERY):
        if "query_id" not in record or not isinstance(record.get("measures"), dict):
            raise InputError(f"{where}: query_id and measures are needed.", "run")
        if record["measures"]:
            rows[str(record["query_id"])] = record["measures"]
    if not rows:
        raise InputError(f"{folder}: {PER_QUERY} holds no scored query.", "run")
    scores = table(tuple(rows), rows)
    return Run(folder, _read(folder / MANIFEST), _read(folder / METRICS), scores)


def _read(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{file} cannot be read: {error}.", "run") from error
    if not isinstance(found, dict):
        raise InputError(f"{file}: a JSON object is needed.", "run")
    return found
