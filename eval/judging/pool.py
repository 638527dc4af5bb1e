"""A pool: the first hits of several runs, to be judged without knowing who found them.

What no run finds is never judged, so a pool is only as good as its runs are different; a measure
over pooled judgments holds for the systems in the pool.

Source: Spärck Jones and van Rijsbergen 1975, Report on the need for and provision of an "ideal"
information retrieval test collection (depth-k pooling).
"""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from eval.compare import incomparable
from eval.corpus import Corpus
from eval.corpus import judged as among
from eval.dataset import Dataset, load_dataset
from eval.jsonl import records, string, whole_number
from eval.judgments import Judgment
from eval.passages import overlap
from eval.questions import ALL
from eval.results import PER_QUERY, Run
from ingestion.document import Document
from ingestion.load import LoadOptions, load
from retrieval.errors import InputError, NotFoundError
from retrieval.types import Span

Place = tuple[str, str, Span | None]
"""A question's id, a document's id, and where in it; None is the whole document."""


@dataclass(frozen=True, slots=True)
class Pooled:
    """A passage to be judged. `found` are the runs that found it, with their ranks from 1."""

    query_id: str
    query: str
    document_id: str
    span: Span | None
    title: str = ""
    text: str = ""
    found: Mapping[str, int] = field(default_factory=dict)

    @property
    def place(self) -> Place:
        """What a label is given to."""
        return self.query_id, self.document_id, self.span

    @property
    def shown(self) -> str:
        """The passage as it is judged: its title above its text."""
        return f"{self.title}\n\n{self.text}" if self.title else self.text

    def as_json(self) -> dict[str, Any]:
        """Return the passage as a line of a pool file."""
        return {
            "query_id": self.query_id,
            "query": self.query,
            "document_id": self.document_id,
            "span": None if self.span is None else [*self.span],
            "title": self.title,
            "text": self.text,
            "found": dict(self.found),
        }


def make_pool(
    runs: Sequence[Run], depth: int = 10, judged: bool = False, seed: int = 0
) -> list[Pooled]:
    """Return what the first `depth` hits of the runs hold, question by question.

    Passages of one question are shuffled, so that their order says nothing about a system. What
    the dataset has a judgment on is left out, unless `judged`. Runs on documents pool documents.

    Raises: InputError for runs over different datasets, and where nothing is left to judge.
    """
    if not runs:
        raise InputError("A pool needs the folder of a run, better of several.", "run")
    for other in runs[1:]:
        apart = incomparable(runs[0], other)
        if apart:
            raise InputError(f"These runs have no pool in common: {'; '.join(apart)}.", "run")
    dataset = dataset_of(runs[0])
    corpus = Corpus(dataset.judged_documents)
    found = _with_texts(_places(runs, depth, dataset.form == "documents"), dataset, corpus)
    if not judged:
        known = among(dataset, corpus).judgments
        found = [each for each in found if not _known(each, known)]
    if not found:
        raise InputError(
            f"All of the first {depth} hits of these runs are judged already. Pool deeper"
            " (--depth), or judge them again (--all).",
            "depth",
        )
    shuffled = random.Random(seed)
    by_query: dict[str, list[Pooled]] = {}
    for each in found:
        by_query.setdefault(each.query_id, []).append(each)
    for its in by_query.values():
        its.sort(key=lambda each: (each.document_id, each.span or ()))
        shuffled.shuffle(its)
    return [each for query in dataset.queries for each in by_query.get(query.id, ())]


def make_pool_of_one(run: Run, depth: int) -> dict[str, list[Pooled]]:
    """Return the first `depth` hits of one run by question, as ranked, judged or not."""
    dataset = dataset_of(run)
    places = _places([run], depth, dataset.form == "documents")
    by_query: dict[str, list[Pooled]] = {}
    for each in _with_texts(places, dataset, Corpus(dataset.judged_documents)):
        by_query.setdefault(each.query_id, []).append(each)
    for found in by_query.values():
        found.sort(key=lambda each: min(each.found.values()))
    return by_query


def dataset_of(run: Run) -> Dataset:
    """Return the dataset of a run, read again with the split that was asked for.

    A run from before that was recorded says ALL of a folder without splits, and of one that has a
    split of this name.

    Raises: NotFoundError, InputError as `load_dataset`.
    """
    about = run.manifest["dataset"]
    folder, split = Path(about["folder"]), about["split"]
    if "asked_split" in about:
        return load_dataset(folder, about["asked_split"])
    if about["form"] == "spans":
        return load_dataset(folder)
    try:
        return load_dataset(folder, split)
    except NotFoundError:
        if split != ALL:
            raise
        return load_dataset(folder)


def _places(runs: Sequence[Run], depth: int, whole: bool) -> dict[Place, Pooled]:
    places: dict[Place, Pooled] = {}
    names = _names(runs)
    for run, name in zip(runs, names, strict=True):
        for where, row in records(run.folder / PER_QUERY):
            rank = 0
            seen = set()
            for hit in row["hits"]:
                span = None if whole else Span(*hit["span"])
                place = (string(row, "query_id", where), str(hit["document_id"]), span)
                if place in seen:
                    continue
                seen.add(place)
                rank += 1
                if rank > depth:
                    break
                known = places.get(place) or Pooled(place[0], row["query"], place[1], span)
                places[place] = replace(known, found={**known.found, name: rank})
    return places


def _names(runs: Sequence[Run]) -> list[str]:
    """Return a name for each run, numbered where two have the same."""
    names: list[str] = []
    for run in runs:
        again = sum(name.partition("#")[0] == run.name for name in names)
        names.append(f"{run.name}#{again + 1}" if again else run.name)
    return names


def _known(pooled: Pooled, judgments: Mapping[str, Sequence[Judgment]]) -> bool:
    """Whether judgments say what a passage is worth: half of a judged span is in it."""
    for each in judgments.get(pooled.query_id, ()):
        if each.document_id == pooled.document_id:
            if pooled.span is None or each.span is None:
                return True
            if 2 * overlap(each.span, pooled.span) >= each.span.end - each.span.start:
                return True
    return False


def _with_texts(places: Mapping[Place, Pooled], dataset: Dataset, corpus: Corpus) -> list[Pooled]:
    """Return the passages with titles and texts, read from the dataset's own corpus."""
    wanted: dict[str, list[Pooled]] = {}
    for each in places.values():
        wanted.setdefault(each.document_id, []).append(each)
    found = []
    for loaded in corpus.seen(load([dataset.corpus], LoadOptions())):
        document = loaded.item
        if isinstance(document, Document):
            for each in wanted.pop(document.id, ()):
                span = each.span or Span(0, len(document.text))
                text = document.text[span.start : span.end]
                found.append(replace(each, title=document.title, text=text))
    if wanted:
        raise InputError(
            f"{dataset.corpus}: {len(wanted)} documents that the runs found are not there any more,"
            f" such as {next(iter(wanted))!r}. Measure again on the corpus as it is.",
            "run",
        )
    return found


def write_pool(pool: Sequence[Pooled], file: Path) -> None:
    """Write a pool, a passage a line."""
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps(each.as_json(), ensure_ascii=False) + "\n" for each in pool)
    file.write_text("".join(lines), encoding="utf-8")


def read_pool(file: Path) -> list[Pooled]:
    """Return the passages of a pool. Raises: NotFoundError; InputError names file and line."""
    pool = []
    for where, record in records(file):
        span = read_span(record, where)
        texts = {name: record.get(name, "") for name in ("query", "title", "text")}
        if not all(isinstance(text, str) for text in texts.values()):
            raise InputError(f"{where}: query, title and text must be texts.", "pool")
        ids = (string(record, name, where) for name in ("query_id", "document_id"))
        query_id, document_id = ids
        pool.append(
            Pooled(query_id, texts["query"], document_id, span, texts["title"], texts["text"])
        )
    if not pool:
        raise InputError(f"{file} holds no passage. `assay judge pool RUN...` makes one.", "pool")
    return pool


def read_span(record: Mapping[str, Any], where: str) -> Span | None:
    """Return the span of a record: `[start, end]`, or None for a whole document."""
    value = record.get("span")
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 2:
        raise InputError(f"{where}: span must be [start, end] or null, got {value!r}.")
    return Span(*(whole_number(each, "span", where) for each in value))
