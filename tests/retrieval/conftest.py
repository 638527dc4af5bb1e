"""A language model from a list."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from retrieval.clock import Clock
from retrieval.kit import Prompt, Reply

COST = {"calls": 1.0, "tokens_in": 10.0, "tokens_out": 5.0, "usd": 0.001}


@dataclass
class ListLlm:
    """A model whose answers, by stage and step, are known before; it keeps what it was asked."""

    answers: Mapping[tuple[str, int], Any]
    asked: list[Prompt] = field(default_factory=list)

    def reply(self, prompt: Prompt, query: str, clock: Clock) -> Reply:
        self.asked.append(prompt)
        answer = self.answers[prompt.stage, prompt.step]
        if isinstance(answer, str):
            return Reply(answer, None, COST)
        return Reply(json.dumps(answer), answer, COST)


@pytest.fixture
def listed() -> Callable[[Mapping[tuple[str, int], Any]], ListLlm]:
    """A function that gives a model with these answers by (stage, step)."""
    return ListLlm
