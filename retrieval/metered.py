"""What a stage's calls to a language model cost, also where the stage failed in the end."""

from collections.abc import Iterable, Mapping

from retrieval.clock import Clock
from retrieval.errors import ProviderError
from retrieval.kit import Llm, Prompt, Reply

Cost = Mapping[str, float]


class Metered:
    """A language model as one stage is given it: calls go on to it, and their costs are kept.

    `own` are the costs of the stage's own calls, `inner` those of the stages inside it. Several
    threads may ask at a time.
    """

    def __init__(self, llm: Llm) -> None:
        """Start at nothing; a model that is metered already is that of the stage around."""
        self._around: tuple[Metered, ...] = (llm, *llm._around) if isinstance(llm, Metered) else ()
        self._llm: Llm = llm._llm if isinstance(llm, Metered) else llm
        self.own: list[Cost] = []
        self.inner: list[Cost] = []

    def reply(self, prompt: Prompt, query: str, clock: Clock) -> Reply:
        """Return the answer. Raises: ProviderError."""
        try:
            reply = self._llm.reply(prompt, query, clock)
        except ProviderError as error:
            self._note(error.cost)
            raise
        self._note(reply.cost)
        return reply

    def _note(self, cost: Cost) -> None:
        self.own.append(cost)
        for each in self._around:
            each.inner.append(cost)


def total(costs: Iterable[Cost]) -> dict[str, float]:
    """Return the sum of costs, by name."""
    found: dict[str, float] = {}
    for cost in costs:
        for name, value in cost.items():
            found[name] = found.get(name, 0.0) + value
    return found
