"""What an index holds: of every document the hashes of what its chunks were made from.

One SQLite file for each build of an index, `<data_dir>/ledgers/<manifest id>.sqlite`. A document
is first recorded as unsettled, then its chunks are replaced, then it is recorded with its hashes:
a process that is killed in between leaves a mark, and the next job does that document again. What
the store lost after that (a loss of power before its flush) shows in the number of chunks.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import RLock
from typing import NamedTuple

from retrieval.errors import StoreError

LAYOUT = 1
TABLE = """
CREATE TABLE IF NOT EXISTS documents (
    tenant TEXT NOT NULL, id TEXT NOT NULL, content TEXT NOT NULL, meta TEXT NOT NULL,
    chunks INTEGER NOT NULL, source TEXT NOT NULL, PRIMARY KEY (tenant, id)
) WITHOUT ROWID
"""
WRITE = "INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?, ?, ?)"
COLUMNS = "id, content, meta, chunks, source"
PAGE = 1_000
WAIT_S = 30.0


class Entry(NamedTuple):
    """A document in an index: its hashes, its chunks, and where it came from.

    An empty hash is unsettled: what the store holds of it is not known.
    """

    id: str
    content: str = ""
    meta: str = ""
    chunks: int = 0
    source: str = ""


def ledger_file(data_dir: Path, manifest_id: str) -> Path:
    """Return where the ledger of a build of an index is."""
    return data_dir / "ledgers" / f"{manifest_id}.sqlite"


def remove_ledger(data_dir: Path, manifest_id: str) -> None:
    """Remove the ledger of an index that was dropped, if there is one."""
    file = ledger_file(data_dir, manifest_id)
    for part in (file, *(file.with_name(f"{file.name}-{end}") for end in ("wal", "shm"))):
        with suppress(FileNotFoundError):
            part.unlink()


class Ledger:
    """The documents of one tenant in one build of an index. Threads may share it."""

    def __init__(self, file: Path, tenant: str) -> None:
        """Open the ledger, or begin one. Raises: StoreError that names the file."""
        self._file = file
        self._tenant = tenant
        self._lock = RLock()
        with self._mapped():
            file.parent.mkdir(parents=True, exist_ok=True)
            self._rows = sqlite3.connect(
                file, timeout=WAIT_S, isolation_level=None, check_same_thread=False
            )
            self._rows.execute("PRAGMA journal_mode = WAL")
            self._rows.execute("PRAGMA synchronous = FULL")
            self._rows.execute(TABLE)
            (found,) = self._rows.execute("PRAGMA user_version").fetchone()
            if found not in (0, LAYOUT):
                raise StoreError(
                    f"The ledger {file} has layout {found}, this Assay reads {LAYOUT}. Remove it:"
                    " the next ingestion reads all documents again and begins a new one."
                )
            if not found:
                self._rows.execute(f"PRAGMA user_version = {LAYOUT}")

    def get(self, id: str) -> Entry | None:
        """Return the entry of a document, if there is one."""
        return next(iter(self._select("id = ?", id)), None)

    def record(self, entries: Iterable[Entry]) -> None:
        """Write entries: unsettled ones before their chunks change, settled ones after."""
        with self._mapped(), self._change():
            self._rows.executemany(WRITE, [(self._tenant, *entry) for entry in entries])

    def move(self, entries: Iterable[Entry]) -> None:
        """Write where documents come from, and nothing else of them."""
        moved = [(entry.source, self._tenant, entry.id) for entry in entries]
        with self._mapped(), self._change():
            self._rows.executemany(
                "UPDATE documents SET source = ? WHERE tenant = ? AND id = ?", moved
            )

    def remove(self, ids: Iterable[str]) -> None:
        """Forget documents whose chunks the store has removed."""
        gone = [(self._tenant, id) for id in ids]
        with self._mapped(), self._change():
            self._rows.executemany("DELETE FROM documents WHERE tenant = ? AND id = ?", gone)

    def chunks(self) -> int:
        """Return how many chunks the settled documents have."""
        with self._mapped():
            query = "SELECT total(chunks) FROM documents WHERE tenant = ? AND content <> ''"
            return int(self._rows.execute(query, (self._tenant,)).fetchone()[0])

    def unsettled(self) -> list[Entry]:
        """Return the documents that an interrupted job left behind, by id."""
        return self._select("content = '' ORDER BY id")

    def entries(self) -> Iterator[Entry]:
        """Yield all documents by id; they may change meanwhile."""
        last = ""
        while page := self._select("id > ? ORDER BY id LIMIT ?", last, PAGE):
            yield from page
            last = page[-1].id

    def close(self) -> None:
        """Close the file."""
        with self._mapped():
            self._rows.close()

    def _select(self, rest: str, *values: str | int) -> list[Entry]:
        query = f"SELECT {COLUMNS} FROM documents WHERE tenant = ? AND {rest}"
        with self._mapped():
            return [Entry(*row) for row in self._rows.execute(query, (self._tenant, *values))]

    @contextmanager
    def _change(self) -> Iterator[None]:
        self._rows.execute("BEGIN IMMEDIATE")
        try:
            yield
        except sqlite3.Error:
            self._rows.execute("ROLLBACK")
            raise
        self._rows.execute("COMMIT")

    @contextmanager
    def _mapped(self) -> Iterator[None]:
        """One thread at a time, and SQLite's errors as ours."""
        with self._lock:
            try:
                yield
            except (sqlite3.Error, OSError) as error:
                raise StoreError(
                    f"The ledger {self._file} cannot be used: {error}. Make room or give access;"
                    " if it is broken, remove it, and the next ingestion reads all documents again."
                ) from error
