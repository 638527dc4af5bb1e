"""Any OpenAI-compatible `/embeddings` endpoint as the encoder."""

import asyncio
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from retrieval.adapters.embedder_answer import (
    EmbeddingsError,
    approximate_spans,
    failed,
    vectors,
)
from retrieval.adapters.embedder_batches import unit
from retrieval.adapters.endpoint import FAILURES, CallError, Endpoint, body, twice
from retrieval.clock import FOREVER, Clock
from retrieval.errors import ConfigError, DeadlineError, ProviderError
from retrieval.kit import Vectors
from retrieval.settings import Settings
from retrieval.types import Span

LIMIT = 8191
"""What the largest part of such endpoints reads; a shorter limit of a model is not known here."""
BATCH_TEXTS = 64
BATCH_CHARS = 200_000
LONGEST_S = 60.0
"""What a call may take where there is no deadline, its retry included."""
LARGEST = 64_000_000


class HttpEmbedder:
    """An endpoint that embeds, with at most one retry a call.

    Its tokenizer is not known: tokens are counted, cut and placed approximately, as words of up to
    five letters and single signs, which is rather too many than too few.
    """

    def __init__(self, settings: Settings) -> None:
        """Check the settings; nothing is sent yet. Raises: ConfigError."""
        self._endpoint = Endpoint(
            "embeddings_url", settings.embeddings_url, settings.embeddings_api_key
        )
        self._url = settings.embeddings_url
        self._settings = settings
        self._dimension: int | None = None
        self._learning = threading.Lock()

    @property
    def identity(self) -> Mapping[str, Any]:
        """What makes vectors comparable; an endpoint does not tell the hash of its model."""
        return {
            "name": self._settings.encoder,
            "hash": None,
            "dimension": self.dimension,
            "query_prompt": self._settings.query_prompt,
            "passage_prompt": self._settings.passage_prompt,
            "limit": self.limit,
        }

    @property
    def dimension(self) -> int:
        """The length of a vector, learned from the endpoint by the first call."""
        if self._dimension is None:
            self._call(["dimension"], Clock())
        assert self._dimension is not None
        return self._dimension

    @property
    def limit(self) -> int:
        """How many tokens are sent, counted approximately; the rest of a text is cut off."""
        return LIMIT

    def describe(self) -> dict[str, Any]:
        """Return what runs the model."""
        return {"backend": "http", "url": self._url}

    def queries(self, texts: Sequence[str], clock: Clock) -> Vectors:
        """Return the vectors of questions, in order.

        Raises: DeadlineError, ProviderError, or ConfigError where the endpoint refuses the key.
        """
        clock.remaining()
        return self._embedded(self._settings.query_prompt, texts, clock)

    def passages(self, texts: Sequence[str], clock: Clock = FOREVER) -> Vectors:
        """Return the vectors of passages, in order, each cut at `limit` tokens.

        Raises: DeadlineError, ProviderError, or ConfigError where the endpoint refuses the key.
        """
        return self._embedded(self._settings.passage_prompt, texts, clock)

    def token_counts(self, texts: Sequence[str]) -> list[int]:
        """Return about how many tokens each text has without a cut, passage prompt included."""
        prompt = self._settings.passage_prompt
        return [len(approximate_spans(prompt + text)) for text in texts]

    def token_spans(self, text: str) -> list[Span]:
        """Return the character span of about every token of a text."""
        return approximate_spans(text)

    def close(self) -> None:
        """Let go of the connections and of the thread; there are no calls after it."""
        self._endpoint.close()

    def _embedded(self, prompt: str, texts: Sequence[str], clock: Clock) -> Vectors:
        batches = _batches([_cut(prompt + text) for text in texts])
        rows = [self._call(batch, clock) for batch in batches]
        return np.concatenate([np.empty((0, self.dimension), dtype=np.float32), *rows])

    def _call(self, texts: list[str], clock: Clock) -> Vectors:
        left_s = clock.remaining()
        share_s = LONGEST_S if left_s is None else left_s
        try:
            found = self._endpoint.run(self._in_time(texts, share_s))
        except TimeoutError as error:
            what = f"The endpoint {self._url} gave no vectors within {share_s:.2f} s."
            raise (ProviderError if left_s is None else DeadlineError)(what) from error
        except EmbeddingsError as error:
            said = f"The endpoint {self._url}, model {self._settings.encoder!r}: {error}."
            raise (ConfigError if error.refused else ProviderError)(said) from error
        self._learn(found.shape[1])
        return unit(found, f"The endpoint {self._url}")

    def _learn(self, dimension: int) -> None:
        with self._learning:
            self._dimension = self._dimension or dimension
        if self._dimension != dimension:
            raise ProviderError(
                f"The endpoint {self._url} gave vectors of length {dimension}, and"
                f" {self._dimension} before: is it still the same model?"
            )

    async def _in_time(self, texts: list[str], share_s: float) -> Vectors:
        end = time.monotonic() + share_s
        async with asyncio.timeout(share_s):
            return await twice(lambda: self._once(texts), end)

    async def _once(self, texts: list[str]) -> Vectors:
        create = self._endpoint.client.embeddings.with_streaming_response.create
        try:
            found = await body(create(model=self._settings.encoder, input=texts), LARGEST)
        except FAILURES as error:
            raise failed(error) from error
        except CallError as error:
            raise EmbeddingsError(str(error)) from error
        return vectors(found, len(texts))


def _cut(text: str) -> str:
    """Such endpoints refuse an empty text."""
    if len(text) > LIMIT:
        spans = approximate_spans(text)
        text = text[: spans[LIMIT - 1].end] if len(spans) > LIMIT else text
    return text if text.strip() else "."


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    chars = 0
    for text in texts:
        if batch and (len(batch) == BATCH_TEXTS or chars + len(text) > BATCH_CHARS):
            yield batch
            batch, chars = [], 0
        batch.append(text)
        chars += len(text)
    if batch:
        yield batch
