"""The chunks that searches of an index return, the recent ones kept on the client's side.

Reading a payload costs the engine several times its search, and sending it to the client as much
again; 100 candidates are asked for to show 10. A chunk is kept under its point's id and version,
which every write to the point renews, so that a kept chunk is never an old one.
"""

from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from uuid import UUID

from retrieval.adapters.engine_wire import Ranked, Row
from retrieval.adapters.points import chunk_of
from retrieval.kit import Match
from retrieval.types import Chunk

KEPT_CHARACTERS = 40_000_000
EACH = 500
"""What a chunk takes beside its text and metadata, in characters."""


class Chunks:
    """The kept chunks of one index. Safe to share by threads."""

    def __init__(self) -> None:
        """Begin with none."""
        self._kept: dict[int, tuple[int, Chunk, int]] = {}
        self._characters = 0
        self._lock = Lock()

    def of(
        self, rankings: Sequence[Ranked], read: Callable[[list[int]], list[Row]]
    ) -> tuple[dict[int, Chunk], bool]:
        """Return the chunks of what probes found, by number; what is not kept is read.

        And whether all were there still: a point that was replaced meanwhile is left out.
        """
        versions: dict[int, int] = {}
        for numbers, theirs, _ in rankings:
            versions.update(zip(numbers, theirs, strict=True))
        found: dict[int, Chunk] = {}
        missing: list[int] = []
        for number, version in versions.items():
            kept = self._kept.get(number)
            if kept is not None and kept[0] == version:
                found[number] = kept[1]
            else:
                missing.append(number)
        for row in read(missing) if missing else []:
            number = UUID(row[0]).int
            found[number] = chunk(row)
            # Written since: the version that it has now is another one, and it is read again then.
            self._keep(number, (versions[number], found[number], _size(row)))
        return found, len(found) == len(versions)

    def _keep(self, number: int, kept: tuple[int, Chunk, int]) -> None:
        with self._lock:
            self._forget(number)
            self._kept[number] = kept
            self._characters += kept[2]
            while self._characters > KEPT_CHARACTERS:
                self._forget(next(iter(self._kept)))

    def _forget(self, number: int) -> None:
        old = self._kept.pop(number, None)
        self._characters -= old[2] if old else 0


def matches(ranked: Ranked, chunks: Mapping[int, Chunk]) -> list[Match]:
    """Return what a probe found, without points that are not there any more."""
    numbers, _, scores = ranked
    hits = zip(numbers, scores, strict=True)
    return [Match(chunks[number], score) for number, score in hits if number in chunks]


def _size(row: Row) -> int:
    return EACH + sum(len(value) for value in row if isinstance(value, str))


def chunk(row: Row) -> Chunk:
    """Return the chunk of a row."""
    return chunk_of(row[0], row[1:])
