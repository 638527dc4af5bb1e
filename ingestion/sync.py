"""Documents that left the source leave the index."""

from collections.abc import Set
from itertools import islice

from ingestion.ledger import Entry
from ingestion.seen import Seen
from ingestion.write import Writer

REMOVED_AT_ONCE = 256


def remove_missing(writer: Writer, seen: Seen, unread: Set[str]) -> None:
    """Remove the documents whose ids were not seen, but for those of sources that were not read.

    `unread` are files, or folders with all that is in them. If no document was read at all, as
    where a disk is not mounted, nothing is removed.
    """
    tally = writer.tally
    if not tally.documents:
        tally.notes.append("Nothing was removed: the sources gave no document at all.")
        return
    kept = 0

    def is_missing(entry: Entry) -> bool:
        nonlocal kept
        if seen.earlier(entry.id, entry.source) is not None:
            return False
        may_be_there = _within(entry.source, unread)
        kept += may_be_there
        return not may_be_there

    missing = filter(is_missing, writer.target.ledger.entries())
    while page := list(islice(missing, REMOVED_AT_ONCE)):
        writer.remove(page)
    if kept:
        tally.notes.append(f"{kept:,} documents of sources that could not be read were kept.")


def _within(source: str, unread: Set[str]) -> bool:
    """Whether a source, or a folder above it, is one of these."""
    while source and source not in unread:
        source = source.rpartition("/")[0]
    return source in unread
