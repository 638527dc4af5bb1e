"""The language model that the settings name: an endpoint, a cassette, or both."""

from dataclasses import dataclass, replace
from typing import Any

from retrieval.adapters.cassette import Cassette, Take
from retrieval.adapters.llm_limits import LlmError
from retrieval.clock import Clock
from retrieval.errors import ConfigError, ProviderError
from retrieval.kit import Llm, Prompt, Reply
from retrieval.prompts import shown
from retrieval.settings import Settings


@dataclass(frozen=True)
class CassetteLlm:
    """A cassette, and the model that answers what it does not hold; without one it only replays.

    `replays`: recorded answers are taken; otherwise each is asked for, and recorded, again.
    """

    cassette: Cassette
    model: str
    live: Llm | None = None
    replays: bool = True

    def reply(self, prompt: Prompt, query: str, clock: Clock) -> Reply:
        """Return the answer. Raises: ProviderError that names the stage and the question."""
        clock.remaining()
        where = f"{prompt.stage}, question {shown(query)}"
        try:
            take = self.cassette.find(prompt, query, self.model) if self.replays else None
            if take is not None:
                return take.reply(prompt)
        except LlmError as error:
            raise ProviderError(f"{where}, in cassette {self.cassette.path}: {error}.") from error
        if self.live is None:
            step = f", step {prompt.step}" if prompt.step else ""
            raise ProviderError(
                f"{where}{step}: cassette {self.cassette.path} holds no answer of"
                f" {self.model or 'any model'} to this prompt. Record it"
                " (cassette_mode=replay-or-record) or import it."
            )
        reply = self.live.reply(prompt, query, clock)
        answer = reply.text if prompt.schema is None else reply.data
        self.cassette.add(replace(Take.of(prompt, query, self.model, answer), cost=reply.cost))
        return reply

    def describe(self) -> dict[str, Any]:
        """Return what answers: the cassette, by the content that it has now, and the model."""
        found = {"cassette": self.cassette.path.name, "digest": self.cassette.digest}
        return {**found, "model": self.model, **getattr(self.live, "describe", dict)()}


def open_llm(settings: Settings) -> Llm | None:
    """Return the language model of the settings, or None where none is set.

    Raises: ConfigError for settings that contradict each other.
    """
    mode = settings.cassette_mode
    if mode == "off":
        return _live(settings) if settings.llm_url else None
    if settings.cassette is None:
        raise ConfigError(f"cassette_mode is {mode!r}: set cassette to the file.")
    if mode == "replay":
        if not settings.cassette.is_file():
            raise ConfigError(f"cassette {settings.cassette}: there is no such file to replay.")
        return CassetteLlm(Cassette(settings.cassette), settings.llm_model)
    if not settings.llm_url:
        raise ConfigError(f"cassette_mode is {mode!r}: set llm_url to the endpoint to record.")
    live = _live(settings)
    replays = mode == "replay-or-record"
    return CassetteLlm(Cassette(settings.cassette), settings.llm_model, live, replays)


def close_llm(llm: Llm | None) -> None:
    """Let go of an endpoint's connections, and put a cassette that was written in order."""
    if isinstance(llm, CassetteLlm):
        if llm.live is not None:
            llm.cassette.tidy()
        llm = llm.live
    close = getattr(llm, "close", None)
    if close is not None:
        close()


def _live(settings: Settings) -> Llm:
    # The client takes half a second to import.
    from retrieval.adapters.llm import ChatLlm

    return ChatLlm(settings)
