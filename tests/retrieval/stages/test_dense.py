from dataclasses import replace

import numpy as np
import pytest

from retrieval.errors import ConfigError
from retrieval.filters import parse
from retrieval.kit import Kit
from retrieval.stages.dense import Dense
from retrieval.types import Search, Variant


def test_scores_are_the_inner_products_of_unit_vectors(kit: Kit) -> None:
    found = Dense()(Search.of("cats sleep"), kit).rankings[0]
    query = kit.embedder.queries(["cats sleep"], kit.clock)[0]
    vectors = kit.store.vectors([hit.chunk.id for hit in found.hits])
    assert found.by == "dense:original"
    assert len(found.hits) == 12
    for hit in found.hits:
        assert hit.score == pytest.approx(float(vectors[hit.chunk.id] @ query), abs=1e-6)


def test_questions_find_their_answers(kit: Kit, questions: dict[str, str]) -> None:
    for question, answer in questions.items():
        hits = Dense()(Search.of(question), kit).rankings[0].hits
        assert answer in [hit.chunk.document_id for hit in hits[:3]]


def test_only_variants_without_a_ranking_are_searched(kit: Kit) -> None:
    once = Dense()(Search.of("cats"), kit)
    more = replace(once, variants=(*once.variants, Variant("kittens", "paraphrase", weight=0.5)))
    twice = Dense()(more, kit)
    assert twice.rankings[0] is once.rankings[0]
    assert [ranking.by for ranking in twice.rankings] == ["dense:original", "dense:paraphrase"]
    assert [ranking.weight for ranking in twice.rankings] == [1.0, 0.5]
    assert Dense()(twice, kit) is twice


def test_a_variant_with_a_vector_is_searched_by_it(kit: Kit) -> None:
    target = Dense()(Search.of("stars"), kit).rankings[0].hits[3].chunk
    vector = tuple(float(x) for x in kit.store.vectors([target.id])[target.id])
    search = Search("q", variants=(Variant("ignored", "feedback", vector=vector),))
    assert Dense()(search, kit).rankings[0].hits[0].chunk == target


def test_what_the_encoder_does_not_read_is_noted(kit: Kit) -> None:
    limit = kit.embedder.limit
    assert Dense()(Search.of("cats " * (limit // 2)), kit).notes == ()
    long = Dense()(Search.of("cats " * (limit + 40)), kit)
    (count,) = kit.embedder.token_counts(["cats " * (limit + 40)])
    assert long.notes == (f"the encoder reads {limit} of about {count} tokens",)
    short = Dense()(Search.of("é" * (limit // 2)), kit)
    assert short.notes == ()
    marks = Dense()(Search.of("." * limit), kit)
    assert marks.notes == (f"the encoder reads {limit} of about {limit + 2} tokens",)


def test_a_hypothetical_variant_is_embedded_as_a_passage(kit: Kit) -> None:
    asked: list[str] = []

    class Listening:
        dimension = kit.embedder.dimension
        limit = kit.embedder.limit

        def queries(self, texts: list[str], clock: object) -> np.ndarray:
            asked.extend(f"query:{text}" for text in texts)
            return kit.embedder.passages(texts)

        def passages(self, texts: list[str], clock: object) -> np.ndarray:
            asked.extend(f"passage:{text}" for text in texts)
            return kit.embedder.passages(texts)

    variants = (Variant("a"), Variant("b", "hypothetical"), Variant("c", "paraphrase"))
    Dense()(Search("a", variants=variants), replace(kit, embedder=Listening()))  # type: ignore[arg-type]
    assert asked == ["query:a", "query:c", "passage:b"]


def test_the_limit_is_a_depth_and_a_search_may_ask_for_more(kit: Kit) -> None:
    assert len(Dense(limit=4)(Search.of("cats", limit=2), kit).rankings[0].hits) == 4
    assert len(Dense(limit=4)(Search.of("cats", limit=9), kit).rankings[0].hits) == 9


def test_a_filter_narrows_and_a_field_without_an_index_is_noted(kit: Kit) -> None:
    within = parse({"field": "document_id", "any_of": ["bread/oven.md", "bread/dough.md"]})
    found = Dense()(Search.of("cats", filter=within), kit)
    assert {hit.chunk.document_id for hit in found.rankings[0].hits} == {
        "bread/oven.md",
        "bread/dough.md",
    }
    assert found.notes == ()
    unknown = parse({"field": "colour", "equals": "red"})
    found = Dense()(Search.of("cats", filter=unknown), kit)
    assert found.rankings[0].hits == ()
    assert found.notes == ("exact: no index for field colour",)


@pytest.mark.parametrize("limit", [0, -1, 10_001])
def test_a_depth_out_of_range_is_refused(limit: int) -> None:
    with pytest.raises(ConfigError, match="1 to 10000"):
        Dense(limit=limit)
