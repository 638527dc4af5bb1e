from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pytest

from retrieval.clock import Clock
from retrieval.config import build_pipeline
from retrieval.errors import ConfigError, DeadlineError, InputError, ProviderError
from retrieval.kit import Kit, Point
from retrieval.offline import documents, offline_kit, passage
from retrieval.pipeline import Pipeline, fingerprint, run, stage_key
from retrieval.stages.dense import Dense
from retrieval.stages.fuse import Fuse
from retrieval.stages.pack import Pack
from retrieval.stages.sparse import Sparse
from retrieval.types import Chunk, Search

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


def test_a_hit_that_was_replaced_while_it_was_searched_is_left_out_and_the_next_follow() -> None:
    kit = offline_kit({"d": "cats sleep", "e": "cats purr", "f": "cats"})
    search = Search.of("cats sleep", limit=2)
    found = run(Pipeline("p", (*HYBRID.stages, Replacing(["cats eat"]))), search, kit)
    assert {hit.chunk.text for hit in found.hits} == {"cats purr", "cats"}
    assert "cats sleep" not in {chunk.text for chunk in found.context}
    assert found.trace[-1].notes[-1].endswith("left out: 1 chunks")


@dataclass(frozen=True)
class Shelf:
    """A store whose document is replaced between two looks at what stands around its hits."""

    store: Any
    texts: list[list[Chunk]]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def chunks(self, *given: Any) -> Any:
        found = self.store.chunks(*given)
        if self.texts:
            kit = offline_kit(self.texts.pop())
            chunks = enumerate(kit.store.chunks("d"))
            rows = [Point(each, i, *made(kit, each)) for i, each in chunks]
            self.store.replace({"d": rows})
        return found


def made(kit: Kit, chunk: Chunk) -> tuple[Any, Any]:
    return kit.embedder.passages([chunk.text])[0], kit.sparse.documents([chunk.text], 1.0)[0]


def test_a_context_holds_no_two_versions_of_a_document() -> None:
    def document(*words: str) -> list[Chunk]:
        return [passage("d", word, start=20 * i) for i, word in enumerate(words)]

    old = document("cats sleep here", "rate one", "filler", "cats sleep there", "term one")
    new = document("cats sleep here", "rate two", "filler", "cats sleep there", "term two")
    kit = offline_kit([*old, passage("e", "cats")])
    kit = replace(kit, store=Shelf(kit.store, [new]))
    found = run(Pipeline("p", (*HYBRID.stages, Pack())), Search.of("cats sleep", limit=2), kit)
    assert [hit.chunk.text for hit in found.hits] == ["cats sleep here", "cats sleep there"]
    assert found.context == ()


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
