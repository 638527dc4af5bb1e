"""The contract of every stage: the folder is the registry, so a new file is tested by itself."""

from dataclasses import fields, is_dataclass

import pytest

from retrieval.config import stage_types
from retrieval.inside import asks_model
from retrieval.kit import Kit
from retrieval.pipeline import COLUMNS, GIVEN, Pipeline, Stage, run, stage_key
from retrieval.stages.decompose import Decompose
from retrieval.stages.dense import Dense
from retrieval.stages.expand import Expand
from retrieval.stages.fuse import Fuse
from retrieval.stages.gate import Gate
from retrieval.stages.sparse import Sparse
from retrieval.types import Search

QUESTIONS = ["where do cats sleep?", "how is bread baked, and who invented it?", "🦊", "猫"]
STAGES = sorted(stage_types().items())


def pipeline(name: str, kind: type[Stage]) -> Pipeline:
    """The shortest pipeline that gives a stage what it reads, and ends in hits."""
    legs: tuple[Stage, ...] = (Dense(), Sparse(), Fuse())
    after = "rankings" in kind.writes or not set(kind.reads) - GIVEN
    return Pipeline(name, (kind(), *legs) if after else (*legs, kind()))


@pytest.mark.parametrize(("name", "kind"), STAGES)
def test_a_stage_is_a_frozen_documented_dataclass(name: str, kind: type[Stage]) -> None:
    assert is_dataclass(kind)
    assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert kind.__doc__
    assert "Source:" in kind.__doc__ or "Ours:" in kind.__doc__
    for each in fields(kind):
        assert each.name in kind.__doc__, f"{name} does not say what {each.name} does"


@pytest.mark.parametrize(("name", "kind"), STAGES)
def test_a_stage_is_hashable_and_equal_to_its_twin(name: str, kind: type[Stage]) -> None:
    assert kind() == kind()
    assert hash(kind()) == hash(kind())
    assert stage_key(kind()) == stage_key(kind())


@pytest.mark.parametrize(("name", "kind"), STAGES)
def test_a_stage_declares_columns_that_exist(name: str, kind: type[Stage]) -> None:
    assert set(kind.reads) | set(kind.writes) <= set(COLUMNS)


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize(("name", "kind"), STAGES)
def test_a_stage_is_deterministic_and_leaves_hits_unique_and_ordered(
    name: str, kind: type[Stage], question: str, kit: Kit
) -> None:
    served = kit.at(None, None)  # without a language model, the stages that ask one are left out
    first = run(pipeline(name, kind), Search.of(question), served)
    second = run(pipeline(name, kind), Search.of(question), served)
    assert first.hits == second.hits
    ids = [hit.chunk.id for hit in first.hits]
    assert len(set(ids)) == len(ids)
    assert list(first.hits) == sorted(first.hits, key=lambda hit: (-hit.score, hit.chunk.id))


@pytest.mark.parametrize(("name", "kind"), STAGES)
def test_a_stage_that_may_ask_a_model_says_whether_it_does(name: str, kind: type[Stage]) -> None:
    forms = getattr(kind, "forms", {})
    assert sorted(forms) == list(range(len(forms))), f"{name}: steps count from 0"
    assert hasattr(kind, "asks_model") == bool(forms)
    for form in forms.values():
        assert form.schema["type"] == "object"
        assert not form.lists or form.lists in form.schema["properties"]


def test_whether_a_model_is_asked_is_seen_through_stages_that_own_stages() -> None:
    hidden = (Gate(then=(Decompose(each=(Dense(), Fuse())),)),)
    assert asks_model(Pipeline("p", (Dense(), Fuse(), *hidden)))
    plain = (Gate(then=(Decompose(how="rules"), Expand(how="vector"), Dense(), Fuse())),)
    assert not asks_model(Pipeline("p", (Dense(), Fuse(), *plain)))
