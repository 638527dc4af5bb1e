"""The index that documents go into: found and checked, or made from the first of them."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, get_args

from ingestion.chunk import DEFAULT_CHUNKER, build_chunker, chunker_config
from ingestion.fields import FieldKinds
from ingestion.index_lock import index_lock
from ingestion.job import DEFAULT_EMBED, Job
from ingestion.ledger import Entry, Ledger, ledger_file
from ingestion.prepare import Batch, Recipe
from retrieval.errors import ConfigError, NotFoundError, UnavailableError
from retrieval.filters import Equals
from retrieval.kit import Kit, Store
from retrieval.manifest import TITLED, UNTITLED, EmbedText, Manifest
from retrieval.open_kit import Tools

SAMPLE_CHUNKS = 10_000
SAMPLE_CHARS = 16_000_000
SAMPLE_S = 30.0
"""A slow source is not waited for: from then on, what is there by now is sample enough."""


@dataclass(frozen=True)
class Target:
    """An index as one tenant sees it, and the ledger of that tenant."""

    store: Store
    ledger: Ledger
    notes: tuple[str, ...] = ()

    @property
    def manifest(self) -> Manifest:
        """What the index was built with."""
        return self.store.manifest


@dataclass
class Sample:
    """What a new index is fitted to: its first chunks' average length, its documents' fields."""

    started: float = field(default_factory=monotonic)
    chunks: int = 0
    chars: int = 0
    terms: int = 0
    kinds: FieldKinds = field(default_factory=FieldKinds)

    def add(self, batch: Batch) -> None:
        """Look at one batch."""
        self.chunks += batch.chunks
        self.chars += batch.chars
        self.terms += batch.terms
        for document in batch.documents:
            self.kinds.add({name: each for name, each in document.meta.items() if name != "title"})

    @property
    def full(self) -> bool:
        """Whether it is enough."""
        late = self.chunks > 0 and monotonic() - self.started > SAMPLE_S
        return late or self.chunks >= SAMPLE_CHUNKS or self.chars >= SAMPLE_CHARS

    @property
    def average_length(self) -> float:
        """The average length of a chunk in terms, at least 1."""
        return max(self.terms / max(self.chunks, 1), 1.0)


def checked_target(job: Job, tools: Tools) -> Target | None:
    """Return the index of a job, or None if it is not there yet.

    Raises: ConfigError that names both sides if the job or the settings are not what it was built
        with; UnavailableError if another writer keeps it.
    """
    try:
        store = tools.indexes.open(job.index)
    except NotFoundError:
        return None
    Kit(tools.embedder, tools.sparse, store).checked()
    _check_same(job, store.manifest)
    return target_of(job, tools, store)


def target_of(job: Job, tools: Tools, store: Store) -> Target:
    """Return an index with its ledger, once they agree on what is there."""
    scoped = store.scoped(job.tenant)
    file = ledger_file(tools.settings.data_dir, store.manifest.id)
    with index_lock(tools.settings.data_dir, job.index, job.wait_s), ExitStack() as unless_done:
        ledger = Ledger(file, job.tenant)
        unless_done.callback(ledger.close)
        notes = (*_mended(scoped, ledger), *_untitled(job, store.manifest))
        target = Target(scoped, ledger, notes)
        unless_done.pop_all()
    return target


def new_target(job: Job, tools: Tools, recipe: Recipe, sample: Sample) -> tuple[Target, bool]:
    """Make the index of a job, and say so; or return the one that another job made meanwhile."""
    with index_lock(tools.settings.data_dir, job.index, job.wait_s):
        made = job.index not in tools.indexes.names()
        if made:
            tools.indexes.create(
                Manifest(
                    name=job.index,
                    encoder=dict(recipe.embedder.identity),
                    sparse=dict(recipe.sparse.identity),
                    embed=recipe.embed,
                    chunker=chunker_config(recipe.chunker),
                    average_length=sample.average_length,
                    fields=sample.kinds.types(job.fields or {}),
                    schema=TITLED if recipe.titles else UNTITLED,
                )
            )
    target = checked_target(job, tools)
    if target is None:
        raise UnavailableError(f"Index {job.index!r} was dropped while it was made: try again.")
    return target, made


def recipe_of(job: Job, tools: Tools, manifest: Manifest | None) -> Recipe:
    """Return how the documents of a job are cut and embedded. Raises: ConfigError."""
    if job.embed not in (None, *get_args(EmbedText)):
        raise ConfigError(f"embed: {job.embed!r} is none of {', '.join(get_args(EmbedText))}.")
    if manifest:
        chunker, embed = build_chunker(manifest.chunker), manifest.embed
        titles = manifest.titled
    else:
        chunker = build_chunker(job.chunker or DEFAULT_CHUNKER)
        embed, titles = job.embed or DEFAULT_EMBED, job.titles is not False
    return Recipe(tools.embedder, tools.sparse, chunker, embed, titles)


def _check_same(job: Job, manifest: Manifest) -> None:
    """Refuse what the index was not built with, with both sides named."""
    chunker = chunker_config(build_chunker(job.chunker)) if job.chunker else manifest.chunker
    fields = {name: manifest.fields.get(name) for name in job.fields or {}}
    asked: tuple[tuple[str, Any, Any], ...] = (
        ("chunker", chunker, dict(manifest.chunker)),
        ("embed", job.embed or manifest.embed, manifest.embed),
        ("fields", dict(job.fields or {}), fields),
        ("titles", manifest.titled if job.titles is None else job.titles, manifest.titled),
    )
    for what, ours, theirs in asked:
        if _plain(ours) != _plain(theirs):
            raise ConfigError(
                f"Index {manifest.name!r} was built with {what} {theirs}, this job says {ours}."
                " Leave it out, or ingest into a new index."
            )


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else value


def _untitled(job: Job, manifest: Manifest) -> tuple[str, ...]:
    """Say what an index without vectors of titles lacks, where that was not asked for."""
    if manifest.titled or job.titles is False:
        return ()
    return (
        "The index keeps no vectors of titles: the learned reranker goes without them. To have"
        " them, ingest into a new index.",
    )


def _mended(store: Store, ledger: Ledger) -> tuple[str, ...]:
    """Mark the documents whose chunks are not all there, so that they are ingested again.

    Cheap where nothing is missing: one count. Returns what there is to say.
    """
    doubtful = sum(_stored(store, entry) for entry in ledger.unsettled())
    recorded, stored = ledger.chunks(), store.count() - doubtful
    if stored > recorded:
        return (
            f"The index holds {stored - recorded:,} chunks that the ledger here does not know:"
            " another machine's, or the ledger was lost. Their documents are replaced when they"
            " are ingested again.",
        )
    if stored == recorded:
        return ()
    lost = [
        entry._replace(content="", meta="")
        for entry in ledger.entries()
        if entry.content and _stored(store, entry) != entry.chunks
    ]
    ledger.record(lost)
    return (
        f"The index has lost chunks of {len(lost):,} documents ({recorded:,} recorded, {stored:,}"
        " there), as after a loss of power: those that are ingested now are done again.",
    )


def _stored(store: Store, entry: Entry) -> int:
    return store.count(Equals("document_id", entry.id))
