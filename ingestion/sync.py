"""Documents that are empty by now, or that left the source, leave the index."""

import os
from collections.abc import Iterable, Set
from itertools import islice
from pathlib import Path

from ingestion.ledger import Entry
from ingestion.prepare import Gaps
from ingestion.seen import Seen
from ingestion.write import Writer

REMOVED_AT_ONCE = 256


def remove_emptied(writer: Writer, gaps: Gaps) -> None:
    """Remove the documents that were read and hold no text any more."""
    entries = map(writer.target.ledger.get, sorted(gaps.emptied))
    _remove(writer, (entry for entry in entries if entry))


def remove_missing(writer: Writer, seen: Seen, gaps: Gaps) -> None:
    """Remove the documents whose ids were not seen, but for those of sources that were not read.

    Such a source is a file, or a folder with all that is in it. If no document was read at all, as
    where a disk is not mounted, only those of files that were read and are empty are removed.
    """
    tally, unread = writer.tally, _Unread(gaps.unread - {""})
    kept = unsure = 0

    def is_missing(entry: Entry) -> bool:
        nonlocal kept, unsure
        if entry.id in seen:
            return False
        if unread.may_hold(entry.source):
            kept += 1
            unsure += not Path(entry.source).is_absolute()
            return False
        return bool(tally.documents) or entry.source in gaps.empty

    _remove(writer, filter(is_missing, writer.target.ledger.entries()))
    if not tally.documents:
        what = "Nothing else" if tally.removed else "Nothing"
        tally.notes.append(f"{what} was removed: the sources gave no document at all.")
    if kept:
        tally.notes.append(f"{kept:,} documents of sources that could not be read were kept.")
    if unsure:
        tally.notes.append(
            f"{unsure:,} of them may be of other sources: an earlier version recorded theirs"
            " relative to a folder that is not known."
        )


def _remove(writer: Writer, entries: Iterable[Entry]) -> None:
    rest = iter(entries)
    while page := list(islice(rest, REMOVED_AT_ONCE)):
        writer.remove(page)


class _Unread:
    """The files and folders that could not be read, also by the paths that links lead to."""

    def __init__(self, paths: Set[str]) -> None:
        self._paths = paths | set(map(_in_place, paths))
        self._names = {Path(each).name for each in paths}
        self._only_files = all(map(os.path.isfile, paths))

    def may_hold(self, source: str) -> bool:
        """Whether a source is one of them or in one; if it is relative, whether it may be."""
        if not source or not self._paths:
            return False
        if not Path(source).is_absolute():
            return not self._only_files or Path(source).name in self._names
        return self._holds(Path(source)) or self._holds(Path(_in_place(source)))

    def _holds(self, path: Path) -> bool:
        return not self._paths.isdisjoint(map(str, (path, *path.parents)))


def _in_place(path: str) -> str:
    """A path whose folders are no links; it may be one itself, that leads anywhere."""
    folder, name = os.path.split(path)
    return str(Path(os.path.realpath(folder), name))
