"""The language model that judges and writes questions: that of the stages, or its recording."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from eval.bench import Watch
from retrieval.clock import Clock
from retrieval.errors import ConfigError, ProviderError
from retrieval.kit import Llm, Prompt, Reply
from retrieval.open_kit import Tools

Item = TypeVar("Item")
Result = TypeVar("Result")
CALL_S = 120.0
"""The longest wait for one answer."""


class Model:
    """A model under its name, and what it has cost so far."""

    def __init__(self, tools: Tools) -> None:
        """Take the model of the settings. Raises: ConfigError with the ways out."""
        llm = tools.llm
        if llm is None:
            raise ConfigError(
                "No language model is set: set llm_url and llm_model (ASSAY_LLM_URL,"
                " ASSAY_LLM_MODEL), or replay a recording (cassette, cassette_mode = replay)."
            )
        self._llm: Llm = llm
        self.name = tools.settings.llm_model or "recorded"
        self.at_a_time = tools.settings.llm_concurrency
        self.cost: dict[str, float] = {}

    def reply(self, prompt: Prompt, query: str) -> Reply:
        """Return the answer. Raises: ProviderError that names the question."""
        found = self._llm.reply(prompt, query, Clock(CALL_S))
        for name, value in found.cost.items():
            self.cost[name] = self.cost.get(name, 0.0) + value
        return found

    def each(
        self, items: Sequence[Item], work: Callable[[Item], Result], watch: Watch
    ) -> Iterator[tuple[Item, Result | ProviderError]]:
        """Give what work makes of each item, in order, some at a time; or why it failed."""

        def tried(item: Item) -> Result | ProviderError:
            try:
                return work(item)
            except ProviderError as error:
                return error

        pool = ThreadPoolExecutor(min(self.at_a_time, max(1, len(items))))
        try:
            for done, (item, found) in enumerate(
                zip(items, pool.map(tried, items), strict=True), 1
            ):
                yield item, found
                watch.asked(done, len(items))
        finally:
            pool.shutdown(cancel_futures=True)

    @property
    def spent(self) -> str:
        """What it cost, as a line."""
        calls, read, written, usd = (
            self.cost.get(name, 0.0) for name in ("calls", "tokens_in", "tokens_out", "usd")
        )
        price = f", ${usd:.4f}" if usd else ""
        again = self.cost.get("replayed", 0.0)
        said = f"{calls:.0f} calls" + (f" ({again:.0f} replayed)" if again else "")
        return f"{said}, {read:.0f} tokens read, {written:.0f} written{price}"


def schema(**properties: Any) -> dict[str, Any]:
    """Return the schema of an object that has just these properties."""
    return {
        "type": "object",
        "properties": properties,
        "required": [*properties],
        "additionalProperties": False,
    }
