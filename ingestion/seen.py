"""The ids that a job has met, and where: on disk, so that memory stays small for any number."""

import sqlite3

from retrieval.errors import InputError

CACHE_KB = 16_000


class Seen:
    """Ids and the source of each, forgotten at the end."""

    def __init__(self) -> None:
        """Start without any, in a temporary file that the system removes."""
        self._rows = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._rows.execute(f"PRAGMA cache_size = -{CACHE_KB}")
        self._rows.execute("PRAGMA journal_mode = OFF")
        self._rows.execute("CREATE TABLE seen (id TEXT PRIMARY KEY, source TEXT) WITHOUT ROWID")
        self._rows.execute("BEGIN")  # and no end: what is never committed is written ten times less

    def earlier(self, id: str, source: str) -> str | None:
        """Note an id, and return the source that had it before, if any.

        Raises: InputError if the temporary file cannot grow.
        """
        try:
            noted = self._rows.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (id, source))
        except sqlite3.OperationalError as error:
            raise InputError(
                f"The ids of this job cannot be kept ({error}): make room in the temporary folder."
            ) from error
        if noted.rowcount:
            return None
        found: tuple[str] = self._rows.execute(
            "SELECT source FROM seen WHERE id = ?", (id,)
        ).fetchone()
        return found[0]

    def __contains__(self, id: str) -> bool:
        """Whether an id was noted."""
        return bool(self._rows.execute("SELECT 1 FROM seen WHERE id = ?", (id,)).fetchone())

    def close(self) -> None:
        """Forget all of them."""
        self._rows.close()
