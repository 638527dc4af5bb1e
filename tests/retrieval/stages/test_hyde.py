from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from retrieval.config import build_pipeline
from retrieval.errors import ConfigError, ProviderError
from retrieval.kit import Kit
from retrieval.pipeline import Pipeline, run, stage_key
from retrieval.stages.dense import Dense
from retrieval.stages.fuse import Fuse
from retrieval.stages.hyde import PROMPT, Hyde
from retrieval.stages.sparse import Sparse
from retrieval.types import Search, Variant

QUESTION = "where do pets rest?"
PASSAGES = ["Cats sleep on warm window sills.", "Cats sleep all day, most of all."]
LEGS = (Dense(), Sparse(), Fuse())
Listed = Callable[..., Any]


@pytest.fixture
def asked(kit: Kit, listed: Listed) -> Kit:
    """A kit whose model imagines two passages about sleeping cats."""
    return replace(kit, llm=listed({("hyde", 0): {"passages": PASSAGES}}))


def own(search: Search) -> Variant:
    return search.variants[0]


def as_array(variant: Variant) -> Any:
    return np.array(variant.vector)


def test_mean_searches_by_the_mean_of_the_question_and_the_passages(asked: Kit) -> None:
    found = Hyde(n=2, sparse_weight=0.0)(Search.of(QUESTION), asked)
    rows = asked.embedder.passages([QUESTION, *PASSAGES])
    mean = rows.mean(axis=0) / np.linalg.norm(rows.mean(axis=0))
    assert np.allclose(as_array(own(found)), mean, atol=1e-6)
    assert own(found).text == QUESTION
    assert own(found).terms == ()
    assert len(found.variants) == 1


def test_concat_searches_by_the_question_and_the_passages_as_one_text(asked: Kit) -> None:
    found = Hyde(n=2, how="concat")(Search.of(QUESTION), asked)
    whole = asked.embedder.queries([" ".join([QUESTION, *PASSAGES])], asked.clock)[0]
    assert np.allclose(as_array(own(found)), whole, atol=1e-6)


def test_each_passage_is_searched_by_itself_and_shares_the_weight(asked: Kit) -> None:
    pipeline = Pipeline("p", (Hyde(n=2, how="each", weight=0.4, sparse_weight=0.0), *LEGS))
    found = run(pipeline, Search.of(QUESTION), asked)
    assert [ranking.by for ranking in found.rankings] == [
        "dense:original",
        "dense:hypothetical",
        "dense:hypothetical-2",
        "sparse:original",
    ]
    weights = [ranking.weight for ranking in found.rankings]
    assert weights == pytest.approx([0.6, 0.2, 0.2, 0.6])
    assert found.rankings[1].hits[0].chunk.document_id == "cats/sleep.md"


def test_each_at_weight_one_leaves_the_question_out(asked: Kit) -> None:
    pipeline = Pipeline("p", (Hyde(n=2, how="each", weight=1.0, sparse_weight=0.0), *LEGS))
    found = run(pipeline, Search.of(QUESTION), asked)
    assert [r.by for r in found.rankings] == ["dense:hypothetical", "dense:hypothetical-2"]
    assert found.hits[0].chunk.document_id == "cats/sleep.md"


def test_the_passages_words_reach_the_sparse_leg_with_the_weight_they_share(asked: Kit) -> None:
    found = Hyde(n=2, sparse_weight=0.5)(Search.of(QUESTION), asked)
    terms = dict(own(found).terms)
    # 13 words in the two passages; the question has 4, so they share 0.5 * 4 = 2.
    assert sum(terms.values()) == pytest.approx(2.0)
    assert terms["cats"] == pytest.approx(2 * 2.0 / 13)
    assert terms["warm"] == pytest.approx(2.0 / 13)
    with_terms = Pipeline("p", (Hyde(n=2, sparse_weight=2.0), Sparse(), Fuse()))
    hits = run(with_terms, Search.of("pets"), asked).hits
    assert hits[0].chunk.document_id == "cats/sleep.md"
    assert run(Pipeline("p", (Sparse(), Fuse())), Search.of("pets"), asked).hits == ()


def test_each_with_a_sparse_weight_has_sparse_rankings_of_its_own(asked: Kit) -> None:
    stages = (Hyde(n=2, how="each", sparse_weight=1.0), Sparse(), Fuse())
    found = run(Pipeline("p", stages), Search.of(QUESTION), asked)
    assert [r.by for r in found.rankings][1:] == ["sparse:hypothetical", "sparse:hypothetical-2"]


def test_a_leg_that_searched_before_searches_again_with_what_changed(asked: Kit) -> None:
    again = Pipeline("p", (*LEGS, Hyde(n=2), *LEGS))
    before = Pipeline("p", (Hyde(n=2), *LEGS))
    first, second = (run(each, Search.of(QUESTION), asked) for each in (again, before))
    assert {r.by for r in first.rankings} == {"dense:original", "sparse:original"}
    assert [hit.chunk for hit in first.hits] == [hit.chunk for hit in second.hits]
    assert [hit.score for hit in first.hits] == [hit.score for hit in second.hits]


def test_the_prompt_says_what_the_collection_holds_and_the_question_is_data(asked: Kit) -> None:
    Hyde(n=2, words=30, kind="SQL statements")(Search.of(QUESTION), asked)
    (prompt,) = asked.llm.asked  # type: ignore[union-attr]
    assert "holds SQL statements" in prompt.instructions
    assert "about 30" in prompt.instructions
    assert "{" not in prompt.instructions.replace('{"passages"', "")
    assert QUESTION not in prompt.instructions
    assert prompt.text == QUESTION
    assert prompt.schema["properties"]["passages"]["maxItems"] == 2


def test_a_prompt_of_the_pipeline_file_takes_the_place_of_the_stages(asked: Kit) -> None:
    table = {"use": "hyde", "prompt": "Imagine {n} of {kind}.", "kind": "laws"}
    build_pipeline("p", [table, {"use": "dense"}, {"use": "fuse"}]).stages[0](
        Search.of(QUESTION), asked
    )
    assert asked.llm.asked[0].instructions == "Imagine 1 of laws."  # type: ignore[union-attr]


def test_the_wording_is_part_of_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    before = stage_key(Hyde())
    assert stage_key(Hyde(prompt="Other.")) != before
    monkeypatch.setattr("retrieval.stages.hyde.PROMPT", PROMPT + " Please.")
    assert stage_key(Hyde()) != before


def test_the_trace_holds_the_passages_and_the_cost(asked: Kit) -> None:
    found = run(Pipeline("p", (Hyde(n=2), *LEGS)), Search.of(QUESTION), asked)
    assert found.trace[0].notes == tuple(f"passage: {each}" for each in PASSAGES)
    assert found.trace[0].cost["calls"] == 1
    assert found.trace[0].cost["usd"] == 0.001


def test_an_imported_plain_text_is_one_passage(kit: Kit, listed: Listed) -> None:
    kit = replace(kit, llm=listed({("hyde", 0): PASSAGES[0]}))
    plain = Hyde(how="each", weight=1.0)(Search.of(QUESTION), kit)
    assert [each.text for each in plain.variants] == [PASSAGES[0]]


def test_blank_passages_are_left_out_and_none_is_an_error(kit: Kit, listed: Listed) -> None:
    some = replace(kit, llm=listed({("hyde", 0): {"passages": [" ", "Cats sleep. "]}}))
    found = Hyde(n=2, how="each")(Search.of(QUESTION), some)
    assert [each.text for each in found.variants] == [QUESTION, "Cats sleep."]
    none = replace(kit, llm=listed({("hyde", 0): {"passages": ["\n"]}}))
    with pytest.raises(ProviderError, match="hyde: the model wrote nothing for 'where"):
        Hyde()(Search.of(QUESTION), none)


def test_without_a_model_it_says_how_to_set_one(kit: Kit) -> None:
    with pytest.raises(ConfigError, match=r"no language model is set.*llm_url"):
        run(Pipeline("p", (Hyde(), *LEGS)), Search.of(QUESTION), kit)
    served = run(Pipeline("p", (Hyde(), *LEGS)), Search.of(QUESTION), kit.at(None, None))
    assert served.degraded[0].startswith("hyde: ")
    assert served.hits == run(Pipeline("p", LEGS), Search.of(QUESTION), kit).hits


@pytest.mark.parametrize("text", ["🦊", "猫はどこで寝ますか", "why " * 10_000, "half \ud83e pair"])
def test_odd_questions_are_answered(asked: Kit, text: str) -> None:
    pipeline = Pipeline("p", (Hyde(n=2, sparse_weight=1.0), *LEGS))
    assert run(pipeline, Search.of(text), asked).hits


@pytest.mark.parametrize(
    "given",
    [{"n": 0}, {"n": 99}, {"words": 1}, {"weight": 0.0}, {"weight": 1.1}, {"sparse_weight": -1.0}],
)
def test_a_parameter_out_of_range_is_named(given: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"hyde.{next(iter(given))}"):
        Hyde(**given)
