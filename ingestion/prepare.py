"""From documents to what is to be done with them: nothing, new metadata, or chunks to embed."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from ingestion.chunk import Chunker, Piece, chunker_config, pieces
from ingestion.document import Document, Failure
from ingestion.job import Job
from ingestion.ledger import Entry, Ledger
from ingestion.load import Loaded
from ingestion.reading import Reading, room
from ingestion.seen import Seen
from ingestion.sources import absolute, is_another_file
from ingestion.tally import Tally
from retrieval.adapters.points import storable
from retrieval.embedded_text import embedded_text
from retrieval.kit import Embedder, Sparse
from retrieval.manifest import EmbedText

LONGEST_ID = 1_000
BATCH_CHUNKS = 512
"""How many chunks are embedded in one call, as far as whole documents allow."""
BATCH_CHARS = 4_000_000
BATCH_ITEMS = 1_000
CHUNK_WEIGHT = 500
"""About the bytes that a waiting chunk takes beside its text."""

TAKEN = (
    "its id {id!r} is that of {known}, which is still there: give a folder that holds both, name"
    " the ids of rows with --id-field, or use another index"
)


class Prepared(NamedTuple):
    """A document to embed: what will be recorded of it, what is now, and its pieces with texts.

    `place` is how its source is reported.
    """

    entry: Entry
    previous: Entry | None
    domain: str | None
    meta: dict[str, Any]
    pieces: list[Piece]
    texts: list[str]
    embedded: list[str]
    title: str = ""
    place: str = ""


class Described(NamedTuple):
    """A document whose metadata alone has changed; `place` is how its source is reported."""

    entry: Entry
    domain: str | None
    meta: dict[str, Any]
    place: str


@dataclass
class Gaps:
    """Where a job found no document; sources are absolute paths.

    `unread` sources could, in whole or in part, not be read; `empty` ones were read and, in whole
    or in part, hold no text. `emptied` are the ids under which documents of those are known.
    """

    unread: set[str] = field(default_factory=set)
    empty: set[str] = field(default_factory=set)
    emptied: set[str] = field(default_factory=set)


@dataclass
class Batch:
    """Whole documents that are embedded together, and what else there is to do until the next.

    `moved` are unchanged documents that come from another source than before; `bytes` of all
    sources are done with this batch.
    """

    documents: list[Prepared] = field(default_factory=list)
    described: list[Described] = field(default_factory=list)
    moved: list[Entry] = field(default_factory=list)
    bytes: int = 0
    items: int = 0
    chunks: int = 0
    chars: int = 0
    terms: int = 0

    @property
    def full(self) -> bool:
        """Whether it is time for the next one; time plays no part, so that batches are repeated."""
        return self.chunks >= BATCH_CHUNKS or self.chars >= BATCH_CHARS or self.items >= BATCH_ITEMS

    @property
    def weight(self) -> int:
        """About how many bytes it takes."""
        return 2 * self.chars + CHUNK_WEIGHT * (self.chunks + len(self.described))

    @property
    def embedded(self) -> list[str]:
        """The texts to embed, document by document."""
        return [text for document in self.documents for text in document.embedded]

    @property
    def titles(self) -> list[str]:
        """The documents' titles that are not blank, in order, each once."""
        found = (document.title for document in self.documents)
        return list(dict.fromkeys(title for title in found if title.strip()))


@dataclass(frozen=True)
class Recipe:
    """How this index is made: with which tools, cut and embedded how."""

    embedder: Embedder
    sparse: Sparse
    chunker: Chunker
    embed: EmbedText
    titles: bool = True

    @property
    def notes(self) -> tuple[str, ...]:
        """What there is to say of it: chunks are smaller than asked where the encoder is."""
        asked = chunker_config(self.chunker).get("tokens", 0)
        left = room(self.embedder)
        if asked <= left:
            return ()
        before = "" if self.embed == "text" else f", and less behind a {self.embed.split('+')[0]}"
        return (
            f"Chunks are smaller than the {asked:,} tokens asked for: the encoder reads"
            f" {self.embedder.limit:,} at once, which leaves a chunk {left:,}{before}.",
        )


@dataclass(frozen=True)
class Preparation:
    """Reads the items of a job, and chunks what is new or changed.

    Without a ledger, for an index that is not there yet, everything is new.
    """

    job: Job
    recipe: Recipe
    ledger: Ledger | None
    seen: Seen
    tally: Tally
    gaps: Gaps = field(default_factory=Gaps)

    def batches(self) -> Iterator[Batch]:
        """Yield batches in the order of the items; the last one may hold nothing but its bytes."""
        batch = Batch()
        for loaded in self.job.items:
            self._add(batch, loaded)
            if batch.full:
                yield self._measured(batch)
                batch = Batch(bytes=batch.bytes)
        yield self._measured(batch)

    def _add(self, batch: Batch, loaded: Loaded) -> None:
        batch.bytes = loaded.bytes
        batch.items += 1
        if isinstance(loaded.item, Failure):
            self._fail(loaded.item, loaded)
            return
        document = loaded.item
        if document.domain is None:
            document = replace(document, domain=self.job.domain)
        fault = self._fault(document, loaded.source)
        found = fault or self._prepared(document, loaded)
        if isinstance(found, str):
            self.tally.rejected += 1
            self.tally.fail(loaded.source or document.id, found)
            self.gaps.unread.add(absolute(loaded.source))
        elif isinstance(found, Described):
            batch.described.append(found)
        elif isinstance(found, Entry):
            batch.moved.append(found)
        elif found:
            batch.documents.append(found)
            batch.chunks += len(found.pieces)
            batch.chars += sum(map(len, found.embedded))

    def _fail(self, failure: Failure, loaded: Loaded) -> None:
        """List an item without a document, and note whether it is unread or empty."""
        source, reason = absolute(loaded.source), failure.reason
        if failure.emptied is None:
            self.tally.unread += 1
            self.gaps.unread.add(source)
        else:
            self.tally.emptied += 1
            self.gaps.empty.add(source)
            if self._goes(failure.emptied, source):
                self.gaps.emptied.add(failure.emptied)
                unless = "" if loaded.by_path else ", unless another row has its id"
                reason = f"{reason} (its document is removed{unless})"
        self.tally.fail(failure.source, reason)

    def _goes(self, id: str, source: str) -> bool:
        """Whether the index holds a document of this id that came from nowhere else."""
        known = self._known(id)
        if known is None or not known.source or id in self.seen:
            return False
        return not is_another_file(source, known.source)

    def _known(self, id: str) -> Entry | None:
        return self.ledger.get(id) if self.ledger else None

    def _fault(self, document: Document, source: str) -> str | None:
        """Why a document cannot be stored, if so."""
        if not 0 < len(document.id) <= LONGEST_ID:
            return f"its id has {len(document.id):,} characters, 1 to {LONGEST_ID:,} are allowed"
        if not all(map(storable, (document.id, document.title, document.text))):
            return f"document {document.id!r} holds half of a surrogate pair, which is no text"
        earlier = self.seen.earlier(document.id, source or "this job")
        if earlier:
            return f"its id {document.id!r} is already that of one from {earlier}"
        self.gaps.emptied.discard(document.id)
        return None

    def _prepared(
        self, document: Document, loaded: Loaded
    ) -> Prepared | Described | Entry | str | None:
        """What is to be done with a document: chunks, metadata, its entry, nothing, or why not."""
        try:
            hashes = document.content_hash, document.meta_hash
        except (TypeError, ValueError) as error:
            return f"document {document.id!r}: metadata has to be JSON: {error}"
        place = loaded.source or document.id
        entry = Entry(document.id, *hashes, 0, absolute(loaded.source))
        meta = {**document.meta, **({"title": document.title} if document.title else {})}
        known = self._known(document.id)
        # With sync, what no given path holds leaves the index, and its id is free.
        taken = (
            known is not None
            and not self.job.sync
            and loaded.by_path
            and is_another_file(entry.source, known.source)
        )
        if known and (known.content, known.meta) == hashes:
            self.tally.unchanged += 1
            return entry if known.source != entry.source and not taken else None
        if known and taken:
            return TAKEN.format(id=document.id, known=known.source)
        if known and known.content == entry.content:
            return Described(entry, document.domain, meta, place)
        recipe = self.recipe
        found = list(pieces(recipe.chunker, Reading(document, recipe.embedder, recipe.embed)))
        if not found:
            return f"document {document.id!r}: no text in it"
        texts = [document.text[slice(*span)] for span, _ in found]
        embedded = [
            embedded_text(recipe.embed, document.title, heading, text)
            for (_, heading), text in zip(found, texts, strict=True)
        ]
        entry = entry._replace(chunks=len(found))
        title = document.title if recipe.titles else ""
        return Prepared(entry, known, document.domain, meta, found, texts, embedded, title, place)

    def _measured(self, batch: Batch) -> Batch:
        """Count the batch's terms and tokens, and what the encoder will cut off."""
        texts = batch.embedded
        batch.terms = sum(self.recipe.sparse.lengths(texts))
        counts = self.recipe.embedder.token_counts(texts)
        over = [count - self.recipe.embedder.limit for count in counts]
        self.tally.terms += batch.terms
        self.tally.measured += len(texts)
        self.tally.tokens += sum(counts)
        self.tally.cut_chunks += sum(each > 0 for each in over)
        self.tally.cut_tokens += sum(each for each in over if each > 0)
        return batch
