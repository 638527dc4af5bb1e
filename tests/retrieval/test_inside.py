from typing import Any

import pytest

from retrieval.errors import ConfigError
from retrieval.inside import check_answers, every_stage, in_place
from retrieval.pipeline import Pipeline, stage_name
from retrieval.settings import Settings
from retrieval.stages.decompose import Decompose
from retrieval.stages.dense import Dense
from retrieval.stages.fuse import Fuse
from retrieval.stages.gate import Gate
from retrieval.stages.hyde import Hyde
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


LONG = (*LEGS, Gate(then=(Hyde(n=8, words=1000), *LEGS)))
ENDPOINT = {"llm_url": "http://localhost/v1", "llm_model": "m"}


@pytest.mark.parametrize("mode", ["off", "record"])
def test_an_answer_longer_than_a_questions_tokens_is_refused_with_both_numbers(mode: Any) -> None:
    settings = Settings(**ENDPOINT, cassette_mode=mode)
    said = r"^hyde: its answer may take 24064 tokens, .* has 20000 \(llm_tokens\).*Set llm_tokens"
    with pytest.raises(ConfigError, match=said):
        check_answers(LONG, settings)
    check_answers(LONG, settings.model_copy(update={"llm_tokens": 30_000}))
    check_answers((Hyde(n=8, words=100), *LEGS), settings)


def test_a_long_answer_that_is_not_asked_for_is_not_refused() -> None:
    check_answers(LONG, Settings())
    for mode in ("replay", "replay-or-record"):
        check_answers(LONG, Settings(**ENDPOINT, cassette_mode=mode))
