"""The files that were given to be loaded, and the names of their documents."""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ingestion.document import Failure

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class LoadOptions:
    """How files become documents.

    `id_field`, `text_field` and `title_field` name fields of rows (CSV, JSON). `domain_field` names
    the metadata that is a document's domain, `domain` where it is None; `domain` is that of
    documents without one. `max_file_mb` bounds a file that is read whole, and one row of a file
    that is read row by row. `timeout_s` and `max_memory_mb` bound the parser process on one file.
    """

    id_field: str | None = None
    text_field: str | None = None
    title_field: str | None = None
    domain_field: str | None = None
    domain: str | None = None
    max_file_mb: float = 64
    timeout_s: float = 60
    max_memory_mb: int = 1024

    @property
    def max_bytes(self) -> int:
        """The limit of a file in bytes."""
        return int(self.max_file_mb * MEGABYTE)


class Source(NamedTuple):
    """A file to load: where it is, the id that its path gives, its size in bytes."""

    path: Path
    name: str
    size: int

    def __str__(self) -> str:
        """Return the path as it is reported."""
        return readable(self.path)

    def at(self, line: int) -> str:
        """Return a place in it as it is reported."""
        return f"{self}:{line}"


class SourceCount(NamedTuple):
    """How many files there are to load, their bytes, and how many hidden entries are left out."""

    files: int
    bytes: int
    hidden: int


class Hidden(NamedTuple):
    """A file or folder whose name begins with a dot: it is left out."""

    path: Path


Found = Source | Failure | Hidden


def count_sources(paths: Sequence[Path]) -> SourceCount:
    """Return what there is to load, without opening a file."""
    files = size = hidden = 0
    for found in find_sources(paths):
        if isinstance(found, Source):
            files += 1
            size += found.size
        hidden += isinstance(found, Hidden)
    return SourceCount(files, size, hidden)


def find_sources(paths: Sequence[Path]) -> Iterator[Found]:
    """Return the files of each path in the order given, those of a folder in the order of names.

    A given file is named by its own name, a file of a given folder by its path in that folder.
    Links are followed, but never into a folder that holds them.
    """
    for path in paths:
        try:
            status = path.stat()
        except (OSError, ValueError) as error:
            yield Failure(readable(path), reason(error))
            continue
        if not stat.S_ISDIR(status.st_mode):
            yield _found(path, path.name or readable(path), status)
            continue
        hidden = files = 0
        for found in _inside(path):
            hidden += isinstance(found, Hidden)
            files += not isinstance(found, Hidden)
            yield found
        if not files:
            left_out = f" but {hidden} hidden ones, which are left out" if hidden else ""
            yield Failure(readable(path), f"the folder holds no files{left_out}")


def _inside(folder: Path) -> Iterator[Found]:
    """Return what is in a folder, depth first; without recursion, as folders may be deep."""
    levels = [_Level(folder, "", iter([""]), frozenset())]
    while levels:
        level = levels[-1]
        entry = next(level.entries, None)
        if entry is None:
            levels.pop()
        elif entry.startswith("."):
            yield Hidden(level.path / entry)
        else:
            try:
                found = _look(level, entry)
            except OSError as error:
                found = Failure(readable(level.path / entry), reason(error))
            if isinstance(found, _Level):
                levels.append(found)
            else:
                yield found


class _Level(NamedTuple):
    """A folder being read: the names in it that are left, and the folders it lies in."""

    path: Path
    name: str
    entries: Iterator[str]
    above: frozenset[tuple[int, int]]


def _look(level: _Level, entry: str) -> _Level | Source | Failure:
    path, name = level.path / entry, f"{level.name}/{entry}".strip("/")
    status = path.stat()
    identity = (status.st_dev, status.st_ino)
    if not stat.S_ISDIR(status.st_mode):
        return _found(path, name, status)
    if identity in level.above:
        return Failure(readable(path), "a link to a folder that holds it: left out")
    entries = iter(sorted(os.listdir(path)))  # noqa: PTH208 a million names, not paths
    return _Level(path, name, entries, level.above | {identity})


def _found(path: Path, name: str, status: os.stat_result) -> Source | Failure:
    if not stat.S_ISREG(status.st_mode):
        return Failure(readable(path), "neither a file nor a folder: left out")
    return Source(path, readable(name), status.st_size)


def readable(path: Path | str) -> str:
    r"""Return a path as text that can be stored: bytes that are no UTF-8 stand as `\xff`."""
    return os.fsencode(path).decode(errors="backslashreplace")


def absolute(source: str) -> str:
    """Return where a source is, however its path was spelled; of none, none."""
    return os.path.abspath(source) if source else ""  # noqa: PTH100 Path.absolute keeps `..`


def is_another_file(source: str, known: str) -> bool:
    """Whether a known source is still there, as far as one can see, and is not this one."""
    try:
        return known not in ("", source) and not Path(known).samefile(source)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True


def reason(error: OSError | ValueError) -> str:
    """Return what the system says, without the path, which stands beside it."""
    said = error.strerror if isinstance(error, OSError) else str(error)
    return (said or type(error).__name__).lower()
