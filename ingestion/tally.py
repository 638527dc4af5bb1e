"""The counts of a job while it runs."""

import time
from dataclasses import dataclass, field

from ingestion.document import Failure
from ingestion.job import Progress
from ingestion.report import Report

MOST_FAILURES = 1_000
"""Failures that are listed; all are counted."""


@dataclass
class Tally:
    """Counts as a `Report` has them, each changed by one thread only.

    `unread` items could not be read, `emptied` ones were and hold no text, `rejected` documents
    cannot be stored, `embedded` chunks may not be stored yet, `terms` and `measured` are the length
    in terms of so many chunks.
    """

    index: str
    tenant: str
    started: float = field(default_factory=time.monotonic)
    created: bool = False
    new: int = 0
    changed: int = 0
    described: int = 0
    unchanged: int = 0
    removed: int = 0
    unread: int = 0
    emptied: int = 0
    rejected: int = 0
    unstorable: int = 0
    embedded: int = 0
    chunks: int = 0
    chunks_removed: int = 0
    tokens: int = 0
    cut_chunks: int = 0
    cut_tokens: int = 0
    terms: int = 0
    measured: int = 0
    bytes: int = 0
    optimized: bool = False
    failures: list[Failure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def documents(self) -> int:
        """How many documents the index now holds because of this job, or held already."""
        return self.new + self.changed + self.described + self.unchanged

    @property
    def failed(self) -> int:
        """How many items gave no document in the index."""
        return self.unread + self.emptied + self.rejected + self.unstorable

    @property
    def average_length(self) -> float:
        """The average length of this job's chunks in terms, or 0 without any."""
        return self.terms / self.measured if self.measured else 0.0

    def fail(self, source: str, reason: str) -> None:
        """List a failure, if there is room."""
        if len(self.failures) < MOST_FAILURES:
            self.failures.append(Failure(source, reason))

    def progress(self) -> Progress:
        """Return how far the job is."""
        seconds = time.monotonic() - self.started
        return Progress(self.documents + self.failed, self.embedded, self.bytes, seconds)

    def report(self, index_average_length: float | None) -> Report:
        """Return the outcome; None is the average length where there is no index."""
        return Report(
            index=self.index,
            tenant=self.tenant,
            created=self.created,
            documents=self.documents,
            new=self.new,
            changed=self.changed,
            described=self.described,
            unchanged=self.unchanged,
            removed=self.removed,
            failed=self.failed,
            chunks=self.chunks,
            chunks_removed=self.chunks_removed,
            tokens=self.tokens,
            cut_chunks=self.cut_chunks,
            cut_tokens=self.cut_tokens,
            bytes=self.bytes,
            seconds=time.monotonic() - self.started,
            optimized=self.optimized,
            average_length=self.average_length,
            exists=index_average_length is not None,
            index_average_length=index_average_length or 0.0,
            failures=tuple(self.failures),
            notes=tuple(self.notes),
        )
