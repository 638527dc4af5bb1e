"""What changes an index: whole documents in, out or described, each recorded around the change."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from threading import Event

from ingestion.embed import Embedded
from ingestion.fields import typed
from ingestion.index_lock import index_lock
from ingestion.job import Job
from ingestion.ledger import Entry
from ingestion.prepare import Batch, Described, Prepared
from ingestion.tally import Tally
from ingestion.target import Target
from retrieval.errors import InputError, UnavailableError
from retrieval.kit import Point
from retrieval.open_kit import Tools
from retrieval.types import Chunk, chunk_id

FLUSH_CHUNKS = 4_096


@dataclass
class Writer:
    """Writes into one index; for each change it holds the lock of the index, and no longer."""

    job: Job
    tools: Tools
    target: Target
    tally: Tally
    stopped: Event = field(default_factory=Event)
    unflushed: int = 0

    def write(self, batch: Batch, embedded: Embedded) -> None:
        """Store a batch with its vectors."""
        points = self._points(batch, embedded)
        with index_lock(self.tools.settings.data_dir, self.job.index, self.job.wait_s):
            if points:
                self._replace(points)
            if batch.described:
                self._describe(batch.described)
            if batch.moved:
                self.target.ledger.move(batch.moved)
        self.unflushed += batch.chunks
        self.tally.bytes = batch.bytes
        if self.unflushed >= FLUSH_CHUNKS:
            self.flush()

    def remove(self, entries: Sequence[Entry]) -> None:
        """Remove documents with their chunks."""
        ids = [entry.id for entry in entries]
        with index_lock(self.tools.settings.data_dir, self.job.index, self.job.wait_s):
            self.target.ledger.record(entry._replace(content="", meta="") for entry in entries)
            self._patiently(lambda: self.target.store.replace({id: [] for id in ids}))
            self.target.ledger.remove(ids)
        self.tally.removed += len(ids)
        self.tally.chunks_removed += sum(entry.chunks for entry in entries)

    def flush(self) -> None:
        """Make everything written so far survive a loss of power."""
        self._patiently(self.target.store.flush)
        self.unflushed = 0

    def _points(self, batch: Batch, embedded: Embedded) -> list[tuple[Prepared, list[Point]]]:
        average = self.target.manifest.average_length
        terms = self.tools.sparse.documents(batch.embedded, average) if batch.chunks else []
        rows = iter(zip(embedded.chunks, terms, strict=True))
        fields = self.target.manifest.fields
        found = []
        for document in batch.documents:
            meta = typed(document.meta, fields)
            chunks = _chunks(self.job.tenant, document._replace(meta=meta))
            points = [Point(chunk, i, *next(rows)) for i, chunk in enumerate(chunks)]
            points[0] = points[0]._replace(title=embedded.titles.get(document.title))
            found.append((document, points))
        return found

    def _replace(self, points: Sequence[tuple[Prepared, list[Point]]]) -> None:
        """Store documents together; if one of them cannot be stored, half of them at a time."""
        self.target.ledger.record(_unsettled(document) for document, _ in points)
        try:
            stored = {document.entry.id: found for document, found in points}
            self._patiently(lambda: self.target.store.replace(stored))
        except InputError as error:
            if len(points) > 1:
                half = len(points) // 2
                self._replace(points[:half])
                self._replace(points[half:])
                return
            self._reject(points[0][0].place, error)
            if not points[0][0].previous:
                self.target.ledger.remove([points[0][0].entry.id])
            return
        self.target.ledger.record(document.entry for document, _ in points)
        for document, _ in points:
            self._count(document)

    def _reject(self, place: str, error: InputError) -> None:
        self.tally.unstorable += 1
        self.tally.fail(place, str(error))

    def _count(self, document: Prepared) -> None:
        self.tally.chunks += document.entry.chunks
        if document.previous and document.previous.content:
            self.tally.changed += 1
            self.tally.chunks_removed += document.previous.chunks
        else:
            self.tally.new += 1

    def _describe(self, described: Sequence[Described]) -> None:
        """Replace the metadata of documents, whatever their texts are by now."""
        ledger, fields = self.target.ledger, self.target.manifest.fields
        known = [(each, now) for each in described if (now := ledger.get(each.entry.id))]
        ledger.record(now._replace(meta="") for _, now in known)
        done = []
        for each, now in known:
            change = (each.entry.id, each.domain, typed(each.meta, fields))
            try:
                self._patiently(partial(self.target.store.describe, *change))
            except InputError as error:
                self._reject(each.place, error)
            else:
                done.append(each.entry._replace(content=now.content, chunks=now.chunks))
        ledger.record(done)
        self.tally.described += len(done)

    def _patiently(self, do: Callable[[], None]) -> None:
        """Do what may be done twice, again if the store is down, as long as the job waits."""
        end = time.monotonic() + self.job.wait_s
        while True:
            try:
                return do()
            except UnavailableError as error:
                if time.monotonic() + error.retry_after_s > end:
                    raise
                if self.stopped.wait(error.retry_after_s):
                    raise


def _unsettled(document: Prepared) -> Entry:
    known = document.previous or Entry(document.entry.id, source=document.entry.source)
    return known._replace(content="", meta="")


def _chunks(tenant: str, document: Prepared) -> Iterator[Chunk]:
    id = document.entry.id
    rows = zip(document.pieces, document.texts, document.embedded, strict=True)
    for (span, heading), text, embedded in rows:
        key = chunk_id(tenant, id, span, embedded)
        yield Chunk(key, id, text, span, heading, document.domain, document.meta)
