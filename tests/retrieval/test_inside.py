from retrieval.inside import every_stage, in_place
from retrieval.pipeline import Pipeline, stage_name
from retrieval.stages.decompose import Decompose
from retrieval.stages.dense import Dense
from retrieval.stages.fuse import Fuse
from retrieval.stages.gate import Gate
from retrieval.stages.rerank import Rerank
from retrieval.stages.self_query import SelfQuery
from retrieval.stages.sparse import Sparse

LEGS = (Dense(), Sparse(), Fuse())
PARTS = Decompose(how="rules", each=(Dense(), Fuse(), Rerank(kind="cross_encoder", model="m")))
PIPELINE = Pipeline("p", (SelfQuery(then=(*LEGS, Gate(then=(Rerank(),)))), PARTS))


def test_stages_in_place_are_those_that_one_search_meets() -> None:
    names = [stage_name(each) for each in in_place((PIPELINE,))]
    assert names == ["self_query", "dense", "sparse", "fuse", "gate", "rerank", "decompose"]


def test_every_stage_is_found_however_deep() -> None:
    found = [each for each in every_stage((PIPELINE,)) if isinstance(each, Rerank)]
    assert [each.kind for each in found] == ["learned", "cross_encoder"]
