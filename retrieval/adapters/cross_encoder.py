"""Cross-encoders: a sentence-transformers model reads a question and a passage together.

On CPU it runs as the encoder does: through OpenVINO, in bf16 where the processor has it and the
scores stay what they are; ONNX Runtime is the fallback, torch the last. CUDA uses torch.
"""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from threading import Lock

import numpy as np

from retrieval.adapters.cross_encoder_pairs import PairTokens
from retrieval.adapters.embedder_batches import Runtime, packed
from retrieval.clock import Clock
from retrieval.errors import ProviderError
from retrieval.kit import Scorer

log = logging.getLogger("assay.cross_encoder")
RETRY_S = 60.0
"""How long a model that could not be loaded is not tried again."""


class CrossEncoders:
    """The cross-encoders of one place, by name or path, each loaded once: on first use, or before.

    `opened` gives a loaded one.
    """

    def __init__(self, opened: Callable[[str], Scorer]) -> None:
        """Load nothing yet."""
        self._opened = opened
        self._lock = Lock()
        self._known: dict[str, Loading] = {}

    def __call__(self, model: str) -> Scorer:
        """Return the one of a name or path; its first scores wait until it is loaded."""
        return self._of(model)

    def load(self, models: Iterable[str]) -> None:
        """Begin to load these; where that fails, the log says so at once."""
        for model in models:
            self._of(model).begin().add_done_callback(_tell)

    def loading(self) -> list[str]:
        """Return the names of those that are being loaded now."""
        with self._lock:
            known = dict(self._known)
        return sorted(model for model, each in known.items() if each.loading)

    def _of(self, model: str) -> "Loading":
        with self._lock:
            return self._known.setdefault(model, Loading(model, partial(self._opened, model)))


class Loading:
    """A cross-encoder that is loaded beside the questions that wait for it."""

    def __init__(self, model: str, load: Callable[[], Scorer]) -> None:
        """Load nothing yet."""
        self._model = model
        self._load = load
        self._lock = Lock()
        self._future: Future[Scorer] | None = None
        self._failed = 0.0

    def scores(self, query: str, passages: Sequence[str], clock: Clock) -> list[float]:
        """Return one score a passage, in order; waits half of the time left for the model.

        Raises: ConfigError for a model that cannot be used, ProviderError while it is loaded, and
        where it fails.
        """
        left = clock.remaining()
        future = self.begin()
        try:
            scorer = future.result(None if left is None else left / 2)
        except TimeoutError as error:
            raise ProviderError(f"Cross-encoder {self._model!r} is still being loaded.") from error
        return scorer.scores(query, passages, clock)

    @property
    def loading(self) -> bool:
        """Whether it is being loaded now."""
        with self._lock:
            return self._future is not None and not self._future.done()

    def begin(self) -> "Future[Scorer]":
        """Return the loading that is under way or done; one that failed is begun anew later."""
        with self._lock:
            future = self._future
            if future is not None and future.done() and future.exception():
                if time.monotonic() - self._failed < RETRY_S:
                    return future
                future = None
            if future is None:
                pool = ThreadPoolExecutor(1, "cross-encoder")
                future = self._future = pool.submit(self._load)
                future.add_done_callback(self._ended)
                pool.shutdown(wait=False)
            return future

    def _ended(self, _: "Future[Scorer]") -> None:
        self._failed = time.monotonic()


def _tell(future: "Future[Scorer]") -> None:
    error = future.exception()
    if error is not None:
        log.error("A pipeline cannot rerank: %s", error)


class PairScorer:
    """A loaded cross-encoder: pairs of like length go through the model together."""

    def __init__(self, tokens: PairTokens, runtime: Runtime) -> None:
        """Join a tokenizer and what runs the model."""
        self._tokens = tokens
        self._runtime = runtime

    def scores(self, query: str, passages: Sequence[str], clock: Clock) -> list[float]:
        """Return one score a passage, in order, as the model's `predict` gives them.

        Raises: DeadlineError between batches, ProviderError where the model fails.
        """
        if not passages:
            return []
        items = self._tokens.pairs(query, passages)
        rows = np.empty(len(items))
        batches = packed([len(item.ids) for item in items], self._runtime.batch_tokens)

        def run(batch: list[int]) -> None:
            clock.remaining()
            found = self._runtime.run([items[each] for each in batch], "passage")
            rows[batch] = found.reshape(len(batch), -1)[:, 0]

        pool = ThreadPoolExecutor(min(self._runtime.streams, len(batches)))
        try:
            for _ in pool.map(run, batches):
                pass
        finally:
            pool.shutdown(cancel_futures=True)
        return [float(each) for each in rows]
