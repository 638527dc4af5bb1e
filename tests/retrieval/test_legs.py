from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from retrieval.kit import Kit
from retrieval.pipeline import Pipeline, run, run_stage
from retrieval.stages.dense import Dense
from retrieval.stages.expand import Expand
from retrieval.stages.fuse import Fuse
from retrieval.stages.gate import Gate
from retrieval.stages.sparse import Sparse
from retrieval.types import Search
from tests.conftest import PASSAGES

QUESTION = "where do cats sleep?"


@dataclass(frozen=True)
class Counting:
    """A store that counts what it is asked."""

    store: Any
    asked: list[tuple[str, int]] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def search(self, probes: Any, filter: Any, limit: int, clock: Any) -> Any:
        self.asked.append(("search", len(probes)))
        return self.store.search(probes, filter, limit, clock)

    def present(self, ids: Any, clock: Any) -> Any:
        self.asked.append(("present", len(ids)))
        return self.store.present(ids, clock)


def served(kit: Kit) -> tuple[Kit, list[tuple[str, int]]]:
    store = Counting(kit.store)
    return replace(kit, store=store), store.asked


def test_legs_that_stand_together_search_at_one_moment_in_one_call(kit: Kit) -> None:
    counted, asked = served(kit)
    found = run(Pipeline("p", (Dense(), Sparse(), Fuse())), Search.of(QUESTION), counted)
    assert asked == [("search", 2)]
    assert ["store_ms" in step.cost for step in found.trace] == [True, False, False]
    apart = Search.of(QUESTION)
    for stage in (Dense(), Sparse(), Fuse()):
        apart = run_stage(stage, apart, kit)
    assert found.hits == apart.hits[:10]
    assert found.rankings == apart.rankings


@pytest.mark.parametrize(
    ("stages", "searches"),
    [
        ((Dense(50), Sparse(20), Fuse()), [1, 1]),
        ((Sparse(), Dense(), Fuse()), [1, 1]),
        ((Dense(), Fuse()), [1]),
        ((Sparse(), Sparse(), Fuse()), [1]),
        ((Dense(), Sparse(), Fuse(), Expand("rm3"), Dense(), Sparse(), Fuse()), [2, 1, 1]),
        ((Dense(), Sparse(), Fuse(), Gate(words=1, then=(Dense(), Sparse(), Fuse()))), [2]),
    ],
)
def test_legs_apart_search_by_themselves_and_the_hits_are_looked_at_again(
    kit: Kit, stages: Any, searches: list[int]
) -> None:
    counted, asked = served(kit)
    run(Pipeline("p", stages), Search.of(QUESTION), counted)
    assert [count for what, count in asked if what == "search"] == searches
    again = [("present", len(PASSAGES))] if len(searches) > 1 else []
    assert [each for each in asked if each[0] == "present"] == again
