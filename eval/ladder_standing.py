"""How the rungs of a ladder stand while it runs: a mean so far, a question at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from eval.answers import Answer
from eval.prepared import Prepared
from eval.questions import Query
from eval.scoring import score

AT_A_TIME = 100


class Standing:
    """Means so far of one measure and of the time, by rung; answers are scored a few at a time."""

    def __init__(self, ready: Prepared, metric: str, names: Sequence[str]) -> None:
        """Begin without an answer."""
        self._ready = ready
        self._metric = metric
        self._names = names
        self._sums = [0.0] * len(names)
        self._ms = [0.0] * len(names)
        self._scored = self._timed = self._asked = 0
        self._waiting: dict[str, Sequence[Answer]] = {}

    def add(self, query: Query, answers: Sequence[Answer]) -> None:
        """Take the rungs' answers to a question."""
        self._waiting[query.id] = answers
        if len(self._waiting) >= AT_A_TIME:
            self._score()

    def table(self) -> list[list[str]]:
        """Score what waits, and return rows of cells, the header first."""
        self._score()
        asked = self._ready.asked.kept
        total = len(asked.queries) + len(asked.unanswerable)
        header = [f"{self._ready.name}: {self._asked:,} of {total:,}", self._metric, "ms"]
        return [header] + [
            [
                name,
                f"{self._sums[rung] / self._scored:.4f}" if self._scored else "",
                f"{self._ms[rung] / self._timed:.1f}" if self._timed else "",
            ]
            for rung, name in enumerate(self._names)
        ]

    def _score(self) -> None:
        kept = self._ready.asked.kept
        queries = tuple(query for query in kept.queries if query.id in self._waiting)
        cutoff = int(self._metric.rpartition("@")[2])
        for rung in range(len(self._names)):
            answers: Mapping[str, Answer] = {id: each[rung] for id, each in self._waiting.items()}
            self._ms[rung] += sum(each.ms for each in answers.values())
            if queries:
                scores = score(replace(kept, queries=queries), answers, (cutoff,)).scores
                self._sums[rung] += float(scores.of(self._metric).sum())
        self._scored += len(queries)
        self._asked += len(self._waiting)
        self._timed += sum(bool(each[0].ms) for each in self._waiting.values())
        self._waiting = {}
