"""Any OpenAI-compatible `/embeddings` endpoint as the encoder.

Calls run on one event loop in a thread of its own, where a deadline really ends them: while a name
is looked up, a connection is made, a header or a body drips.
"""

import asyncio
import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import httpx2
import numpy as np
import openai
from openai import AsyncOpenAI

from retrieval.adapters.embedder_answer import (
    EmbeddingsError,
    approximate_spans,
    failed,
    vectors,
)
from retrieval.adapters.embedder_batches import unit
from retrieval.errors import ConfigError, DeadlineError, ProviderError
from retrieval.kit import Clock, Vectors
from retrieval.settings import Settings
from retrieval.types import Span

LIMIT = 8191
"""What the largest part of such endpoints reads; a shorter limit of a model is not known here."""
BATCH_TEXTS = 64
BATCH_CHARS = 200_000
LONGEST_S = 60.0
"""What a call may take where there is no deadline, its retry included."""
LARGEST = 64_000_000
PAUSE_S = 0.2
FAILURES = (openai.OpenAIError, httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL)


class HttpEmbedder:
    """An endpoint that embeds, with at most one retry a call.

    Its tokenizer is not known: tokens are counted, cut and placed approximately, as words of up to
    five letters and single signs, which is rather too many than too few.
    """

    def __init__(self, settings: Settings) -> None:
        """Check the settings; nothing is sent yet. Raises: ConfigError."""
        self._url = settings.embeddings_url or ""
        if not self._url.startswith(("http://", "https://")):
            raise ConfigError(
                f"Setting embeddings_url {self._url!r}: a URL is needed, as http://localhost/v1."
            )
        self._settings = settings
        self._dimension: int | None = None
        self._learning = threading.Lock()
        key = settings.embeddings_api_key
        self._client = AsyncOpenAI(
            base_url=self._url,
            # A local server asks for none, and the client does not start without one.
            api_key="none" if key is None else key.get_secret_value(),
            max_retries=0,
            # The loop's own timeout ends a call: these would count from one byte to the next.
            timeout=None,
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="embeddings", daemon=True
        )
        self._thread.start()

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

    def passages(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of passages, in order, each cut at `limit` tokens.

        Raises: ProviderError, or ConfigError where the endpoint refuses the key.
        """
        return self._embedded(self._settings.passage_prompt, texts, Clock())

    def token_counts(self, texts: Sequence[str]) -> list[int]:
        """Return about how many tokens each text has without a cut, passage prompt included."""
        prompt = self._settings.passage_prompt
        return [len(approximate_spans(prompt + text)) for text in texts]

    def token_spans(self, text: str) -> list[Span]:
        """Return the character span of about every token of a text."""
        return approximate_spans(text)

    def close(self) -> None:
        """Let go of the connections and of the thread; there are no calls after it."""
        asyncio.run_coroutine_threadsafe(self._client.close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _embedded(self, prompt: str, texts: Sequence[str], clock: Clock) -> Vectors:
        batches = _batches([_cut(prompt + text) for text in texts])
        rows = [self._call(batch, clock) for batch in batches]
        return np.concatenate([np.empty((0, self.dimension), dtype=np.float32), *rows])

    def _call(self, texts: list[str], clock: Clock) -> Vectors:
        left_s = clock.remaining()
        share_s = LONGEST_S if left_s is None else left_s
        call = self._twice(texts, share_s)
        try:
            found = asyncio.run_coroutine_threadsafe(call, self._loop).result()
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

    async def _twice(self, texts: list[str], share_s: float) -> Vectors:
        """Ask, and once more where that may help and there is time."""
        end = time.monotonic() + share_s
        async with asyncio.timeout(share_s):
            try:
                return await self._once(texts)
            except EmbeddingsError as error:
                if error.again_s is None:
                    raise
                wait_s = max(error.again_s, PAUSE_S * random.uniform(0.5, 1.5))
                if time.monotonic() + wait_s >= end:
                    raise
            await asyncio.sleep(wait_s)
            return await self._once(texts)

    async def _once(self, texts: list[str]) -> Vectors:
        create = self._client.embeddings.with_streaming_response.create
        try:
            async with create(model=self._settings.encoder, input=texts) as response:
                body = bytearray()
                async for part in response.iter_bytes():
                    body += part
                    if len(body) > LARGEST:
                        raise EmbeddingsError(f"its answer is longer than {LARGEST} bytes")
        except FAILURES as error:
            raise failed(error) from error
        return vectors(bytes(body), len(texts))


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
