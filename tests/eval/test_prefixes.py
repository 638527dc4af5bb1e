"""Shared prefixes: every search is the one that the runner gives, and nothing runs twice."""

from collections import Counter
from dataclasses import dataclass, replace
from itertools import chain
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.answers import Asking, Served
from eval.prefixes import Prefixes, Sharing, prefix_of, shared_by
from eval.questions import Query
from retrieval.config import build_pipeline
from retrieval.errors import ProviderError, UnavailableError
from retrieval.offline import offline_kit
from retrieval.pipeline import Pipeline, states
from retrieval.types import Search, Step, flat
from tests.conftest import PASSAGES, QUESTIONS

KIT = offline_kit(PASSAGES)
RM3, VECTOR = {"use": "expand", "how": "rm3"}, {"use": "expand", "how": "vector"}
LEGS = st.sampled_from(
    (
        [{"use": "dense", "limit": 4}],
        [VECTOR, {"use": "dense", "limit": 4}],
        [RM3, {"use": "sparse", "limit": 3}],
        [{"use": "dense", "limit": 4}, {"use": "sparse", "limit": 3}],
        [RM3, {"use": "dense", "limit": 4}, {"use": "sparse", "limit": 3}],
        [VECTOR, {"use": "dense", "limit": 8}, {"use": "sparse", "limit": 3}],
    )
)
FUSE = st.sampled_from(
    ([{"use": "fuse"}], [{"use": "fuse", "how": "rrf"}], [{"use": "fuse", "alpha": 0.25}])
)
AFTER = st.lists(
    st.sampled_from(
        (
            {"use": "rules", "most": 1},
            {"use": "decompose", "how": "rules"},
            {"use": "gate", "then": [{"use": "rules", "mmr": 0.5}], "margin": 0.9},
        )
    ),
    max_size=2,
)
LAST = st.sampled_from(([], [{"use": "pack", "tokens": 40}]))
TABLES = st.tuples(LEGS, FUSE, AFTER, LAST).map(lambda parts: [*chain(*parts)])


def plain(steps: tuple[Step, ...]) -> list[Step]:
    """A trace without its times."""
    return [replace(each, ms=0.0, cost={}, steps=()) for each in flat(steps)]


@settings(deadline=None, max_examples=25)
@given(
    st.lists(TABLES, min_size=1, max_size=5),
    st.sampled_from([*QUESTIONS, "bread? and what do cats eat?", "zebra"]),
    st.sampled_from([1, 3, 12]),
    st.booleans(),
)
def test_every_state_is_what_the_runner_gives(ladder, query, limit, slim) -> None:
    pipelines = [build_pipeline(f"p{i}", tables) for i, tables in enumerate(ladder)]
    prefixes = Prefixes(KIT, shared_by(pipelines), slim)
    for pipeline in pipelines:
        found = prefixes.states(pipeline, prefix_of(pipeline), query, limit)
        expected = states(pipeline, Search.of(query, limit), KIT)
        assert len(found) == len(expected) or slim
        for ours, theirs in zip(found[::-1], expected[::-1], strict=not slim):
            assert replace(ours, trace=()) == replace(theirs, trace=())
            assert plain(ours.trace) == plain(theirs.trace)


CALLS: Counter[str] = Counter()


@dataclass(frozen=True)
class Counted:
    """A stage that changes nothing and counts its calls."""

    mark: str
    reads: ClassVar[tuple[str, ...]] = ()
    writes: ClassVar[tuple[str, ...]] = ("variants",)
    optional: ClassVar[bool] = True

    def __call__(self, search: Search, kit: object) -> Search:
        CALLS[f"{self.mark} {search.query} {search.limit}"] += 1
        return search


def counted(*marks: str) -> Pipeline:
    legs = build_pipeline("sparse", [{"use": "sparse"}, {"use": "fuse"}]).stages
    return Pipeline("-".join(marks), (*map(Counted, marks), *legs))


def test_a_shared_stage_runs_once_for_a_question_and_a_depth_and_keeps_its_time() -> None:
    CALLS.clear()
    ladder = [counted("a"), counted("a", "b"), counted("a", "b", "c"), counted("b")]
    prefixes = Prefixes(KIT, shared_by(ladder))
    systems = [Sharing(Served(each, KIT), prefixes) for each in ladder]
    for text in ("cats", "trains", "bread"):
        answers = [Asking(3).answer(each, Query("q", text)) for each in systems]
        assert answers[0].trace[0] is answers[1].trace[0] is answers[2].trace[0]
        assert answers[1].trace[1] is answers[2].trace[1]
        assert answers[3].trace[0] is not answers[1].trace[1]
        prefixes.forget()
    marks = Counter(key.split()[0] for key in CALLS)
    assert marks == {"a": 3, "b": 3, "c": 3}
    assert sum(CALLS.values()) == 3 * (1 + 2 + 1)
    spent = [each.spent() for each in systems]
    assert spent[0].executed_s == pytest.approx(spent[0].alone_s)
    assert sum(each.executed_s for each in spent) < sum(each.alone_s for each in spent)
    assert systems[0].spent() == (0.0, 0.0)


def test_deeper_searches_share_their_start_too() -> None:
    passages = {f"d{i % 2}/{i}": "cats " * (9 - i) for i in range(8)}
    kit = offline_kit(passages)
    ladder = [counted("a"), counted("a", "b")]
    prefixes = Prefixes(kit, shared_by(ladder))
    CALLS.clear()
    for each in ladder:
        limits = Sharing(Served(each, kit), prefixes)
        assert len(limits("cats", 2)[-1].hits) == 2
        assert len(limits("cats", 4)[-1].hits) == 4
    assert CALLS == {"a cats 2": 1, "a cats 4": 1, "b cats 2": 1, "b cats 4": 1}


def test_only_shared_prefixes_are_kept_and_forgotten_after_a_question() -> None:
    one, two = counted("a", "b"), counted("a", "c")
    shared = shared_by([one, two])
    assert shared == {prefix_of(one, 1)}
    assert shared_by([one, one]) == {prefix_of(one, n) for n in range(1, 5)}
    prefixes = Prefixes(KIT, shared)
    CALLS.clear()
    for pipeline in (one, two, one):
        prefixes.states(pipeline, prefix_of(pipeline), "cats", 3)
    prefixes.forget()
    prefixes.states(one, prefix_of(one), "cats", 3)
    assert CALLS == {"a cats 3": 2, "b cats 3": 3, "c cats 3": 1}


@dataclass(frozen=True)
class Down:
    """A stage whose store is away."""

    reads: ClassVar[tuple[str, ...]] = ()
    writes: ClassVar[tuple[str, ...]] = ("hits",)
    optional: ClassVar[bool] = True
    error: ClassVar[Exception]

    def __call__(self, search: Search, kit: object) -> Search:
        raise self.error


@pytest.mark.parametrize("error", [ProviderError("no model"), UnavailableError("away", 3.0)])
def test_an_error_names_the_stage_and_stays_what_it_is(error, monkeypatch) -> None:
    monkeypatch.setattr(Down, "error", error, raising=False)
    pipeline = Pipeline("down", (Down(),))
    with pytest.raises(type(error), match=r"^stage 'test_prefixes': (no model|away)$") as caught:
        Prefixes(KIT, set()).states(pipeline, prefix_of(pipeline), "cats", 3)
    assert caught.value is error
