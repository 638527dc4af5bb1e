"""Context precision and recall for those who have answers, but no judgments.

A language model says of each passage whether it helped to the answer, and of each statement of the
answer whether the passages support it. The figures depend on that model, cost a call for each
passage, and reward passages that merely talk about the answer; two systems whose figures differ
little are not told apart. Judgments are better: these are for the time before there are any.

Source: Es, James, Espinosa-Anke and Schockaert 2023, arXiv 2309.15217 (RAGAS), and the library's
definitions of context precision and context recall with a reference answer.
Differs: all statements are judged in one call, and precision judges each passage by itself.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from eval.bench import Watch
from eval.jsonl import records, string
from eval.judging.model import Model, schema
from eval.judging.pool import Pooled, make_pool_of_one
from eval.results import Run
from eval.statistics import intervals
from retrieval.errors import InputError, ProviderError
from retrieval.kit import Prompt

VERSION = "1"
USEFUL_PROMPT = """\
The user's message is JSON: a question, the right answer to it, and a passage that a search engine
found. Say whether the passage helps somebody who has only it to come to that answer.
Answer with JSON: {"useful": true}"""
USEFUL = schema(useful={"type": "boolean"})
SUPPORT_PROMPT = """\
The user's message is JSON: a question, the right answer to it, and passages that a search engine
found. Take the answer apart into its statements, each of them one fact. Say of each whether the
passages support it: true only where it stands in them or follows from them.
Answer with JSON: {"statements": [{"statement": "...", "supported": true}]}"""
SUPPORT = schema(
    statements={
        "type": "array",
        "minItems": 1,
        "maxItems": 50,
        "items": schema(statement={"type": "string"}, supported={"type": "boolean"}),
    }
)


class Mean(NamedTuple):
    """A mean over questions, and its 95% interval; none for one question."""

    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class ContextScores:
    """Both measures, by question too, and the questions on which the model failed."""

    queries: int
    precision: Mean
    recall: Mean
    failures: tuple[str, ...]
    rows: Mapping[str, tuple[float, float]]


def read_answers(file: Path) -> dict[str, str]:
    """Return reference answers by question: lines of `{_id, answer}`. Raises: InputError."""
    found: dict[str, str] = {}
    for where, record in records(file):
        id = string(record, "_id" if "_id" in record else "id", where)
        if id in found:
            raise InputError(f"{where}: question {id!r} is there twice.", "answers")
        found[id] = string(record, "answer", where)
    return found


def context_scores(
    run: Run, answers: Mapping[str, str], limit: int, model_and_watch: tuple[Model, Watch]
) -> ContextScores:
    """Return context precision and recall of the first `limit` hits, for questions with an answer.

    A question on which the model fails is in `failures`, and in no mean.

    Raises: InputError where no question of the run has an answer, ProviderError where all fail.
    """
    model, watch = model_and_watch
    hits = make_pool_of_one(run, limit)
    asked = {id: found for id, found in hits.items() if id in answers and found}
    if not asked:
        raise InputError(
            f"None of the {len(answers)} answers is to a question of {run.folder} that found"
            " something.",
            "answers",
        )

    def both(id: str) -> tuple[float, float]:
        return precision(useful(model, asked[id], answers[id])), recall(
            model, asked[id], answers[id]
        )

    rows: dict[str, tuple[float, float]] = {}
    failures = []
    for id, found in model.each(list(asked), both, watch):
        if isinstance(found, ProviderError):
            failures.append(f"{id}: {found}")
        else:
            rows[id] = found
    if not rows:
        raise ProviderError(f"All {len(failures)} questions failed, the first: {failures[0]}")
    values = np.array(list(rows.values()))
    low, high = intervals(values)
    precise, recalled = (
        Mean(float(values[:, i].mean()), _end(low[i]), _end(high[i])) for i in range(2)
    )
    return ContextScores(len(rows), precise, recalled, tuple(failures), rows)


def _end(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def useful(model: Model, hits: Sequence[Pooled], answer: str) -> list[bool]:
    """Return for each hit, in order, whether it helps to the answer. Raises: ProviderError."""
    found = []
    for hit in hits:
        data = {"question": hit.query, "answer": answer, "passage": hit.shown}
        found.append(bool(_reply(model, hit.query, (USEFUL_PROMPT, USEFUL), data)["useful"]))
    return found


def precision(helped: Sequence[bool]) -> float:
    """Return the mean, over the hits that helped, of the share that helped down to their rank.

    In [0, 1]; 1 where all that helped stand first, 0 where nothing helped.
    """
    ranks = [rank for rank, each in enumerate(helped, 1) if each]
    return sum((place / rank for place, rank in enumerate(ranks, 1)), 0.0) / max(1, len(ranks))


def recall(model: Model, hits: Sequence[Pooled], answer: str) -> float:
    """Return the share of an answer's statements that the hits support. Raises: ProviderError."""
    passages = [hit.shown for hit in hits]
    data = {"question": hits[0].query, "answer": answer, "passages": passages}
    found = _reply(model, hits[0].query, (SUPPORT_PROMPT, SUPPORT), data)["statements"]
    return sum(bool(each["supported"]) for each in found) / len(found)


def _reply(model: Model, query: str, asked: tuple[str, Mapping[str, Any]], data: Any) -> Any:
    text = json.dumps(data, ensure_ascii=False)
    prompt = Prompt("context", asked[0], text, VERSION, schema=asked[1], max_tokens=2000)
    return model.reply(prompt, query).data
