"""From a dataset's corpus to something that can be asked: an index, or the baseline's passages."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from eval.dataset import Dataset
from eval.reference import Passage
from ingestion.chunk import build_chunker, chunker_config, pieces
from ingestion.document import Document
from ingestion.ingest import ingest
from ingestion.job import Job, OnProgress
from ingestion.load import Loaded
from ingestion.reading import Reading
from ingestion.report import Report
from retrieval.embedded_text import embedded_text
from retrieval.errors import InputError
from retrieval.kit import Embedder, Store
from retrieval.manifest import EmbedText, Manifest
from retrieval.open_kit import Tools
from retrieval.types import Chunk

FIRST = 20
"""So many first documents are looked for in an index before it is made equal to a corpus."""
LONGEST_NAME = 80


@dataclass(frozen=True)
class Cut:
    """How a corpus becomes passages: the chunker's table, and what is embedded."""

    chunker: Mapping[str, Any]
    embed: EmbedText

    @property
    def name(self) -> str:
        """The chunker's name."""
        return str(self.chunker["use"])

    @property
    def about(self) -> dict[str, Any]:
        """The cut for a manifest."""
        return {"chunker": dict(self.chunker), "embed": self.embed}


def cut_of(
    dataset: Dataset, chunker: str | Mapping[str, Any] | None, embed: EmbedText | None
) -> Cut:
    """Return how a dataset is cut; where nothing is said, so that its judgments make sense.

    Judgments on documents: `whole`, title and text, as BEIR has it; on spans: `structure`, heading
    and text. Raises: ConfigError for a chunker that is not there.
    """
    documents = dataset.form == "documents"
    built = build_chunker(chunker or ("whole" if documents else "structure"))
    return Cut(chunker_config(built), embed or ("title+text" if documents else "heading+text"))


def index_for(dataset: Dataset, cut: Cut, tools: Tools) -> str:
    """Return the name of the index of a dataset: `<folder>-<chunker>`.

    Where an index of that name was built otherwise, the name ends with the first 8 digits of the
    fingerprint, so that both stay.
    """
    wanted = Manifest(
        "any", tools.embedder.identity, tools.sparse.identity, cut.embed, cut.chunker, 1.0
    )
    folder = re.sub(r"[^A-Za-z0-9._-]+", "-", dataset.name).strip("._-") or "dataset"
    name = f"{folder[:LONGEST_NAME]}-{cut.name}"
    if name not in tools.indexes.names():
        return name
    known = tools.indexes.open(name).manifest
    # An index without vectors of titles has the same chunks; its ingestion says what it lacks.
    if known.fingerprint == replace(wanted, schema=known.schema).fingerprint:
        return name
    return f"{name}-{wanted.fingerprint[:8]}"


def index_corpus(
    items: Iterator[Loaded], plan: tuple[str, Cut], tools: Tools, progress: OnProgress
) -> Report:
    """Make an index (its name, its cut) hold exactly these documents; what is there stays there.

    Raises: InputError where an index of that name holds other documents.
    """
    name, cut = plan
    first = list(islice(items, FIRST))
    if name in tools.indexes.names():
        _same_corpus(tools.indexes.open(name), first)
    job = Job(_all_of(first, items), name, chunker=cut.chunker, embed=cut.embed, sync=True)
    return ingest(job, tools, progress)


def _all_of(first: list[Loaded], rest: Iterator[Loaded]) -> Iterator[Loaded]:
    yield from first
    yield from rest


def _same_corpus(store: Store, first: Iterable[Loaded]) -> None:
    """Refuse an index that has documents, but none of the first ones of the corpus."""
    ids = [each.item.id for each in first if isinstance(each.item, Document)]
    if ids and store.count() and not any(store.chunks(id) for id in ids):
        name = store.manifest.name
        raise InputError(
            f"Index {name!r} holds other documents than this dataset (none of {', '.join(ids[:3])})"
            f" and would lose them. Rename the dataset's folder, or drop the index:"
            f" assay index drop {name}",
            "dataset",
        )


def passages_of(items: Iterable[Loaded], cut: Cut, embedder: Embedder) -> list[Passage]:
    """Return the same passages that an index would hold, without their texts."""
    chunker = build_chunker(cut.chunker)
    passages = []
    for each in items:
        document = each.item
        if isinstance(document, Document):
            for span, heading in pieces(chunker, Reading(document, embedder, cut.embed)):
                text = document.text[span.start : span.end]
                chunk = Chunk(f"{document.id}:{span.start}:{span.end}", document.id, "", span)
                embedded = embedded_text(cut.embed, document.title, heading, text)
                passages.append(Passage(chunk, embedded))
    return passages
