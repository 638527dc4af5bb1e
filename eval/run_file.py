"""The run of another system: what it found, read from a file, in the order that trec_eval gives it.

TREC: `query Q0 document rank score tag`, a line for each document. JSON lines: objects with
`query_id`, `document_id`, `score` and, where judgments are on spans, `start` and `end`.
"""

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise, repeat
from pathlib import Path
from typing import Any

import numpy as np

from eval.jsonl import records, string, text_lines
from eval.judgments import read_span
from eval.questions import Finding, findings
from retrieval.errors import InputError
from retrieval.types import Chunk, Hit, Score, Span

COLUMNS = "query, Q0, document, rank, score, tag"
WHOLE = Span(0, 0)
"""The span of a hit that names no more than its document."""
BY = "run"


@dataclass
class Listed:
    """The lines of one query, column by column: `spans` and `ranks` where the file has them."""

    documents: list[str] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    ranks: list[str] = field(default_factory=list)

    def ordered(self) -> "Listed":
        """Return the lines by descending score (float32), ties by descending id, then by span."""
        exact = np.array(self.scores, dtype=np.float32).tolist()
        keys = list(zip(exact, self.documents, strict=True))
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

    def places(self) -> Iterator[tuple[str, Span]]:
        """Return each line's document and span."""
        return zip(self.documents, self.spans or repeat(WHOLE), strict=False)

    def repeated(self) -> list[str]:
        """Return the documents of lines whose place is in an earlier line."""
        if not self.spans and len(set(self.documents)) == len(self.documents):
            return []
        first: dict[tuple[str, Span], int] = {}
        places = enumerate(self.places())
        return [place[0] for line, place in places if first.setdefault(place, line) != line]

    def ranked_otherwise(self) -> bool:
        """Return whether the ranks are numbers that do not ascend; others are not looked at."""
        try:
            ranks = list(map(int, self.ranks))
        except ValueError:
            return False
        return any(one >= other for one, other in pairwise(ranks))

    def hits(self, chunks: dict[tuple[str, Span], Chunk]) -> tuple[Hit, ...]:
        """Return each place once; `chunks` are those of all queries, since most come again."""
        first: dict[tuple[str, Span], float] = {}
        for place, score in zip(self.places(), self.scores, strict=False):
            first.setdefault(place, score)
        for place in [each for each in first if each not in chunks]:
            document_id, span = place
            id = f"{document_id}:{span.start}:{span.end}" if self.spans else document_id
            chunks[place] = Chunk(id, document_id, "", span)
        return tuple([Hit(chunks[place], (Score(BY, score),)) for place, score in first.items()])


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
    chunks: dict[tuple[str, Span], Chunk] = {}
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
    for where, line in text_lines(file):
        cells = [each.strip() for each in line.split("\t")] if "\t" in line else line.split()
        if len(cells) != 6:
            raise InputError(
                f"{where}: 6 columns are needed ({COLUMNS}), separated by tabs or spaces;"
                f" got {len(cells)}: {line.strip()!r}.",
                "run",
            )
        query_id, _, document_id, rank, score, tag = cells
        found = lists[query_id]
        found.documents.append(document_id)
        found.scores.append(_score(score, where))
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


def _score(value: object, where: str) -> float:
    try:
        score = float(value)  # type: ignore[arg-type]  # what is no number raises
    except (TypeError, ValueError):
        raise InputError(f"{where}: the score must be a number, got {value!r}.", "run") from None
    if not math.isfinite(score):
        raise InputError(f"{where}: the score is {value}, which has no place in an order.", "run")
    return score
