"""The indexes of a data directory, inside the engine process: their files, opening and removal.

    indexes/<name>/manifest.json          what the index is, and which version; written last
    indexes/<name>/versions/<version>/    the engine's own files
    indexes/<name>/versions/<version>.replaced   there if its counts of terms cannot be trusted
    indexes/<name>/opening                how many times opening it has ended the process

An index without a manifest does not exist: what is left of it is removed by the next `create`.
"""

import os
import resource
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from retrieval.adapters.engine_schema import Schema
from retrieval.adapters.engine_shard import Shard
from retrieval.errors import BusyError, ConfigError, NotFoundError, StoreError

ATTEMPTS = 3
OF_ONE_INDEX = frozenset(
    {
        "search",
        "rows",
        "replace",
        "stage",
        "describe",
        "chunks",
        "vectors",
        "cosines",
        "present",
        "count",
        "flush",
    }
)


class Shards:
    """All indexes of a data directory; each is opened when it is first asked for."""

    def __init__(self, data_dir: Path) -> None:
        """Remember where they are."""
        self._place = data_dir / "indexes"
        self._open: dict[tuple[str, str], Shard] = {}
        self._broken: dict[tuple[str, str], str] = {}

    def operation(self, name: str) -> Callable[..., Any]:
        """Return what answers a question of this name. Raises: StoreError for an unknown one."""
        if name in OF_ONE_INDEX:
            return lambda index, version, *rest: getattr(self.shard(index, version), name)(*rest)
        own: dict[str, Callable[..., Any]] = {
            "create": self.create,
            "drop": self.drop,
            "stats": self.stats,
            "rest": self.flush,
        }
        if name not in own:
            raise StoreError(f"The index engine knows no operation {name!r}.")
        return own[name]

    def create(self, name: str, version: str, manifest: str, schema: Schema) -> None:
        """Make an index; the manifest comes last.

        Raises: ConfigError where it exists already.
        """
        place = self._place / name
        if (place / "manifest.json").exists():
            raise ConfigError(f"Index {name!r} exists already. Drop it first, or use another name.")
        self._let_go(name)
        shutil.rmtree(place, ignore_errors=True)
        directory = place / "versions" / version
        directory.mkdir(parents=True)
        self._open[name, version] = Shard.created(directory, schema)
        _write(place / "manifest.json", manifest)

    def drop(self, name: str) -> None:
        """Remove an index, open or not, sound or not. Raises: NotFoundError."""
        place = self._place / name
        if not (place / "manifest.json").exists():
            raise NotFoundError(f"There is no index {name!r}.", "index")
        (place / "manifest.json").unlink()
        self._let_go(name)
        shutil.rmtree(place)

    def shard(self, name: str, version: str) -> Shard:
        """Return an index, opened.

        Raises: NotFoundError, StoreError where its files are broken, BusyError where another
            program has them open.
        """
        found = self._open.get((name, version))
        if found is None:
            found = self._open[name, version] = self._opened(name, version)
        return found

    def stats(self, name: str, version: str) -> dict[str, int]:
        """Return the index's points and bytes, and the memory of this process."""
        shard = self.shard(name, version)
        place = self._place / name
        blocks = sum(path.stat().st_blocks for path in place.rglob("*") if path.is_file())
        return {
            "points": shard.count(None),
            "unindexed_points": shard.unindexed(),
            "disk_bytes": 512 * blocks,
            "engine_rss_bytes": _memory(),
            "engine_pid": os.getpid(),
        }

    def flush(self) -> None:
        """Make what every open index acknowledged survive a loss of power."""
        for shard in self._open.values():
            shard.flush()

    def close(self) -> None:
        """Flush and close all indexes."""
        for shard in self._open.values():
            shard.flush()
            shard.close()

    def _let_go(self, name: str) -> None:
        """Close every version of an index."""
        for key in [key for key in self._open if key[0] == name]:
            self._open.pop(key).close()
        self._broken = {key: why for key, why in self._broken.items() if key[0] != name}

    def _opened(self, name: str, version: str) -> Shard:
        place = self._place / name
        directory = place / "versions" / version
        if not (place / "manifest.json").exists() or not directory.is_dir():
            raise NotFoundError(
                f"Index {name!r} was dropped, or made anew: open it again.", "index"
            )
        if (name, version) in self._broken:
            raise StoreError(self._broken[name, version])
        marker = place / "opening"
        attempts = int(marker.read_text() or 0) if marker.exists() else 0
        way_out = (
            f"Drop it and ingest it again, or restore {place} from a copy; no other index is"
            " affected."
        )
        if attempts >= ATTEMPTS:
            raise StoreError(
                f"Index {name!r} cannot be opened: the engine ended {attempts} times while opening"
                f" it. {way_out} Remove {marker} to try once more."
            )
        marker.write_text(str(attempts + 1))
        try:
            shard = Shard.loaded(directory)
        except BaseException as error:
            # A panic of the engine is no Exception; while opening, it touches this index alone.
            marker.unlink()
            if "WouldBlock" in str(error):
                raise BusyError(
                    f"Index {name!r} is open in another program. Stop that program; never open"
                    f" {directory} but through Assay."
                ) from error
            self._broken[name, version] = f"Index {name!r} cannot be opened: {error}. {way_out}"
            raise StoreError(self._broken[name, version]) from error
        marker.unlink()
        return shard


def _write(path: Path, text: str) -> None:
    """Write a file that is either whole or not there, even after a loss of power."""
    new = path.with_suffix(".new")
    with new.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _memory() -> int:
    """Return the bytes of memory this process holds; at most, where the system does not say."""
    status = Path("/proc/self/statm")
    if status.exists():
        return int(status.read_text().split()[1]) * resource.getpagesize()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
