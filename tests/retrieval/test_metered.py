"""What calls to a model cost is in the step of the stage that made them, also where it failed."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pytest

from retrieval.clock import Clock
from retrieval.errors import ProviderError
from retrieval.inside import Inside
from retrieval.kit import Kit, Prompt, Reply
from retrieval.pipeline import Pipeline, Stage, run
from retrieval.prompts import ask
from retrieval.stages.dense import Dense
from retrieval.stages.fuse import Fuse
from retrieval.types import Search

LEGS: tuple[Stage, ...] = (Dense(), Fuse())
CALL = {"calls": 1.0, "tokens_in": 10.0}


@dataclass
class Counting:
    """A model that answers so many calls and fails at the next, which costs too."""

    answered: int

    def reply(self, prompt: Prompt, query: str, clock: Clock) -> Reply:
        self.answered -= 1
        if self.answered < 0:
            raise ProviderError("the model is gone", {"calls": 1.0})
        return Reply("words", None, CALL)


@dataclass(frozen=True)
class Asking:
    """Asks so often, then what is inside."""

    often: int
    then: tuple[Stage, ...] = ()
    optional: bool = True
    reads: ClassVar[tuple[str, ...]] = ()
    writes: ClassVar[tuple[str, ...]] = ("hits",)

    def __call__(self, search: Search, kit: Kit) -> Search:
        for _ in range(self.often):
            ask(kit, Prompt("asking", "Write.", search.query), search.query)
        return Inside("inside", self.then)(search, kit) if self.then else search


def costs(kit: Kit, answered: int, *stages: Stage) -> list[Any]:
    kit = replace(kit, llm=Counting(answered), strict=False)
    trace = run(Pipeline("p", (*LEGS, *stages)), Search.of("cats"), kit).trace[2:]
    return [(dict(each.cost), [dict(inner.cost) for inner in each.steps]) for each in trace]


def test_the_calls_of_a_stage_are_added_up_in_its_step(kit: Kit) -> None:
    twice = {"calls": 2.0, "tokens_in": 20.0}
    assert costs(kit, 9, Asking(2), Asking(0), Asking(1)) == [(twice, []), ({}, []), (CALL, [])]


def test_calls_before_a_failure_and_the_failed_one_are_in_the_step(kit: Kit) -> None:
    assert costs(kit, 2, Asking(5)) == [({"calls": 3.0, "tokens_in": 20.0}, [])]


def test_a_call_counts_once_for_the_innermost_stage(kit: Kit) -> None:
    once = {"calls": 1.0, "tokens_in": 10.0}
    assert costs(kit, 9, Asking(1, (Asking(1), Asking(1)))) == [(once, [once, once])]


def test_where_an_inner_failure_takes_its_steps_away_the_outer_step_has_the_costs(
    kit: Kit,
) -> None:
    inner = Asking(1, optional=False)
    assert costs(kit, 2, Asking(1, (Asking(1), inner))) == [({"calls": 3.0, "tokens_in": 20.0}, [])]
    assert costs(kit, 2, Asking(1, (Asking(1), Asking(1)))) == [(CALL, [CALL, {"calls": 1.0}])]


def test_a_strict_run_ends_at_the_failure(kit: Kit, listed: Callable[..., Any]) -> None:
    with pytest.raises(ProviderError):
        run(Pipeline("p", (*LEGS, Asking(1))), Search.of("cats"), replace(kit, llm=Counting(0)))
