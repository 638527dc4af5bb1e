"""Documents into an index: read and cut in one thread, embedded here, stored in another.

The queues between them are bounded, so memory does not grow with the source, and nothing but
taking from a queue comes between two calls of the encoder. A job that ends early has recorded what
was stored, and the same job again does the rest.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from threading import Event

from ingestion.embed import Embedded, Embedding
from ingestion.index_lock import index_lock
from ingestion.job import Job, OnProgress
from ingestion.lane import Lane
from ingestion.ledger import Entry, remove_ledger
from ingestion.prepare import Batch, Preparation
from ingestion.report import Report
from ingestion.seen import Seen
from ingestion.sync import remove_emptied, remove_missing
from ingestion.tally import Tally
from ingestion.target import Sample, Target, checked_target, new_target, recipe_of, target_of
from ingestion.together import TICK_S, together
from ingestion.write import Writer
from retrieval.errors import NotFoundError, StoreError
from retrieval.filters import Equals
from retrieval.manifest import checked_name
from retrieval.open_kit import Tools

PREPARED_BYTES = 48_000_000
"""How much may wait for the encoder: more than the sample that a new index waits for."""
EMBEDDED_BATCHES = 3


def ingest(job: Job, tools: Tools, progress: OnProgress | None = None) -> Report:
    """Bring the documents of a job into its index, and return what was done.

    A document that is there with the same text costs nothing, with new metadata alone it is not
    embedded again, and otherwise its chunks replace its old ones. An item that fails is listed and
    stops nothing; what is known of it stays, unless it was read and holds no text. An index for
    which there is no chunk is not made.

    Raises: ConfigError if the index was built otherwise; ProviderError and StoreError where the
        encoder or the store fails: what was stored until then is recorded.
    """
    checked_name(job.index)
    with ExitStack() as stack:
        run = _Run(job, tools, progress or (lambda _: None), stack)
        together(run.embed, [run.prepare, run.write], run.stop, run.tick)
        return run.finished()


def delete_documents(tools: Tools, index: str, ids: Sequence[str], tenant: str) -> int:
    """Remove documents with their chunks, and return how many chunks those were.

    Raises: NotFoundError that names the index or the first unknown document: then nothing is
        removed.
    """
    job = Job((), index, tenant)
    target = target_of(job, tools, tools.indexes.open(index))
    with closing(target.ledger):
        entries = []
        for id in dict.fromkeys(ids):
            chunks = target.store.count(Equals("document_id", id))
            known = target.ledger.get(id)
            if not known and not chunks:
                raise NotFoundError(f"There is no document {id!r} in index {index!r}.", "id")
            entries.append((known or Entry(id))._replace(chunks=chunks))
        writer = Writer(job, tools, target, Tally(index, tenant))
        writer.remove(entries)
        writer.flush()
        return writer.tally.chunks_removed


def drop_index(tools: Tools, index: str) -> None:
    """Remove an index and its ledger for good. Raises: NotFoundError that lists the names."""
    manifest = tools.indexes.open(index).manifest
    data_dir = tools.settings.data_dir
    with index_lock(data_dir, index, Job.wait_s):
        tools.indexes.drop(index)
        remove_ledger(data_dir, manifest.id)


class _Run:
    """One job under way: its two lanes, and the work of the three threads along them."""

    def __init__(self, job: Job, tools: Tools, progress: OnProgress, stack: ExitStack) -> None:
        self._job, self._tools, self._progress, self._stack = job, tools, progress, stack
        self._tally = Tally(job.index, job.tenant)
        self._stopped, self._opened = Event(), Event()
        self._ticked = 0.0
        self._prepared: Lane[Batch] = Lane(PREPARED_BYTES)
        self._embedded: Lane[tuple[Batch, Embedded]] = Lane(EMBEDDED_BATCHES)
        self._writer: Writer | None = None
        target = checked_target(job, tools)
        if target:
            self._open(target)
        self._recipe = recipe_of(job, tools, target.manifest if target else None)
        self._seen = stack.enter_context(closing(Seen()))
        self._tally.notes += self._recipe.notes
        ledger = target.ledger if target else None
        self._preparation = Preparation(job, self._recipe, ledger, self._seen, self._tally)

    def prepare(self) -> None:
        """Read and cut; a new index is made as soon as enough is known of what it will hold."""
        sample = Sample()
        with ExitStack() as stack:
            close: Callable[[], None] | None = getattr(self._job.items, "close", None)
            if close:
                stack.callback(close)
            for batch in self._preparation.batches():
                if not self._writer:
                    sample.add(batch)
                    if sample.full:
                        self._make(sample)
                self._prepared.put(batch, batch.weight)
        if sample.chunks and not self._writer:
            self._make(sample)
        self._opened.set()
        self._prepared.finish()

    def embed(self) -> None:
        """Give every chunk its vector, and every title."""
        embedding = Embedding(self._recipe.embedder, self._done)
        while not self._prepared.drained:
            self.tick()
            for batch in self._prepared.take(TICK_S):
                self._embedded.put((batch, embedding.of(batch)), 1)
        self._embedded.finish()

    def write(self) -> None:
        """Store and record."""
        with ExitStack() as stack:
            stack.callback(self._embedded.stop)
            for batch, vectors in self._embedded:
                self._opened.wait()
                if self._writer:
                    self._writer.write(batch, vectors)
                else:
                    self._tally.bytes = batch.bytes

    def stop(self) -> None:
        """End the work; what is embedded by now is still stored, if it can be."""
        self._stopped.set()
        self._opened.set()
        self._prepared.stop()
        self._embedded.finish()

    def tick(self) -> None:
        """Say how far the job is, a few times a second."""
        now = time.monotonic()
        if now - self._ticked >= TICK_S:
            self._ticked = now
            self._progress(self._tally.progress())

    def finished(self) -> Report:
        """Remove what left the source, make the rest last, and return what was done."""
        tally, writer = self._tally, self._writer
        self._progress(tally.progress())
        if not writer:
            return tally.report(None)
        gaps = self._preparation.gaps
        remove_emptied(writer, gaps)
        if self._job.sync:
            remove_missing(writer, self._seen, gaps)
        if tally.chunks or tally.described or tally.removed:
            writer.flush()
        if self._job.optimize and (tally.chunks or tally.removed):
            self._optimize(writer)
        return tally.report(writer.target.manifest.average_length)

    def _make(self, sample: Sample) -> None:
        target, self._tally.created = new_target(self._job, self._tools, self._recipe, sample)
        self._open(target)

    def _open(self, target: Target) -> None:
        self._stack.enter_context(closing(target.ledger))
        self._tally.notes += target.notes
        self._writer = Writer(self._job, self._tools, target, self._tally, self._stopped)
        self._opened.set()

    def _done(self, chunks: int) -> None:
        self._tally.embedded += chunks
        self.tick()

    def _optimize(self, writer: Writer) -> None:
        try:
            with index_lock(self._tools.settings.data_dir, self._job.index, self._job.wait_s):
                self._tally.optimized = writer.target.store.optimize()
        except StoreError as error:
            self._tally.notes.append(f"The index was not optimized: {error}")
