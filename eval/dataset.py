"""A dataset: questions and judgments of one folder, checked before anything is measured on them.

Two forms are read. BEIR: `corpus.jsonl`, `queries.jsonl` and `qrels/<split>.tsv`. Spans: `corpus/`
(files) or `corpus.jsonl`, `queries.jsonl` and `judgments.jsonl`; or references in the metadata of
the queries. A folder with both is read as spans unless a split of its qrels is named.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from eval.jsonl import records, string
from eval.judgments import Judgment, read_qrels, read_references, read_spans
from retrieval.errors import InputError, NotFoundError
from retrieval.manifest import digest

EXAMPLES = 3
LAYOUT = (
    "A dataset holds corpus.jsonl or corpus/, queries.jsonl, and qrels/<split>.tsv (BEIR)"
    " or judgments.jsonl (spans)."
)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about a dataset that its user should know: what, how often, and examples."""

    what: str
    count: int
    examples: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """The finding as one line."""
        shown = f", such as {'; '.join(self.examples)}" if self.examples else ""
        return f"{self.count} {self.what}{shown}"


def findings(what: str, found: Iterable[str]) -> tuple[Finding, ...]:
    """Return a finding with the first examples, or none where nothing was found."""
    listed = list(found)
    return (Finding(what, len(listed), tuple(listed[:EXAMPLES])),) if listed else ()


@dataclass(frozen=True, slots=True)
class Query:
    """A question. `answerable` is False where the corpus holds no answer to it."""

    id: str
    text: str
    meta: Mapping[str, Any] = field(default_factory=dict)
    answerable: bool = True


@dataclass(frozen=True)
class Dataset:
    """The questions of one split in the file's order, and their judgments.

    `form` says what judgments are on. Queries are those with a judgment, and the unanswerable
    ones; a judgment appears once for its place, with the highest grade it was given.
    """

    folder: Path
    form: Literal["documents", "spans"]
    split: str
    queries: tuple[Query, ...]
    judgments: Mapping[str, tuple[Judgment, ...]]
    findings: tuple[Finding, ...] = ()

    @property
    def name(self) -> str:
        """The name of the folder."""
        return self.folder.resolve().name

    @property
    def corpus(self) -> Path:
        """Where the documents are: the file `corpus.jsonl`, or the folder `corpus`."""
        file, folder = self.folder / "corpus.jsonl", self.folder / "corpus"
        return file if file.is_file() else folder

    @property
    def judged_documents(self) -> set[str]:
        """The ids of documents whose text judgments point into; none where they are whole."""
        return {
            each.document_id
            for found in self.judgments.values()
            for each in found
            if each.span is not None
        }

    @property
    def hashes(self) -> dict[str, str]:
        """The sha256 of the questions asked and of their judgments; order does not matter."""
        places = [
            [each.query_id, each.document_id, each.grade, each.span, each.quote, each.group]
            for judged in self.judgments.values()
            for each in judged
        ]
        return {
            "queries": digest(
                sorted([each.id, each.text, each.answerable] for each in self.queries)
            ),
            "judgments": digest(sorted(places, key=repr)),
        }


def load_dataset(folder: Path, split: str | None = None) -> Dataset:
    """Return the dataset of a folder; without a split, spans, or else the qrels of `test`.

    Raises: NotFoundError for a missing file, InputError for one that cannot be read or where
    nothing is left to ask.
    """
    if not folder.is_dir():
        raise NotFoundError(f"Dataset {str(folder)!r} is no folder. {LAYOUT}", "dataset")
    if not (folder / "corpus.jsonl").is_file() and not (folder / "corpus").is_dir():
        raise NotFoundError(f"{folder}: corpus.jsonl is not there. {LAYOUT}", "dataset")
    if not (folder / "queries.jsonl").is_file():
        raise NotFoundError(f"{folder}: queries.jsonl is not there. {LAYOUT}", "dataset")
    queries = _queries(folder / "queries.jsonl")
    places = {query.id: where for query, where in queries}
    asked = {query.id: query for query, _ in queries}
    if split is None and (folder / "judgments.jsonl").is_file():
        found = Dataset(folder, "spans", "all", (), {})
        return _joined(found, asked, list(read_spans(folder / "judgments.jsonl")))
    if split is None and any("references" in query.meta for query, _ in queries):
        found = Dataset(folder, "spans", "all", (), {})
        judgments = [
            each
            for query, where in queries
            if "references" in query.meta
            for each in read_references(query.id, query.meta, places[query.id])
        ]
        return _joined(found, asked, judgments)
    found = Dataset(folder, "documents", split or "test", (), {})
    return _joined(found, asked, list(read_qrels(_qrels_file(folder, split or "test"))))


def _qrels_file(folder: Path, split: str) -> Path:
    for suffix in (".tsv", ".txt", ".qrels"):
        file = folder / "qrels" / f"{split}{suffix}"
        if file.is_file():
            return file
    there = sorted(file.stem for file in (folder / "qrels").glob("*.*"))
    hint = f"Its splits are: {', '.join(there)}." if there else LAYOUT
    raise NotFoundError(f"{folder}: qrels/{split}.tsv is not there. {hint}", "split")


def _queries(file: Path) -> list[tuple[Query, str]]:
    """Return the queries with their places. Raises: InputError for a repeated id."""
    found: dict[str, tuple[Query, str]] = {}
    for where, record in records(file):
        id = string(record, "_id" if "_id" in record else "id", where)
        meta = record.get("metadata") or {}
        if not isinstance(meta, dict):
            raise InputError(f"{where}: metadata must be an object, got {meta!r}.")
        if id in found:
            raise InputError(f"{where}: query {id!r} is already at {found[id][1]}.")
        text = string(record, "text", where)
        found[id] = (Query(id, text, meta, meta.get("answerable") is not False), where)
    return list(found.values())


def _joined(dataset: Dataset, asked: Mapping[str, Query], judgments: list[Judgment]) -> Dataset:
    """Return the dataset with its judgments by query, and what is wrong with them."""
    if not asked:
        raise InputError(f"{dataset.folder}: queries.jsonl holds no query.", "dataset")
    unknown = [each for each in judgments if each.query_id not in asked]
    known = [each for each in judgments if each.query_id in asked]
    judged, repeated = _once([each for each in known if asked[each.query_id].answerable])
    queries = tuple(each for id, each in asked.items() if id in judged or not each.answerable)
    if not judged:
        raise InputError(
            f"{dataset.folder}: none of {len(judgments)} judgments ({dataset.split}) is of one of"
            f" the {len(asked)} queries in queries.jsonl.",
            "dataset",
        )
    against = [each for each in known if not asked[each.query_id].answerable and each.grade > 0]
    return replace(
        dataset,
        queries=queries,
        judgments=judged,
        findings=(
            *findings("judgments name queries that are not there (left out)", map(_shown, unknown)),
            *findings("judgments repeat a place (highest grade kept)", map(_shown, repeated)),
            *findings(
                "judgments on queries marked as unanswerable (ignored)", map(_shown, against)
            ),
            *findings("queries are empty (count 0)", (q.id for q in queries if not q.text.strip())),
            *findings(
                "queries have only irrelevant judgments (count 0, as in trec_eval -c)",
                (id for id, each in judged.items() if not any(one.grade > 0 for one in each)),
            ),
            *findings(
                f"queries have no judgment in {dataset.split!r} (not asked)",
                (id for id, each in asked.items() if id not in judged and each.answerable),
            ),
        ),
    )


def _once(
    judgments: Sequence[Judgment],
) -> tuple[dict[str, tuple[Judgment, ...]], list[Judgment]]:
    """Return the judgments by query, one for each place, and those that repeated one."""
    places: dict[tuple[Any, ...], Judgment] = {}
    repeated = []
    for each in judgments:
        place = (each.query_id, each.document_id, each.span, each.group)
        known = places.get(place)
        if known is not None:
            repeated.append(each)
        if known is None or each.grade > known.grade:
            places[place] = each
    by_query: dict[str, list[Judgment]] = {}
    for each in places.values():
        by_query.setdefault(each.query_id, []).append(each)
    return {id: tuple(found) for id, found in by_query.items()}, repeated


def _shown(judgment: Judgment) -> str:
    return f"{judgment.query_id} -> {judgment.document_id}"
