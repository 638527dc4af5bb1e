"""Combinations of parameters, each tried once on all questions, whoever asks for it."""

import numpy as np

from eval.answers import Served
from eval.prefixes import Prefixes, Sharing, prefix_of
from eval.prepared import Prepared
from eval.scoring import score
from eval.statistics import Values
from eval.tuning_space import Choice, Space
from retrieval.errors import ConfigError
from retrieval.pipeline import Pipeline


class Trials:
    """The measure of each question by combination; what stands before the tuned stages runs once.

    `refused` counts the combinations that the stages do not allow together, by the reason.
    """

    def __init__(self, ready: Prepared, space: Space, metric: str) -> None:
        """Try nothing yet."""
        self.refused: dict[str, int] = {}
        self._ready = ready
        self._space = space
        self._metric = metric
        self._tried: dict[Choice, Values | None] = {}
        start = prefix_of(space.pipeline(space.untuned), space.first)
        self._prefixes = Prefixes(ready.kit, {start} if start else set(), slim=True)

    @property
    def count(self) -> int:
        """How many combinations were tried, refused ones left out."""
        return sum(each is not None for each in self._tried.values())

    def values(self, choice: Choice) -> Values | None:
        """Return the measure of each question that is scored, in order; None where it is refused.

        Raises: AssayError where a stage fails.
        """
        if choice not in self._tried:
            try:
                pipeline = self._space.pipeline(choice)
            except ConfigError as error:
                self.refused[str(error)] = self.refused.get(str(error), 0) + 1
                self._tried[choice] = None
            else:
                self._tried[choice] = self._measured(pipeline)
        return self._tried[choice]

    def _measured(self, pipeline: Pipeline) -> Values:
        kept, asking = self._ready.asked.kept, self._ready.asking
        system = Sharing(Served(pipeline, self._ready.kit), self._prefixes)
        answers = {query.id: asking.answer(system, query) for query in kept.queries}
        scores = score(kept, answers, self._ready.asked.bench.cutoffs).scores
        return np.asarray(scores.of(self._metric))
