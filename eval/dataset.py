"""A dataset: questions and judgments of one folder, checked before anything is measured on them.

A form is a module in `eval/forms`: whether a folder `fits` it, how it is `read`, and whether its
judgments are `ON` documents or spans. The folder is the list. The documents are the same in all
forms: `corpus.jsonl`, or what `ingest` reads in the folder `corpus`.
"""

import importlib
import pkgutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, Protocol, cast

from eval import forms as package
from eval import irds
from eval.judgments import Judgment
from eval.questions import Finding, Query, Questions, findings, question_digest, reworded
from retrieval.errors import InputError, NotFoundError
from retrieval.manifest import digest


class Form(Protocol):
    """A module in `eval/forms`. `HOLDS` says in words which files a folder has in this form."""

    ON: Literal["documents", "spans"]
    HOLDS: str

    def fits(self, folder: Path) -> bool:
        """Return whether a folder has questions in this form."""

    def read(self, folder: Path, split: str | None) -> Questions:
        """Return the queries, and the judgments of a split. Raises: InputError."""


@cache
def forms() -> dict[str, Form]:
    """Return every form by name."""
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    return {
        name: cast(Form, importlib.import_module(f"{package.__name__}.{name}")) for name in names
    }


@dataclass(frozen=True)
class Dataset:
    """The questions of one split in the file's order, and their judgments.

    `form` says what judgments are on. Queries are those with a judgment, and the unanswerable
    ones; a judgment appears once for its place, with the highest grade it was given. `wording`
    names the file that the questions' texts are from, where it is another than the dataset's own.
    `asked` is the split that reads the folder again as it was read: None where none was asked for.
    """

    folder: Path
    form: Literal["documents", "spans"]
    split: str
    queries: tuple[Query, ...]
    judgments: Mapping[str, tuple[Judgment, ...]]
    findings: tuple[Finding, ...] = ()
    wording: str | None = None
    asked: str | None = None

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
        """The ids of documents whose text judgments point into; none where they are whole.

        The empty id is that of every document: a quote that names none may stand in any.
        """
        return {
            each.document_id
            for found in self.judgments.values()
            for each in found
            if not each.whole
        }

    @property
    def question_digest(self) -> str:
        """The short hash by which something fitted on these questions knows them again."""
        return question_digest(self.queries)

    @property
    def _rules(self) -> list[str]:
        """What judgments mean since runs of earlier versions, which differ from those of now."""
        groups = Counter(
            (each.query_id, each.group)
            for judged in self.judgments.values()
            for each in judged
            if each.whole and each.group is not None
        )
        return ["of a group one is enough"] if any(n > 1 for n in groups.values()) else []

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
            "judgments": digest([*sorted(places, key=repr), *self._rules]),
        }


def load_dataset(folder: Path, split: str | None = None, queries: Path | None = None) -> Dataset:
    """Return the dataset of a folder; without a split, spans where it has them, else `test`.

    `irds:NAME` is one of the catalogue `ir_datasets` (see `eval.irds`).

    `queries` is a file of other texts for the same ids: only the queries that it names are asked.

    Raises: NotFoundError for a missing file, InputError for one that cannot be read or where
    nothing is left to ask.
    """
    if irds.is_named(folder):
        folder, split = irds.exported(folder, split)
    form = form_of(folder, split)
    found = form.read(folder, split)
    dataset = Dataset(folder, _judged_on(found, folder), found.split, (), {}, asked=split)
    return _joined(dataset, found) if queries is None else _reworded(dataset, found, queries)


def _judged_on(found: Questions, folder: Path) -> Literal["documents", "spans"]:
    """Return what judgments are on. Raises: InputError where they are on both."""
    whole = [each for each in found.judgments if each.whole]
    if whole and len(whole) < len(found.judgments):
        raise InputError(
            f"{folder}: {len(whole)} judgments are on whole documents, such as {_shown(whole[0])},"
            f" and {len(found.judgments) - len(whole)} on spans. One kind is needed, since each has"
            " measures of its own.",
            "dataset",
        )
    return "documents" if whole else "spans"


def form_of(folder: Path, split: str | None = None) -> Form:
    """Return the form of a folder: one on spans goes first, unless a split is named.

    Raises: NotFoundError where the folder, its corpus or its questions are not there, InputError
    where it has questions in two forms.
    """
    layout = "A dataset holds corpus.jsonl or corpus/, and " + ", or ".join(
        f"{each.HOLDS} ({name})" for name, each in forms().items()
    )
    if not folder.is_dir():
        raise NotFoundError(f"Dataset {str(folder)!r} is no folder. {layout}.", "dataset")
    if not (folder / "corpus.jsonl").is_file() and not (folder / "corpus").is_dir():
        raise NotFoundError(f"{folder}: corpus.jsonl is not there. {layout}.", "dataset")
    for on in ("documents",) if split else ("spans", "documents"):
        fitting = [name for name, each in forms().items() if on == each.ON and each.fits(folder)]
        if len(fitting) > 1:
            both = " and ".join(f"{forms()[name].HOLDS} ({name})" for name in fitting)
            raise InputError(f"{folder} has its questions twice: {both}. Keep one.", "dataset")
        if fitting:
            return forms()[fitting[0]]
    raise NotFoundError(f"{folder}: its questions are not there. {layout}.", "dataset")


def _reworded(dataset: Dataset, read: Questions, file: Path) -> Dataset:
    """Return the dataset with the queries and the texts of a file."""
    if not file.is_file():
        raise NotFoundError(f"{file} is not there.", "queries")
    queries, unknown = reworded(read.queries, file)
    ids = {query.id for query in queries}
    judgments = tuple(each for each in read.judgments if each.query_id in ids)
    found = replace(dataset, wording=file.name)
    found = _joined(found, replace(read, queries=queries, judgments=judgments))
    left = (query.id for query in read.queries if query.id not in ids)
    told = (
        *findings(f"ids in {file.name} are no queries of the dataset (left out)", unknown),
        *findings(f"queries are not in {file.name} (not asked)", left),
    )
    return replace(found, findings=told + found.findings)


def _joined(dataset: Dataset, read: Questions) -> Dataset:
    """Return the dataset with its judgments by query, and what is wrong with them."""
    asked = {query.id: query for query in read.queries}
    if not asked:
        raise InputError(f"{dataset.folder}: there is no query in it.", "dataset")
    unknown = [each for each in read.judgments if each.query_id not in asked]
    known = [each for each in read.judgments if each.query_id in asked]
    judged, repeated = _once([each for each in known if asked[each.query_id].answerable])
    queries = tuple(each for id, each in asked.items() if id in judged or not each.answerable)
    if not judged:
        raise InputError(
            f"{dataset.folder}: none of {len(read.judgments)} judgments ({dataset.split}) is of"
            f" one of the {len(asked)} queries.",
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
            *findings(
                "queries are synthetic: written by a model, they compare pipelines and say little"
                " of users",
                (
                    f"{q.id} by {q.meta.get('model', '?')}"
                    for q in queries
                    if q.meta.get("synthetic")
                ),
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
        where = each.quote if each.span is None else each.span
        place = (each.query_id, each.document_id, where, each.group)
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
