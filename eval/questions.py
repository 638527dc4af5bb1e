"""Questions and judgments as a folder holds them, before anything about them is checked."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from eval.jsonl import records, string
from eval.judgments import Judgment
from retrieval.errors import InputError
from retrieval.manifest import digest

EXAMPLES = 3
ALL = "all"
"""The split of a folder that has none, or was read without one where none is the default."""
DIGITS = 16
"""How many digits of a hash tell sets of questions apart."""


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
class Questions:
    """What a form reads: the split, every query, every judgment, both in the order of the files."""

    split: str
    queries: tuple[Query, ...]
    judgments: tuple[Judgment, ...]


def question_digest(queries: Iterable[Query]) -> str:
    """Return a short hash of the questions that have an answer.

    Their ids, their order, repetitions, upper case and white space do not matter.
    """
    texts = {" ".join(each.text.casefold().split()) for each in queries if each.answerable}
    return digest(sorted(texts))[:DIGITS]


def query_records(file: Path) -> list[tuple[Query, str]]:
    """Return the queries of a `queries.jsonl`, each with its place in the file.

    Raises: InputError for one that cannot be read, and for a repeated id.
    """
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


def reworded(queries: Sequence[Query], file: Path) -> tuple[tuple[Query, ...], list[str]]:
    """Return the queries that a file names, with its texts, and the ids that no query has.

    The file holds `{_id, text}` a line, in any order; a line without a text keeps the query's own.
    Raises: InputError for a broken line, a repeated id, and where no id is known.
    """
    texts: dict[str, str | None] = {}
    for where, record in records(file):
        id = string(record, "_id" if "_id" in record else "id", where)
        if id in texts:
            raise InputError(f"{where}: query {id!r} is there twice.", "queries")
        texts[id] = string(record, "text", where) if "text" in record else None
    known = {query.id: query for query in queries}
    unknown = [id for id in texts if id not in known]
    if len(unknown) == len(texts):
        raise InputError(
            f"{file}: none of its {len(texts)} ids is a query of the dataset"
            f" (such as {', '.join(unknown[:EXAMPLES]) or 'none'}).",
            "queries",
        )
    named = [query for id, query in known.items() if id in texts]
    found = tuple(replace(each, text=texts[each.id] or each.text) for each in named)
    return found, unknown


def read_queries(file: Path) -> tuple[Query, ...]:
    """Return the queries of a `queries.jsonl`. Raises: InputError."""
    return tuple(query for query, _ in query_records(file))
