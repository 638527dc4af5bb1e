"""What an ingestion did, in numbers, for people and as JSON."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from ingestion.document import Failure


@dataclass(frozen=True)
class Report:
    """The outcome of a job.

    Of the `documents` that the index holds now, each is new, changed (its chunks replaced),
    described (its metadata changed alone) or unchanged; `failed` items gave none. `tokens` counts
    what was to be embedded, before the encoder's limit cut `cut_tokens` off `cut_chunks` chunks.
    `average_length` is that of this job's chunks in terms, `index_average_length` the one that
    the index weighs with; both are 0 where there are none. `exists`: the index is there by now.
    """

    index: str
    tenant: str
    created: bool = False
    exists: bool = True
    documents: int = 0
    new: int = 0
    changed: int = 0
    described: int = 0
    unchanged: int = 0
    removed: int = 0
    failed: int = 0
    chunks: int = 0
    chunks_removed: int = 0
    tokens: int = 0
    cut_chunks: int = 0
    cut_tokens: int = 0
    bytes: int = 0
    seconds: float = 0.0
    optimized: bool = False
    average_length: float = 0.0
    index_average_length: float = 0.0
    failures: tuple[Failure, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def rate(self) -> float:
        """Chunks a second, over all."""
        return self.chunks / self.seconds if self.seconds else 0.0

    @property
    def drift(self) -> float:
        """How far this job's average length is from the index's: 0.1 is a tenth longer."""
        if not self.average_length or not self.index_average_length:
            return 0.0
        return self.average_length / self.index_average_length - 1

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        failures = [{"source": each.source, "reason": each.reason} for each in self.failures]
        found = asdict(self) | {"failures": failures, "notes": list(self.notes)}
        return found | {"rate": self.rate, "drift": self.drift}

    def lines(self) -> Iterator[str]:
        """Yield the report line by line; what did not happen is left out."""
        made = "made and filled" if self.created else "brought up to date"
        done = made if self.exists else "not made, since there is nothing to put into it"
        yield f"Index {self.index!r} {done}: {self.documents:,} documents."
        counts = {
            "new": self.new,
            "replaced": self.changed,
            "changed in metadata alone": self.described,
            "unchanged": self.unchanged,
            "removed": self.removed,
            "failed": self.failed,
        }
        said = [f"{count:,} {what}" for what, count in counts.items() if count]
        if said:
            yield f"Documents: {', '.join(said)}."
        if self.chunks:
            yield (
                f"Chunks: {self.chunks:,} embedded ({self.tokens:,} tokens) in"
                f" {self.seconds:,.1f} s, {self.rate:,.0f} a second."
            )
        if self.chunks_removed:
            yield f"Chunks removed: {self.chunks_removed:,}."
        if self.cut_chunks:
            yield (
                f"Cut at the encoder's limit: {self.cut_chunks:,} chunks,"
                f" {self.cut_tokens:,} tokens are not in their vectors."
            )
        if abs(self.drift) >= 0.1:
            yield (
                f"Average length: {self.average_length:.1f} terms here, the index weighs with"
                f" {self.index_average_length:.1f} ({self.drift:+.0%})."
            )
        yield from self.notes
        yield from (f"Failed: {failure.source}: {failure.reason}" for failure in self.failures)
        if self.failed > len(self.failures):
            yield f"... and {self.failed - len(self.failures):,} more."
