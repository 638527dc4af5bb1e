"""Indexes in a data directory, on Qdrant's own engine inside a process of its own.

Names and manifests are read from the directory; everything else is asked of the engine process,
which every command of the same user shares (see `engine`). The engine is exact below 20,000 points
and on filters without a payload index; above, `optimize` builds its graph.
"""

import copy
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.adapters import points
from retrieval.adapters.conditions import Condition, indexed, within
from retrieval.adapters.embedded_chunks import Chunks, chunk, matches
from retrieval.adapters.embedded_points import BATCH, asked, batches, sent
from retrieval.adapters.engine import LINGER_S, Engine
from retrieval.adapters.engine_wire import Row
from retrieval.adapters.points import DEFAULT_TENANT, storable
from retrieval.clock import FOREVER, Clock
from retrieval.errors import InputError, NotFoundError, StoreError, UnavailableError
from retrieval.filters import Filter
from retrieval.kit import Compared, Match, Point, Probe, Scores
from retrieval.manifest import Manifest, checked_name
from retrieval.settings import Settings
from retrieval.types import Chunk

IDS = 1_000
TRIES = 3
"""Searches whose hits may be replaced before they are read, until the rest has to do."""


class EmbeddedIndexes:
    """All indexes of one data directory."""

    def __init__(self, settings: Settings, linger_s: float = LINGER_S) -> None:
        """Remember where; the engine process starts with the first question that needs it.

        `linger_s`: how long a process started here stays after its last client has gone.
        """
        self._place = settings.data_dir.absolute() / "indexes"
        self._engine = Engine(settings.data_dir, linger_s)
        self._timeout_s = settings.store_timeout_s
        self._stores: dict[str, tuple[tuple[int, int], EmbeddedStore]] = {}

    def names(self) -> list[str]:
        """Return the names of the indexes, sorted."""
        return sorted(path.parent.name for path in self._place.glob("*/manifest.json"))

    def create(self, manifest: Manifest) -> "EmbeddedStore":
        """Make an index and its payload indexes. Raises: ConfigError where it exists already."""
        text = json.dumps(manifest.as_json(), indent=1, ensure_ascii=False)
        dimension = int(manifest.encoder["dimension"])
        schema = (dimension, manifest.titled, points.indexes(manifest))
        version = checked_name(manifest.id)
        self._engine.ask("create", manifest.name, version, text, schema, timeout_s=self._timeout_s)
        return self.open(manifest.name)

    def open(self, name: str) -> "EmbeddedStore":
        """Return an index for the default tenant, the same one while its manifest is the same.

        Raises: NotFoundError that lists the names; StoreError for a manifest that is none.
        """
        path = self._place / checked_name(name) / "manifest.json"
        try:
            status = path.stat()
            seen = (status.st_mtime_ns, status.st_ino)
            if name in self._stores and self._stores[name][0] == seen:
                return self._stores[name][1]
            manifest = Manifest.from_json(json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError as error:
            names = ", ".join(self.names()) or "none yet"
            raise NotFoundError(
                f"There is no index {name!r}. There are: {names}.", "index"
            ) from error
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise StoreError(
                f"The manifest {path} cannot be read ({error}). Drop index {name!r} and ingest it"
                " again, or restore the file from a copy."
            ) from error
        if manifest.name != name:
            raise StoreError(
                f"The manifest {path} is that of index {manifest.name!r}. A copied index keeps the"
                " name of its directory: rename one of them."
            )
        store = EmbeddedStore(self._engine, manifest, self._timeout_s, Chunks())
        self._stores[name] = (seen, store)
        return store

    def drop(self, name: str) -> None:
        """Remove an index for good. Raises: NotFoundError."""
        self.open(name)
        self._stores.pop(name, None)
        self._engine.ask("drop", name)

    def stats(self, name: str) -> dict[str, int]:
        """Return an index's points, unindexed_points and disk_bytes, and the engine's rss and pid.

        Raises: NotFoundError.
        """
        manifest = self.open(name).manifest
        found: dict[str, int] = self._engine.ask(
            "stats", manifest.name, manifest.id, timeout_s=self._timeout_s
        )
        return found

    def engine_pid(self) -> int | None:
        """Return the id of the engine process, or None where none runs; starts nothing."""
        return self._engine.pid()

    def close(self) -> None:
        """Let go of connections; nothing acknowledged is lost."""
        self._engine.close()


class EmbeddedStore:
    """One index of a data directory, seen by one tenant."""

    def __init__(
        self, engine: Engine, manifest: Manifest, timeout_s: float, chunks: Chunks
    ) -> None:
        """Ask this engine, for at most `timeout_s` where no clock says less.

        `chunks` are those that searches of this index have returned.
        """
        self._engine = engine
        self._manifest = manifest
        self._timeout_s = timeout_s
        self._chunks = chunks
        self._tenant = DEFAULT_TENANT
        self._kinds = points.indexes(manifest)

    @property
    def manifest(self) -> Manifest:
        """What the index was built with."""
        return self._manifest

    def scoped(self, tenant: str) -> "EmbeddedStore":
        """Return this index as another tenant sees it. Raises: InputError."""
        if not tenant or "\0" in tenant or not storable(tenant):
            raise InputError(f"Tenant {tenant!r}: a text without zero bytes is needed.", "tenant")
        other = copy.copy(self)
        other._tenant = tenant
        return other

    def search(
        self, probes: Sequence[Probe], filter: Filter | None, limit: int, clock: Clock
    ) -> list[list[Match]]:
        """Return for each probe its best `limit` chunks, by descending score, ties by ascending id.

        One question for all probes. An empty sparse probe finds nothing. A filter that payload
        indexes do not answer runs exact. Up to 4,096 equal scores at the limit are told apart by
        their ids; of more, the engine chooses.

        Raises: InputError for a probe that cannot be compared; DeadlineError; UnavailableError.
        """
        sought = [asked(probe, self._dimension) for probe in probes]
        wanted = [probe for probe in sought if probe]
        if not wanted or limit < 1:
            return [[] for _ in probes]
        condition = within(self._tenant, filter)
        scope = (self._tenant, condition, not indexed(condition, self._kinds))
        read = partial(self._ask, "rows", self._tenant, clock=clock)
        for _ in range(TRIES):
            rankings = self._ask("search", scope, limit, wanted, clock=clock)
            chunks, whole = self._chunks.of(rankings, read)
            if whole:
                break
        found = iter(rankings)
        return [matches(next(found), chunks) if probe else [] for probe in sought]

    def replace(self, documents: Mapping[str, Sequence[Point]]) -> None:
        """Make these the chunks of these documents: new ones visible, old ones gone; [] deletes.

        Every vector is validated before anything is sent. A document changes as a whole: no search
        sees chunks of two of its versions; only where a document has more than BATCH chunks, those
        that its versions share may show new metadata before the others change. A crash within a
        call may leave both versions of the documents on the way; the same call again mends it.

        Raises: InputError that names the chunk; UnavailableError.
        """
        checked = {
            document_id: points.rows(self._tenant, document_id, found, self._manifest)
            for document_id, found in documents.items()
            if found or storable(document_id)
        }
        for document_ids, rows in batches(checked):
            kept = None
            if len(rows) > BATCH:
                kept = [row.id for row in rows]
                while len(rows) > BATCH:
                    self._ask("stage", self._tenant, sent(rows[:BATCH]))
                    rows = rows[BATCH:]
            self._ask("replace", self._tenant, document_ids, sent(rows), kept)

    def describe(self, document_id: str, domain: str | None, meta: Mapping[str, Any]) -> None:
        """Replace the domain and metadata of a document's chunks, vectors untouched.

        Raises: InputError where metadata is not JSON.
        """
        payload = points.described(domain, meta)
        if storable(document_id):
            self._ask("describe", self._tenant, document_id, payload)

    def chunks(
        self, document_id: str, start: int = 0, end: int | None = None, clock: Clock = FOREVER
    ) -> list[Chunk]:
        """Return a document's chunks that overlap [start, end), by position."""
        if not storable(document_id):
            return []
        parts: list[Condition] = [within(self._tenant), ("match", "document_id", document_id)]
        if start > 0:
            parts.append(("range", "end", float(start), None, None, None))
        if end is not None:
            parts.append(("range", "start", None, None, float(end), None))
        found: list[tuple[int, Row]] = []
        following = None
        while True:
            page, following = self._ask("chunks", ("all", tuple(parts)), following, clock=clock)
            found += page
            if following is None:
                break
        return [chunk(row) for _, row in sorted(found, key=lambda each: (each[0], each[1][0]))]

    def present(self, ids: Sequence[str], clock: Clock = FOREVER) -> set[str]:
        """Return which of these chunks there are, all at one moment."""
        known = [*filter(points.is_uuid, ids)]
        return set(self._ask("present", self._tenant, known, clock=clock))

    def vectors(self, ids: Sequence[str], clock: Clock = FOREVER) -> dict[str, NDArray[np.float32]]:
        """Return the dense vectors of chunks, by id; unknown ids are left out."""
        known = [*filter(points.is_uuid, ids)]
        found: dict[str, NDArray[np.float32]] = {}
        for at in range(0, len(known), IDS):
            page = self._ask("vectors", self._tenant, known[at : at + IDS], clock=clock)
            found |= {id: np.frombuffer(data, np.float32) for id, data in page.items()}
        return found

    def cosines(self, asked: Compared, clock: Clock) -> Callable[[], tuple[Scores, Scores]]:
        """Ask how near chunks and documents' titles are; what is returned waits for the answer.

        Raises: InputError for a vector that cannot be compared; DeadlineError; UnavailableError.
        """
        question = points.vector(asked.question, self._dimension, "The question").tobytes()
        first = [id for id in asked.ids[: asked.first] if points.is_uuid(id)]
        known = [id for id in asked.ids if points.is_uuid(id)]
        whose = [*filter(storable, asked.document_ids)] if self._manifest.titled else []
        return self._begin("cosines", self._tenant, (first, known), (question, whose), clock=clock)

    def count(self, filter: Filter | None = None, clock: Clock = FOREVER) -> int:
        """Return how many chunks there are, exactly."""
        return int(self._ask("count", within(self._tenant, filter), clock=clock))

    def flush(self) -> None:
        """Make everything acknowledged survive a loss of power too."""
        self._ask("flush")

    def optimize(self) -> bool:
        """Build the graph; False with other clients, or with fewer than 20,000 points outside it.

        Nothing is answered meanwhile, which takes a minute for 100,000 points: other clients that
        connect get an UnavailableError. Connections of this client that are in use are others too.
        """
        self._engine.close()
        return bool(self._engine.ask("optimize", self._manifest.name, self._manifest.id))

    @property
    def _dimension(self) -> int:
        return int(self._manifest.encoder["dimension"])

    def _ask(self, operation: str, *arguments: Any, clock: Clock = FOREVER) -> Any:
        return self._begin(operation, *arguments, clock=clock)()

    def _begin(self, operation: str, *arguments: Any, clock: Clock = FOREVER) -> Callable[[], Any]:
        left = clock.remaining()
        timeout_s = self._timeout_s if left is None else left
        asked = (operation, self._manifest.name, self._manifest.id, *arguments)
        with _in_time(clock):
            answer = self._engine.begin(*asked, timeout_s=timeout_s)

        def wait() -> Any:
            with _in_time(clock):
                return answer()

        return wait


@contextmanager
def _in_time(clock: Clock) -> Iterator[None]:
    """Where the engine did not answer because the request's time ran out, say that."""
    try:
        yield
    except UnavailableError:
        clock.remaining()
        raise
