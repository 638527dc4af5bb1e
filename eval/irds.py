"""Datasets of the catalogue `ir_datasets`, by name: `irds:beir/scifact/test`.

The first use writes one as a BEIR folder beside the catalogue's own files; later ones read that.
Splits of the same documents share a folder, and so one index.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from eval.jsonl import records
from retrieval.errors import InputError, NotFoundError

PREFIX = "irds:"
WHOLE = "all"
"""The split of a dataset that has none in its name."""


def is_named(folder: Path) -> bool:
    """Return whether a folder is the name of a dataset in the catalogue."""
    return str(folder).startswith(PREFIX)


def exported(named: Path, split: str | None = None) -> tuple[Path, str]:
    """Return the BEIR folder of a dataset by name, and the split in it; written where it is not.

    Raises: InputError where `ir_datasets` is not installed, where it cannot fetch the dataset, and
    where documents, queries or judgments are missing; NotFoundError for a name that it lacks.
    """
    name = str(named).removeprefix(PREFIX).strip("/")
    if split is not None:
        raise InputError(f"{named} names its split itself; leave {split!r} out.", "split")
    try:
        import ir_datasets
    except ImportError:
        raise InputError(
            f"{named}: the package ir_datasets is not installed; install assay[irds].", "dataset"
        ) from None
    with _fetching(named):
        dataset = _loaded(name, ir_datasets)
        parent = ir_datasets.docs_parent_id(name)
        inside = name.removeprefix(parent).strip("/").replace("/", "-") or WHOLE
        folder = Path(ir_datasets.util.home_path()) / "assay" / parent.replace("/", "-")
        _write(dataset, folder, inside)
    return folder, inside


@contextmanager
def _fetching(named: Path) -> Iterator[None]:
    """Turn what the catalogue raises without a network, or for data behind a form, into one."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        said = " ".join(str(error).split())[:300]
        raise InputError(
            f"{named} cannot be fetched: {said}. ir_datasets needs its sources on the network, or"
            " in its folder (IR_DATASETS_HOME); a folder in BEIR form needs neither.",
            "dataset",
        ) from error


def _loaded(name: str, catalogue: Any) -> Any:
    """Return a dataset that has all three parts. Raises: NotFoundError, InputError."""
    names = sorted(catalogue.registry)
    try:
        dataset = catalogue.load(name)
    except KeyError:
        near = get_close_matches(name, names) or ["its list is `ir_datasets list`"]
        raise NotFoundError(
            f"ir_datasets has no dataset {name!r}; near to it: {', '.join(near)}.", "dataset"
        ) from None
    missing = [part for part in ("docs", "queries", "qrels") if not dataset.has(part)]
    if missing:
        below = [each for each in names if each.startswith(f"{name}/")][:5]
        hint = f" Below it are {', '.join(below)}." if below else ""
        raise InputError(f"{name} has no {' and no '.join(missing)}.{hint}", "dataset")
    return dataset


def _write(dataset: Any, folder: Path, split: str) -> None:
    """Write what is not there yet; a file is there when it is whole. Raises: InputError."""
    corpus, queries, qrels = (
        folder / "corpus.jsonl",
        folder / "queries.jsonl",
        folder / "qrels" / f"{split}.tsv",
    )
    qrels.parent.mkdir(parents=True, exist_ok=True)
    if not corpus.is_file():
        _whole(corpus, (json.dumps(_document(each)) for each in dataset.docs_iter()))
    if not qrels.is_file():
        known = {r["_id"]: r["text"] for _, r in records(queries)} if queries.is_file() else {}
        for each in dataset.queries_iter():
            text = _text(each)
            if known.setdefault(each.query_id, text) != text:
                raise InputError(
                    f"{queries}: another split has query {each.query_id!r} with another text;"
                    " remove the folder and use one of them.",
                    "dataset",
                )
        _whole(queries, (json.dumps({"_id": id, "text": text}) for id, text in known.items()))
        lines = (f"{e.query_id}\t{e.doc_id}\t{e.relevance}" for e in dataset.qrels_iter())
        _whole(qrels, lines)


def _whole(file: Path, lines: Iterable[str]) -> None:
    """Write a file that is there only when all of it is."""
    part = file.with_name(file.name + ".part")
    with part.open("w", encoding="utf-8") as out:
        out.writelines(line + "\n" for line in lines)
    part.replace(file)


def _document(each: Any) -> dict[str, str]:
    title, text = getattr(each, "title", None), getattr(each, "text", None)
    if title and text is not None:
        return {"_id": each.doc_id, "title": title, "text": text}
    return {"_id": each.doc_id, "title": "", "text": _text(each)}


def _text(each: Any) -> str:
    """Return the text that the catalogue itself takes for a document or a question."""
    return str(each.default_text())
