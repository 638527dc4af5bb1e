"""Any OpenAI-compatible chat endpoint as the language model of the stages.

Calls run on one event loop in a thread of its own, where a deadline really ends them: while a name
is looked up, a connection is made, a header or a body drips. Nothing is left behind.
"""

import asyncio
import json
import logging
import random
import threading
import time
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

import httpx2
import openai
from openai import AsyncOpenAI, omit

from retrieval.adapters.llm_answer import LARGEST, answer
from retrieval.adapters.llm_failure import failed, newer
from retrieval.adapters.llm_limits import Breaker, Budget, LlmError
from retrieval.errors import ConfigError, ProviderError
from retrieval.kit import Clock, Prompt, Reply
from retrieval.prompts import messages, shown
from retrieval.settings import Settings

SHARE = 0.5
"""The part of what remains of a request's time that one call may take."""
LONGEST_S = 60.0
"""What a call may take where the request has no deadline."""
TELLING_S = 1.0
"""A call that had less than this says nothing about the endpoint by not ending in time."""
PAUSE_S = 0.2
FRAME_TOKENS = 64
"""More than what a chat template puts around two messages."""
FAILURES = (openai.OpenAIError, httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL)
log = logging.getLogger("assay.llm")


class ChatLlm:
    """A chat endpoint, with at most one retry, caps on calls and tokens, and a circuit breaker.

    A structured prompt is asked with `response_format` json_schema, and its answer is checked
    against the schema; an endpoint that refuses or ignores that is an error, never guessed at.
    """

    def __init__(self, settings: Settings, breaker: Breaker | None = None) -> None:
        """Check the settings; nothing is sent yet. Raises: ConfigError."""
        if not (settings.llm_url or "").startswith(("http://", "https://")):
            raise ConfigError(
                f"Setting llm_url {settings.llm_url!r}: a URL is needed, as http://localhost/v1."
            )
        if not settings.llm_model:
            raise ConfigError("Setting llm_model: name the model to ask at llm_url.")
        self._settings = settings
        self._breaker = breaker or Breaker()
        self._slots = asyncio.Semaphore(settings.llm_concurrency)
        self._budgets: WeakKeyDictionary[Clock, Budget] = WeakKeyDictionary()
        self._newer = False
        self._starting = threading.Lock()
        key = settings.llm_api_key
        self._client = AsyncOpenAI(
            base_url=settings.llm_url,
            # A local server asks for none, and the client does not start without one.
            api_key="none" if key is None else key.get_secret_value(),
            max_retries=0,
            # The loop's own timeout ends a call: these would count from one byte to the next.
            timeout=None,
        )

    def reply(self, prompt: Prompt, query: str, clock: Clock) -> Reply:
        """Return the model's answer. Raises: ProviderError that names the stage and the query."""
        left_s = clock.remaining()
        share_s = LONGEST_S if left_s is None else left_s * SHARE
        with self._starting:
            loop = self._loop
        call = self._reply(prompt, clock, share_s)
        try:
            return asyncio.run_coroutine_threadsafe(call, loop).result()
        except LlmError as error:
            raise ProviderError(f"{prompt.stage}, question {shown(query)}: {error}.") from error

    def close(self) -> None:
        """Let go of the connections and of the thread; there are no calls after it."""
        with self._starting:
            loop: asyncio.AbstractEventLoop | None = self.__dict__.pop("_loop", None)
            if loop is not None:
                asyncio.run_coroutine_threadsafe(self._client.close(), loop).result()
                loop.call_soon_threadsafe(loop.stop)
                self._thread.join()
                loop.close()

    @cached_property
    def _loop(self) -> asyncio.AbstractEventLoop:
        loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=loop.run_forever, name="llm", daemon=True)
        self._thread.start()
        return loop

    async def _reply(self, prompt: Prompt, clock: Clock, share_s: float) -> Reply:
        full = Budget(self._settings.llm_calls, self._settings.llm_tokens)
        budget = self._budgets.setdefault(clock, full)
        end = time.monotonic() + share_s
        late = "no other call ended in time (llm_concurrency)"
        try:
            async with asyncio.timeout(share_s), self._slots:
                late = f"no answer within {share_s:.2f} s"
                return await self._twice(prompt, budget, end)
        except TimeoutError as error:
            raise LlmError(late) from error

    async def _twice(self, prompt: Prompt, budget: Budget, end: float) -> Reply:
        """Ask, and once more where that may help and there is time."""
        try:
            return await self._once(prompt, budget, end)
        except LlmError as error:
            if error.again_s is None:
                raise
            wait_s = max(error.again_s, PAUSE_S * random.uniform(0.5, 1.5))
            if time.monotonic() + wait_s >= end:
                raise
        await asyncio.sleep(wait_s)
        reply = await self._once(prompt, budget, end)
        return reply._replace(cost={**reply.cost, "calls": 2.0})

    async def _once(self, prompt: Prompt, budget: Budget, end: float) -> Reply:
        """Make one call: within the question's budget, past the breaker."""
        most = _most_tokens(prompt)
        telling = end - time.monotonic() >= TELLING_S
        self._breaker.enter()
        well: bool | None = None
        try:
            budget.reserve(most)
            found = answer(await self._body(prompt), prompt)
            well = True
        except LlmError as error:
            well = error.well
            raise
        except asyncio.CancelledError:
            well = False if telling else None
            raise
        finally:
            self._breaker.leave(well)
        if found.usage is None:
            # An endpoint that does not count is taken at its most.
            read, written = most - prompt.max_tokens, prompt.max_tokens
        else:
            read, written = found.usage.prompt_tokens, found.usage.completion_tokens
        budget.give_back(most - read - written)
        return Reply(found.text, found.data, self._cost(read, written))

    def _cost(self, read: int, written: int) -> dict[str, float]:
        usd = read * self._settings.llm_price_in + written * self._settings.llm_price_out
        return {"calls": 1.0, "tokens_in": read, "tokens_out": written, "usd": usd / 1e6}

    async def _body(self, prompt: Prompt) -> bytes:
        """Return the body of the endpoint's answer. Raises: LlmError."""
        try:
            create = self._client.chat.completions.with_streaming_response.create
            async with create(**self._request(prompt)) as response:
                body = bytearray()
                async for part in response.iter_bytes():
                    body += part
                    if len(body) > LARGEST:
                        raise LlmError(f"its answer is longer than {LARGEST} bytes", well=False)
                return bytes(body)
        except FAILURES as error:
            if newer(error) and not self._newer:
                self._newer = True
                log.warning("llm_model takes no temperature or max_tokens; asking without them")
                raise LlmError(f"{failed(error)}", well=True, again_s=0.0) from error
            raise failed(error) from error

    def _request(self, prompt: Prompt) -> dict[str, Any]:
        system, user = messages(prompt)
        return {
            "model": self._settings.llm_model,
            "messages": [
                {"role": "system", "content": system},
                {"role": "user", "content": user},
            ],
            "max_tokens": omit if self._newer else prompt.max_tokens,
            "max_completion_tokens": prompt.max_tokens if self._newer else omit,
            "temperature": omit if self._newer else prompt.temperature,
            "response_format": omit if prompt.schema is None else _format(prompt),
        }


def _format(prompt: Prompt) -> dict[str, Any]:
    schema = {"name": prompt.stage, "schema": prompt.schema, "strict": True}
    return {"type": "json_schema", "json_schema": schema}


def _most_tokens(prompt: Prompt) -> int:
    """The most tokens that a prompt and its answer can be: no tokenizer makes more than bytes."""
    sent = "".join(messages(prompt)) + json.dumps(prompt.schema)
    return len(sent.encode("utf-8", "replace")) + FRAME_TOKENS + prompt.max_tokens
