import math
from dataclasses import replace

import pytest

from retrieval.errors import ConfigError
from retrieval.kit import Kit
from retrieval.stages.sparse import Sparse
from retrieval.types import Search, Variant


def found(kit: Kit, *variants: Variant) -> dict[str, dict[str, float]]:
    rankings = Sparse()(Search("q", variants=variants), kit).rankings
    return {r.by: {hit.chunk.document_id: hit.score for hit in r.hits} for r in rankings}


def test_a_score_is_bm25_worked_out_by_hand(kit: Kit) -> None:
    """`oven` stands once, in one of 12 passages; that passage has 13 words, 13.25 on average."""
    lengths = kit.sparse.lengths(
        [
            c.chunk.text
            for c in kit.store.search(kit.embedder.queries(["x"], kit.clock), None, 12, kit.clock)[
                0
            ]
        ]
    )
    average = sum(lengths) / 12
    assert kit.store.manifest.average_length == pytest.approx(average)
    length = kit.sparse.lengths(["Bake the loaf in a very hot oven; steam gives it a thin crust."])[
        0
    ]
    idf = math.log(1 + (12 - 1 + 0.5) / (1 + 0.5))
    weight = 1 * (1.2 + 1) / (1 + 1.2 * (1 - 0.75 + 0.75 * length / average))
    scores = found(kit, Variant("oven"))["sparse:original"]
    assert scores == pytest.approx({"bread/oven.md": idf * weight})


def test_a_question_without_a_known_term_finds_nothing(kit: Kit) -> None:
    assert found(kit, Variant("🦊 zzzz")) == {"sparse:original": {}}


def test_a_hypothetical_variant_is_seen_only_through_its_terms(kit: Kit) -> None:
    scores = found(
        kit,
        Variant("oven", "hypothetical"),
        Variant("railway", "hypothetical", terms=(("oven", 0.5),)),
        Variant("oven"),
    )
    assert set(scores) == {"sparse:hypothetical-2", "sparse:original"}
    assert scores["sparse:hypothetical-2"]["bread/oven.md"] == pytest.approx(
        0.5 * scores["sparse:original"]["bread/oven.md"]
    )


def test_only_variants_without_a_ranking_are_searched(kit: Kit) -> None:
    once = Sparse()(Search.of("cats"), kit)
    more = replace(once, variants=(*once.variants, Variant("bread", "paraphrase")))
    assert [r.by for r in Sparse()(more, kit).rankings] == ["sparse:original", "sparse:paraphrase"]
    assert Sparse()(once, kit) is once


def test_a_depth_out_of_range_is_refused() -> None:
    with pytest.raises(ConfigError, match="1 to 10000"):
        Sparse(limit=0)
