"""Labelled examples for a router: JSON lines of questions or documents, and their vectors."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from eval.jsonl import records, string
from eval.router_training import Labelled
from retrieval.clock import Clock
from retrieval.embedded_text import embedded_text
from retrieval.errors import InputError
from retrieval.kit import Embedder
from retrieval.manifest import digest
from retrieval.router import Array

BATCH = 256
DOMAIN = "metadata.domain"
"""Where BEIR's documents and queries carry their domain."""
LABELS = ("label", DOMAIN)
OPENING = 20
"""How many first words stand for a title."""


class Example(NamedTuple):
    """A text, the domain it is labelled with, and its class in it (the domain's name for none).

    `opening` is a document's title, or its first words without one; "" for a question.
    """

    text: str
    domain: str
    kind: str
    opening: str = ""


@dataclass(frozen=True)
class Reading:
    """How records are read.

    `label` and `kind` are fields, dotted where they are nested (`metadata.domain`); without one,
    the label is in `label` or `metadata.domain`. `kind` is a finer class within the domain, "" for
    none. `none` is the label of what belongs to no domain.
    `documents` are embedded as passages, title and text, and their opening once more as a
    question, since it is the part of a document that is most like one. `most` of each domain
    are kept, drawn by `seed`; 0 keeps all.
    """

    label: str = ""
    kind: str = ""
    none: str = "none"
    documents: bool = False
    most: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the limit. Raises: InputError."""
        if self.most < 0:
            raise InputError(f"most: 0 or more, got {self.most}.")

    def examples(self, files: Sequence[Path]) -> list[Example]:
        """Return the examples of files in order, blank texts left out. Raises: InputError."""
        found = [example for file in files for example in self._examples(file)]
        if not found:
            raise InputError(f"No example in {', '.join(map(str, files))}.")
        return self._sampled(found)

    def _examples(self, file: Path) -> Iterator[Example]:
        for where, record in records(file):
            text = string(record, "text", where)
            opening = ""
            if self.documents:
                title = str(record.get("title") or "").strip()
                opening = title or " ".join(text.split()[:OPENING])
                text = embedded_text("title+text", title, (), text)
            domain = self._label(record, where)
            kind = field_of(record, self.kind, where) if self.kind else domain
            if text.strip():
                yield Example(text, domain, kind, opening)

    def _label(self, record: Mapping[str, Any], where: str) -> str:
        found = (
            None if self.label else next(filter(None, (text_at(record, x) for x in LABELS)), None)
        )
        return found or field_of(record, self.label or LABELS[0], where)

    def _sampled(self, examples: list[Example]) -> list[Example]:
        if not self.most:
            return examples
        random = np.random.default_rng(self.seed)
        kept: dict[str, int] = {}
        rows = []
        for row in random.permutation(len(examples)):
            domain = examples[row].domain
            kept[domain] = kept.get(domain, 0) + 1
            if kept[domain] <= self.most:
                rows.append(row)
        return [examples[row] for row in sorted(rows)]

    def about(self, files: Sequence[Path], examples: Sequence[Example]) -> dict[str, Any]:
        """Return what a router records of its examples."""
        return {
            "files": [file.name for file in files],
            "examples": dict(sorted(Counter(each.domain for each in examples).items())),
            "examples_sha256": digest([list(each) for each in examples]),
            "label": self.label,
            "class": self.kind,
            "embedded": "documents" if self.documents else "queries",
        }


def field_of(record: Mapping[str, Any], path: str, where: str) -> str:
    """Return the text at a dotted path of a record. Raises: InputError that names the place."""
    found = text_at(record, path)
    if found is None:
        raise InputError(
            f"{where}: {path!r} is needed as a string; fields: {', '.join(record)}."
            " --label and --class name the fields, dotted where they are nested."
        )
    return found


def text_at(record: Mapping[str, Any], path: str) -> str | None:
    """Return the text at a dotted path of a record, or None where there is none."""
    inside: Any = record
    for name in path.split("."):
        inside = inside.get(name) if isinstance(inside, dict) else None
    return inside if isinstance(inside, str) and inside else None


def labelled(examples: Sequence[Example], reading: Reading, embedder: Embedder) -> Labelled:
    """Return the examples with their vectors, as `reading` has them embedded."""
    texts, openings = [each.text for each in examples], [each.opening for each in examples]
    if reading.documents:
        rows = np.concatenate([embedder.passages(texts), questions(openings, embedder)])
    else:
        rows = questions(texts, embedder)
    every = [*examples, *examples] if reading.documents else examples
    return Labelled(
        rows,
        tuple(each.domain for each in every),
        tuple(each.kind for each in every),
        (*range(len(examples)), *range(len(examples))) if reading.documents else (),
    )


def questions(texts: Sequence[str], embedder: Embedder) -> Array:
    """Return the vectors of texts as questions, (n, dimension), a batch at a time."""
    batches = [
        embedder.queries(texts[start : start + BATCH], Clock())
        for start in range(0, len(texts), BATCH)
    ]
    return np.concatenate(batches) if batches else np.zeros((0, embedder.dimension), np.float32)
