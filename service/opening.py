"""Opening the models and the index beside a service that already listens."""

import gc
import logging
from collections.abc import Sequence
from concurrent.futures import Future
from threading import Lock, Thread

from retrieval.clock import Clock
from retrieval.errors import AssayError, UnavailableError
from retrieval.late_interaction import warm_tokens
from retrieval.open_kit import Tools
from retrieval.pipeline import Pipeline
from retrieval.stages.rerank import cross_encoders, needs_tokens

log = logging.getLogger("assay.service")
WARM_UP = "Which passage answers this question?"


class Opening:
    """The opening of a service's tools: begun once, waited for by requests, begun anew if it fails.

    A daemon thread does it, so that a process can be stopped while a model loads. Cross-encoders
    load beside all of that: one that cannot be used keeps no other pipeline from answering.
    """

    def __init__(self, tools: Tools, pipelines: Sequence[Pipeline]) -> None:
        """Prepare; nothing is opened yet."""
        self._tools = tools
        self._cross_encoders = cross_encoders(pipelines)
        self._tokens = needs_tokens(pipelines)
        self._lock = Lock()
        self._future: Future[None] | None = None

    def begin(self) -> Future[None]:
        """Return the opening that is under way or done, a new one if the last one failed."""
        with self._lock:
            known = self._future
            if known is None or (known.done() and known.exception() is not None):
                known = self._future = Future()
                Thread(target=self._open, args=(known,), name="assay-opening", daemon=True).start()
            return known

    def wait(self, timeout_s: float) -> None:
        """Return when everything is open. Raises: UnavailableError, or why it cannot be opened."""
        try:
            self.begin().result(max(0.0, timeout_s))
        except TimeoutError as error:
            raise UnavailableError("The models are still being loaded.", 2.0) from error

    def check(self, timeout_s: float) -> None:
        """Return when every pipeline can answer as it should.

        Raises: UnavailableError, or why it cannot be opened.
        """
        self.wait(timeout_s)
        loading = self._tools.scorer.loading() if self._cross_encoders else []
        if loading:
            raise UnavailableError(f"Still being loaded: {', '.join(loading)}.", 2.0)

    def _open(self, future: Future[None]) -> None:
        try:
            if self._cross_encoders:
                self._tools.scorer.load(self._cross_encoders)
            self._tools.indexes.names()
            self._tools.sparse.query(WARM_UP)
            self._tools.embedder.queries([WARM_UP], Clock())
            if self._tokens:
                warm_tokens(self._tools.embedder, WARM_UP)
            # What is loaded stays: no later collection has to walk through it, within a request.
            gc.collect()
            gc.freeze()
            future.set_result(None)
        except AssayError as error:
            log.error("The service cannot answer yet: %s", error)
            future.set_exception(error)
        finally:
            # What nobody expected is logged by the thread's own end, and must not leave waiters.
            if not future.done():
                future.set_exception(UnavailableError("Opening the models broke; see the log."))
