"""The run of another system: what it found, read from a file, in the order that trec_eval gives it.

TREC: `query Q0 document rank score tag`, a line for each document. JSON lines: objects with
`query_id`, `document_id`, `score` and, where judgments are on spans, `start` and `end`.
"""

import hashlib
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import ge
from pathlib import Path
from typing import Any

import numpy as np

from eval.jsonl import numbered_lines, place, records, string
from eval.judgments import read_span
from eval.questions import Finding, findings
from retrieval.errors import InputError
from retrieval.types import Chunk, Hit, Score, Span

COLUMNS = "query, Q0, document, rank, score, tag"
WHOLE = Span(0, 0)
"""The span of a hit that names no more than its document."""
BY = "run"
Place = str | tuple[str, Span]
"""A document, or a span of it."""


@dataclass
class Listed:
    """The lines of one query, column by column: `spans` and `ranks` where the file has them."""

    documents: list[str] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    ranks: list[str] = field(default_factory=list)

    def ordered(self) -> "Listed":
        """Return the lines by descending score (float32), ties by descending id, then by span."""
        exact = np.array(self.scores, dtype=np.float32)
        if np.all(exact[:-1] > exact[1:]):  # as most systems write them
            return self
        keys = list(zip(exact.tolist(), self.documents, strict=True))
        lines = list(range(len(keys)))
        if self.spans:
            lines.sort(key=self.spans.__getitem__)
        lines.sort(key=keys.__getitem__, reverse=True)
        return Listed(
            [self.documents[i] for i in lines],
            [self.scores[i] for i in lines],
            [self.spans[i] for i in lines] if self.spans else [],
            [self.ranks[i] for i in lines] if self.ranks else [],
        )

    def places(self) -> Sequence[Place]:
        """Return each line's document or, where the file has spans, both."""
        return list(zip(self.documents, self.spans, strict=True)) if self.spans else self.documents

    def repeated(self) -> list[str]:
        """Return the documents of lines whose place is in an earlier line."""
        places = self.places()
        if len(set(places)) == len(places):
            return []
        first: dict[Place, int] = {}
        lines = enumerate(places)
        return [self.documents[i] for i, each in lines if first.setdefault(each, i) != i]

    def ranked_otherwise(self) -> bool:
        """Return whether the ranks are numbers that do not ascend; others are not looked at."""
        try:
            ranks = list(map(int, self.ranks))
        except ValueError:
            return False
        return any(map(ge, ranks, ranks[1:]))

    def hits(self, chunks: dict[Place, Chunk]) -> tuple[Hit, ...]:
        """Return each place once; `chunks` are those of all queries, since most come again."""
        places, scores = self.places(), self.scores
        distinct = set(places)
        if len(distinct) < len(places):
            first: dict[Place, float] = {}
            for each, score in zip(places, scores, strict=True):
                first.setdefault(each, score)
            places, scores = list(first), list(first.values())
        for each in distinct:
            if each not in chunks:
                chunks[each] = _chunk(each)
        pairs = zip(places, scores, strict=True)
        return tuple([Hit(chunks[each], (Score(BY, score),)) for each, score in pairs])


def _chunk(place: Place) -> Chunk:
    if isinstance(place, str):
        return Chunk(place, place, "", WHOLE)
    document_id, span = place
    return Chunk(f"{document_id}:{span.start}:{span.end}", document_id, "", span)


@dataclass(frozen=True)
class RunFile:
    """What a system found, by query: each place once, best first.

    `has_spans` says whether its hits are places in documents. `name` is its tag, or the file's
    name where there is none.
    """

    file: Path
    name: str
    hits: Mapping[str, tuple[Hit, ...]]
    has_spans: bool
    hash: str
    findings: tuple[Finding, ...] = ()

    def describe(self) -> dict[str, Any]:
        """Return where it comes from, for the manifest of a run."""
        return {
            "kind": "run file",
            "name": self.name,
            "file": str(self.file.resolve()),
            "hash": self.hash,
        }


def read_run_file(file: Path) -> RunFile:
    """Return a run file's hits, by descending score, ties by descending document id.

    That is trec_eval's order: it reads scores as float32 and never looks at the rank column.

    Raises: NotFoundError for a missing file, InputError that names file and line for what cannot
    be read, and for a score that is no finite number.
    """
    lists: dict[str, Listed] = defaultdict(Listed)
    tags = (_read_json if file.suffix == ".jsonl" else _read_trec)(file, lists)
    if not lists:
        raise InputError(f"{file} holds no line: {COLUMNS} are needed.", "run")
    with_spans = [bool(each.spans) for each in lists.values()]
    ordered = {id: each.ordered() for id, each in lists.items()}
    chunks: dict[Place, Chunk] = {}
    return RunFile(
        file,
        next(iter(tags), file.stem),
        {id: found.hits(chunks) for id, found in ordered.items()},
        all(with_spans),
        hashlib.sha256(file.read_bytes()).hexdigest(),
        (
            *findings("further tags are in the run file (the first names it)", list(tags)[1:]),
            *findings(
                "lines of the run repeat a query's document (its best line counts)",
                (f"{id} -> {each}" for id, found in ordered.items() for each in found.repeated()),
            ),
            *findings(
                "queries of the run have ranks that disagree with the order of their scores (scores"
                " order, ties by descending id, as in trec_eval)",
                (id for id, found in ordered.items() if found.ranked_otherwise()),
            ),
        ),
    )


def _read_trec(file: Path, lists: dict[str, Listed]) -> dict[str, None]:
    """Read the lines of a TREC run into lists by query; return the tags, in their order."""
    tags: dict[str, None] = {}
    where = place(file)
    for number, line in numbered_lines(file):
        cells = [each.strip() for each in line.split("\t")] if "\t" in line else line.split()
        if len(cells) != 6:
            raise InputError(
                f"{where}:{number}: 6 columns are needed ({COLUMNS}), separated by tabs or"
                f" spaces; got {len(cells)}: {line.strip()!r}.",
                "run",
            )
        query_id, _, document_id, rank, score, tag = cells
        found = lists[query_id]
        found.documents.append(document_id)
        found.scores.append(_score(score, where, number))
        found.ranks.append(rank)
        tags[tag] = None
    return tags


def _read_json(file: Path, lists: dict[str, Listed]) -> dict[str, None]:
    """Read JSON lines into lists by query; there are no tags. Raises: InputError."""
    with_span: bool | None = None
    for where, record in records(file):
        span = read_span(record.get("start"), record.get("end"), where)
        if with_span not in (None, span is not None):
            raise InputError(f"{where}: start and end are needed in every line or in none.", "run")
        with_span = span is not None
        found = lists[string(record, "query_id", where)]
        found.documents.append(string(record, "document_id", where))
        found.scores.append(_score(record.get("score"), where))
        if span is not None:
            found.spans.append(span)
    return {}


def _score(value: object, where: str, line: int | None = None) -> float:
    """Return a finite number. Raises: InputError that names the place, with a line's number."""
    try:
        score = float(value)  # type: ignore[arg-type]  # what is no number raises
        wrong = "" if math.isfinite(score) else f"is {value}, which has no place in an order"
    except (TypeError, ValueError):
        wrong = f"must be a number, got {value!r}"
    if wrong:
        there = where if line is None else f"{where}:{line}"
        raise InputError(f"{there}: the score {wrong}.", "run")
    return score
