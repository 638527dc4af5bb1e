"""One writer at a time for each index, among the threads and processes of a data directory."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from retrieval.errors import StoreError, UnavailableError

POLL_S = 0.02


@contextmanager
def index_lock(data_dir: Path, index: str, wait_s: float) -> Iterator[None]:
    """Hold the lock of an index; the system lets go of it when the process ends, however it ends.

    Raises: UnavailableError if another writer holds it for longer than `wait_s`, StoreError if
    there can be no lock file.
    """
    path = data_dir / "ledgers" / f"{index}.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(
            f"The lock {path} cannot be made: {error.strerror}. Set data_dir to a directory that"
            " you may write to."
        ) from error
    try:
        end = time.monotonic() + wait_s
        while not _taken(descriptor):
            if time.monotonic() >= end:
                raise UnavailableError(
                    f"Index {index!r} is being written to by another job: try again later.",
                    retry_after_s=max(wait_s, 1.0),
                )
            time.sleep(POLL_S)
        yield
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
