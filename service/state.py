"""What one running service holds: settings, tools, pipelines, worker pools."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Event
from typing import Any

from fastapi import Request

from retrieval.errors import NotFoundError, UnavailableError
from retrieval.kit import Kit
from retrieval.open_kit import Tools
from retrieval.pipeline import Pipeline, fingerprint
from retrieval.settings import Settings
from service.description import schemas
from service.opening import Opening
from service.pools import Pool, Result

LINE = 16
"""How many requests may wait for each worker of the queries; more than deadlines let answer."""
WRITERS, WRITERS_LINE = 1, 8
MOST_FINGERPRINTS = 1000


@dataclass
class State:
    """A service's own; everything else belongs to one request."""

    settings: Settings
    tools: Tools
    pipelines: Mapping[str, Pipeline]
    _fingerprints: dict[tuple[str, str], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make the pools and describe the schemas."""
        size = self.settings.concurrency
        self.queries = Pool("queries", size, LINE * size)
        self.writes = Pool("writes", WRITERS, WRITERS_LINE)
        self.judging = Pool("labels", WRITERS, LINE)
        self.health = Pool("health checks", 1, LINE)
        self.opening = Opening(self.tools, tuple(self.pipelines.values()))
        self._stopping = Event()
        self.schemas: dict[str, Any] = schemas(self.settings)

    async def ask(self, work: Callable[[], Result]) -> Result:
        """Return what reading work gives, in the pool of the queries, once everything is open."""
        return await self.queries.run(lambda: self._opened(work))

    async def write(self, work: Callable[[], Result]) -> Result:
        """Return what writing work gives: one at a time, so that queries keep the processor."""
        return await self.writes.run(lambda: self._opened(work))

    async def judge(self, work: Callable[[], Result]) -> Result:
        """Return what work on pools and labels gives: one at a time, without index and models."""
        return await self.judging.run(work)

    def _opened(self, work: Callable[[], Result]) -> Result:
        self.opening.wait(self.settings.timeout_s)
        return work()

    def pipeline(self, name: str) -> Pipeline:
        """Return a pipeline by name; never a file that a client names. Raises: NotFoundError."""
        found = self.pipelines.get(name)
        if found is None:
            raise NotFoundError(
                f"Pipeline {name!r} is not there. There are: {', '.join(self.pipelines)}.",
                "pipeline",
            )
        return found

    def fingerprint(self, pipeline: Pipeline, kit: Kit) -> str:
        """Return the fingerprint of a pipeline on an index, computed once for each build of it."""
        key = (pipeline.name, kit.store.manifest.id)
        known = self._fingerprints.get(key)
        if known is None:
            if len(self._fingerprints) >= MOST_FINGERPRINTS:
                self._fingerprints.clear()
            known = self._fingerprints[key] = fingerprint(pipeline, kit)
        return known

    @property
    def stopping(self) -> bool:
        """Whether the service was told to stop."""
        return self._stopping.is_set()

    def stop(self) -> None:
        """End long work where it stands; queries go on."""
        self._stopping.set()

    def check_running(self) -> None:
        """End long work once the service stops. Raises: UnavailableError."""
        if self.stopping:
            raise UnavailableError(
                "The service stops. What is stored is kept; send the rest again."
            )

    def close(self) -> None:
        """Let queries end, long work stop, then let go of the tools."""
        self.stop()
        for pool in (self.queries, self.writes, self.judging, self.health):
            pool.close()
        self.tools.close()


def state_of(request: Request) -> State:
    """Return the state of the service that a request came to."""
    found: State = request.app.state.assay
    return found


class Timer:
    """The time since a request came in, in seconds and milliseconds."""

    def __init__(self) -> None:
        """Start now."""
        self._start = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self._start

    @property
    def ms(self) -> float:
        """Milliseconds since the start, to a microsecond."""
        return round(self.seconds * 1000, 3)
