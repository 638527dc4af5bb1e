"""Who owns a data directory: a file lock, taken before anything in it is opened.

`<data directory>/engine/` (mode 0700) holds the `lock` with the owner's record, the `socket` and
the `log` of the engine process. The kernel lets go of the lock when its owner ends, however it
ends, so a record means nothing unless the lock is held.
"""

import json
import os
import socket
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from retrieval.errors import ConfigError, StoreError

LONGEST_ADDRESS = 100
"""Bytes; the kernels take 104 (macOS) or 108 (Linux), with a zero at the end."""
STARTING, SERVING, BUILDING, CLOSING = "starting", "serving", "building", "closing"


@dataclass(frozen=True)
class Owner:
    """What the owner of a data directory says of itself.

    `taker` is the process that took the lock, which the owner inherited or took itself.
    """

    pid: int
    address: str
    state: str
    taker: int

    @property
    def alive(self) -> bool:
        """Whether its process is there."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True


class Lock:
    """The lock of one data directory, opened but not taken."""

    def __init__(self, data_dir: Path, descriptor: int | None = None) -> None:
        """Open it, or use a descriptor that was inherited.

        Raises: ConfigError where there are no such locks, StoreError where it cannot be written.
        """
        if sys.platform == "win32":
            raise ConfigError(
                "The embedded engine needs Linux or macOS. Set qdrant_url to a Qdrant server."
            )
        self.place = data_dir.absolute() / "engine"
        self._path = self.place / "lock"
        try:
            if descriptor is None:
                self.place.mkdir(mode=0o700, parents=True, exist_ok=True)
                self.place.chmod(0o700)
                descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(
                f"The data directory {data_dir} cannot be used: {error.strerror or error}."
                " Set data_dir to one that you may write to."
            ) from error
        self.descriptor = descriptor

    def take(self) -> bool:
        """Take the lock if nobody holds it. A child that inherits the descriptor holds it too."""
        import fcntl

        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            raise StoreError(
                f"{self._path} cannot be locked: {error.strerror or error}. Set data_dir to a"
                " directory on a local disk."
            ) from error
        return True

    def __enter__(self) -> "Lock":
        """Return this lock, to be closed at the end."""
        return self

    def __exit__(self, *error: object) -> None:
        """Let go of the descriptor, and of the lock unless a child inherited it."""
        os.close(self.descriptor)

    def owner(self) -> Owner | None:
        """Return the last record, or None if there is none yet."""
        try:
            return Owner(**json.loads(os.pread(self.descriptor, 4096, 0)))
        except (ValueError, TypeError):
            return None

    def record(self, owner: Owner) -> None:
        """Write the record; for the holder of the lock only."""
        text = json.dumps(asdict(owner)).encode()
        os.pwrite(self.descriptor, text, 0)
        os.ftruncate(self.descriptor, len(text))

    def taker(self) -> int | None:
        """Return the process that took the lock, as far as the system tells (Linux)."""
        status = os.fstat(self.descriptor)
        ours = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
        try:
            lines = Path("/proc/locks").read_text().splitlines()
        except OSError:
            return None
        for words in map(str.split, lines):
            if len(words) > 5 and words[1] == "FLOCK" and words[5] == ours:
                return int(words[4])
        return None


def listening(place: Path) -> socket.socket:
    """Return a socket that this user alone can reach, beside the lock or, if it must be, elsewhere.

    A path that is too long for an address, and a file system without sockets (a mounted folder of a
    container), send it into a new directory for temporary files.
    """
    near = place / "socket"
    if len(os.fsencode(near)) <= LONGEST_ADDRESS:
        try:
            near.unlink(missing_ok=True)
            return _bound(near)
        except OSError:
            near.unlink(missing_ok=True)
    return _bound(Path(tempfile.mkdtemp(prefix="assay-")) / "socket")


def _bound(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        listener.bind(str(path))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    finally:
        os.umask(mask)
    return listener


def remove(address: str, place: Path) -> None:
    """Remove a socket, and the directory that was made for it."""
    path = Path(address)
    path.unlink(missing_ok=True)
    if path.parent != place:
        path.parent.rmdir()
