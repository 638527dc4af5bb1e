"""Any OpenAI-compatible chat endpoint as the language model of the stages."""

import asyncio
import json
import logging
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from openai import omit

from retrieval.adapters.endpoint import FAILURES, CallError, Endpoint, body, twice
from retrieval.adapters.llm_answer import LARGEST, Answer, Tokens, answer, completion, counted
from retrieval.adapters.llm_failure import failed, newer, unbilled
from retrieval.adapters.llm_limits import Breaker, Budget, LlmError
from retrieval.clock import Clock
from retrieval.errors import ConfigError, ProviderError
from retrieval.kit import Prompt, Reply
from retrieval.prompts import messages, shown
from retrieval.settings import Settings

SHARE = 0.5
"""The part of what remains of a request's time that one call may take."""
LONGEST_S = 60.0
"""What a call may take where the request has no deadline."""
TELLING_S = 1.0
"""A call that had less than this says nothing about the endpoint by not ending in time."""
FRAME_TOKENS = 64
"""More than what a chat template puts around two messages."""
log = logging.getLogger("assay.llm")


class Spent:
    """What the calls for one answer have cost so far; failed ones too, as far as it is known."""

    def __init__(self, settings: Settings) -> None:
        """Start with nothing."""
        self._settings = settings
        self._counts: Counter[str] = Counter()

    def call(self) -> None:
        """Count a call that is made."""
        self._counts["calls"] += 1

    def tokens(self, used: Tokens) -> None:
        """Count the tokens of a call that was answered."""
        self._counts["tokens_in"] += used.read
        self._counts["tokens_out"] += used.written

    @property
    def cost(self) -> dict[str, float]:
        """All of it, as in `Reply`."""
        counts, prices = self._counts, self._settings
        usd = counts["tokens_in"] * prices.llm_price_in
        usd += counts["tokens_out"] * prices.llm_price_out
        named = {name: float(counts[name]) for name in ("calls", "tokens_in", "tokens_out")}
        return named | {"usd": usd / 1e6}


class ChatLlm:
    """A chat endpoint, with at most one retry, caps on calls and tokens, and a circuit breaker.

    A structured prompt is asked with `response_format` json_schema, and its answer is checked
    against the schema; an endpoint that refuses or ignores that is an error, never guessed at.
    """

    def __init__(self, settings: Settings, breaker: Breaker | None = None) -> None:
        """Check the settings; nothing is sent yet. Raises: ConfigError."""
        self._endpoint = Endpoint("llm_url", settings.llm_url, settings.llm_api_key)
        if not settings.llm_model:
            raise ConfigError("Setting llm_model: name the model to ask at llm_url.")
        self._settings = settings
        self._breaker = breaker or Breaker()
        self._slots = asyncio.Semaphore(settings.llm_concurrency)
        self._budgets: WeakKeyDictionary[Clock, Budget] = WeakKeyDictionary()
        self._newer = False

    def reply(self, prompt: Prompt, query: str, clock: Clock) -> Reply:
        """Return the model's answer. Raises: ProviderError that names the stage and the query."""
        left_s = clock.remaining()
        share_s = LONGEST_S if left_s is None else left_s * SHARE
        spent = Spent(self._settings)
        try:
            found = self._endpoint.run(self._in_time(prompt, clock, share_s, spent))
        except LlmError as error:
            said = f"{prompt.stage}, question {shown(query)}: {error}."
            raise ProviderError(said, spent.cost) from error
        return Reply(found.text, found.data, spent.cost)

    def describe(self) -> dict[str, Any]:
        """Return what answers."""
        return {"model": self._settings.llm_model, "url": self._settings.llm_url}

    def close(self) -> None:
        """Let go of the connections and of the thread; there are no calls after it."""
        self._endpoint.close()

    async def _in_time(
        self, prompt: Prompt, clock: Clock, share_s: float, spent: "Spent"
    ) -> Answer:
        full = Budget(self._settings.llm_calls, self._settings.llm_tokens)
        budget = self._budgets.setdefault(clock, full)
        end = time.monotonic() + share_s
        late = "no other call ended in time (llm_concurrency)"
        try:
            async with asyncio.timeout(share_s), self._slots:
                late = f"no answer within {share_s:.2f} s"
                return await twice(lambda: self._once(prompt, budget, end, spent), end)
        except TimeoutError as error:
            raise LlmError(late) from error

    async def _once(self, prompt: Prompt, budget: Budget, end: float, spent: "Spent") -> Answer:
        """Make one call: within the question's budget, past the breaker."""
        most = _most_tokens(prompt)
        telling = end - time.monotonic() >= TELLING_S
        self._breaker.enter()
        well: bool | None = None
        try:
            budget.reserve(sum(most))
            spent.call()
            given = completion(await self._body(prompt, partial(budget.give_back, sum(most))))
            used = counted(given, most)
            spent.tokens(used)
            budget.give_back(sum(most) - sum(used))
            found = answer(given, prompt)
            well = True
        except LlmError as error:
            well = error.well
            raise
        except asyncio.CancelledError:
            well = False if telling else None
            raise
        finally:
            self._breaker.leave(well)
        return found

    async def _body(self, prompt: Prompt, give_back: Callable[[], None]) -> bytes:
        """Return the body of the endpoint's answer. Raises: LlmError.

        What was reserved for it is given back where it is sure that nothing was written.
        """
        create = self._endpoint.client.chat.completions.with_streaming_response.create
        try:
            return await body(create(**self._request(prompt)), LARGEST)
        except CallError as error:
            raise LlmError(str(error), well=False) from error
        except FAILURES as error:
            if unbilled(error):
                give_back()
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


def _most_tokens(prompt: Prompt) -> Tokens:
    """The most tokens that a prompt and its answer can be: no tokenizer makes more than bytes."""
    sent = "".join(messages(prompt)) + json.dumps(prompt.schema)
    return Tokens(len(sent.encode("utf-8", "replace")) + FRAME_TOKENS, prompt.max_tokens)
