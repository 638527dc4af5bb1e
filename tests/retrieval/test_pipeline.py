from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest

from retrieval.clock import Clock
from retrieval.config import build_pipeline
from retrieval.errors import ConfigError, DeadlineError, InputError, ProviderError
from retrieval.kit import Kit
from retrieval.offline import documents, offline_kit, passage
from retrieval.pipeline import Pipeline, fingerprint, run, stage_key
from retrieval.stages.dense import Dense
from retrieval.stages.fuse import Fuse
from retrieval.stages.sparse import Sparse
from retrieval.types import Search

HYBRID = Pipeline("hybrid", (Dense(), Sparse(), Fuse()))


@dataclass(frozen=True)
class Failing:
    """A stage that always fails."""

    error: Callable[[], Exception] = lambda: ProviderError("the model is away")
    reads: ClassVar[tuple[str, ...]] = ("hits",)
    writes: ClassVar[tuple[str, ...]] = ("hits",)
    optional: ClassVar[bool] = True

    def __call__(self, search: Search, kit: Kit) -> Search:
        raise self.error()


@dataclass(frozen=True)
class Needed(Failing):
    """A failing stage that cannot be left out."""

    optional: ClassVar[bool] = False


@dataclass(frozen=True)
class Sneaky(Failing):
    """A stage that writes what it does not declare."""

    writes: ClassVar[tuple[str, ...]] = ()

    def __call__(self, search: Search, kit: Kit) -> Search:
        return replace(search, hits=search.hits[:1])


def test_the_trace_has_a_step_for_every_stage(kit: Kit) -> None:
    found = run(HYBRID, Search.of("where do cats sleep?", limit=3), kit)
    assert [step.stage for step in found.trace] == ["dense", "sparse", "fuse"]
    assert found.trace[0].changed == {"rankings": 1}
    assert found.trace[1].changed == {"rankings": 2}
    fusing = {"how": "convex", "norm": "min-max", "alpha": 0.5, "k": 60, "domains": ()}
    assert found.trace[2].params == fusing
    assert found.trace[2].top[:3] == tuple(hit.chunk.id for hit in found.hits)
    assert all(step.ms >= 0 for step in found.trace)


def test_the_limit_cuts_last(kit: Kit) -> None:
    few = run(HYBRID, Search.of("cats", limit=2), kit)
    many = run(HYBRID, Search.of("cats", limit=10), kit)
    assert len(few.hits) == 2
    assert few.hits == many.hits[:2]
    assert few.trace[-1].changed["hits"] > 2


@dataclass(frozen=True)
class Replacing:
    """A stage beside which a document gets another text, so many times."""

    times: list[str]
    reads: ClassVar[tuple[str, ...]] = ("query",)
    writes: ClassVar[tuple[str, ...]] = ("context",)
    optional: ClassVar[bool] = True

    def __call__(self, search: Search, kit: Kit) -> Search:
        if self.times:
            text = self.times.pop()
            kit.store.replace({"d": documents(kit, [passage("d", text)], 1.0)["d"]})
        return replace(search, context=tuple(hit.chunk for hit in search.hits))


@pytest.mark.parametrize("texts", [["cats eat"], ["cats eat", "cats run"]])
def test_an_answer_holds_no_hit_that_was_replaced_while_it_was_searched(texts: list[str]) -> None:
    kit = offline_kit({"d": "cats sleep", "e": "cats"})
    found = run(Pipeline("p", (*HYBRID.stages, Replacing([*texts]))), Search.of("cats"), kit)
    assert {hit.chunk.text for hit in found.hits} == {texts[0], "cats"}
    assert {chunk.text for chunk in found.context} == {texts[0], "cats"}
    assert [step.stage for step in found.trace].count("fuse") == len(texts) + 1


def test_hits_that_are_replaced_again_and_again_are_left_out() -> None:
    kit = offline_kit({"d": "cats sleep", "e": "cats"})
    texts = ["cats eat", "cats run", "cats purr", "cats hide"]
    found = run(Pipeline("p", (*HYBRID.stages, Replacing(texts))), Search.of("cats"), kit)
    assert [hit.chunk.text for hit in found.hits] == ["cats"]
    assert [chunk.text for chunk in found.context] == ["cats"]


def test_an_empty_question_is_refused(kit: Kit) -> None:
    with pytest.raises(InputError, match="empty"):
        run(HYBRID, Search.of(" \n"), kit)


def test_a_failing_optional_stage_is_left_out_and_named(kit: Kit) -> None:
    served = run(Pipeline("p", (*HYBRID.stages, Failing())), Search.of("cats"), kit.at(None, None))
    assert served.degraded == ("test_pipeline: the model is away",)
    assert served.hits == run(HYBRID, Search.of("cats"), kit).hits


def test_a_failing_stage_stops_a_strict_run(kit: Kit) -> None:
    with pytest.raises(ProviderError, match="away"):
        run(Pipeline("p", (*HYBRID.stages, Failing())), Search.of("cats"), kit)


@pytest.mark.parametrize(
    "stage", [Needed(), Failing(lambda: DeadlineError("late")), Failing(lambda: KeyError("bug"))]
)
def test_what_cannot_be_left_out_stops_the_service_too(stage: Failing, kit: Kit) -> None:
    with pytest.raises((ProviderError, KeyError)):
        run(Pipeline("p", (*HYBRID.stages, stage)), Search.of("cats"), kit.at(None, None))


def test_a_stage_may_not_write_what_it_does_not_declare(kit: Kit) -> None:
    with pytest.raises(ConfigError, match="undeclared"):
        run(Pipeline("p", (*HYBRID.stages, Sneaky())), Search.of("cats"), kit)


def test_a_pipeline_is_a_stage_and_its_steps_are_nested(kit: Kit) -> None:
    inner = Pipeline("legs", (Dense(), Sparse(), Fuse()))
    found = run(Pipeline("outer", (inner,)), Search.of("cats"), kit)
    assert [step.stage for step in found.trace] == ["legs"]
    assert [step.stage for step in found.trace[0].steps] == ["dense", "sparse", "fuse"]
    assert found.hits == run(inner, Search.of("cats"), kit).hits


def test_no_stage_starts_after_the_deadline(kit: Kit) -> None:
    with pytest.raises(DeadlineError):
        run(HYBRID, Search.of("cats"), replace(kit, clock=Clock(0.0)))


def test_keys_follow_parameters_and_not_names() -> None:
    assert Pipeline("a", HYBRID.stages).key == Pipeline("b", HYBRID.stages).key
    assert stage_key(Fuse(alpha=0.5)) != stage_key(Fuse(alpha=0.6))
    assert stage_key(Dense()) != stage_key(Sparse())
    assert Pipeline("a", (Sparse(), Dense(), Fuse())).key != HYBRID.key
    inside = Pipeline("outer", (Pipeline("inner", (Dense(limit=9), Fuse())),))
    assert inside.key != Pipeline("outer", (Pipeline("inner", (Dense(limit=8), Fuse())),)).key


def test_keys_are_the_same_in_another_process() -> None:
    assert build_pipeline("p", [{"use": "dense"}, {"use": "fuse"}]).key == (
        "65d659447a45072dea37c228fca0369e056cd5eac071e520e6dfcc6af328446d"
    )


def test_the_fingerprint_follows_the_index(kit: Kit) -> None:
    other = replace(kit.store.manifest, embed="title+text")

    class Store:
        manifest = other

    changed = replace(kit, store=Store())  # type: ignore[arg-type]
    assert fingerprint(HYBRID, kit) == fingerprint(Pipeline("same", HYBRID.stages), kit)
    assert fingerprint(HYBRID, kit) != fingerprint(HYBRID, changed)
