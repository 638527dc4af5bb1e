import math
import uuid
from dataclasses import replace

import numpy as np
import pytest

from retrieval.clock import Clock
from retrieval.features import FEATURES, features, matching, standard
from retrieval.kit import Kit
from retrieval.offline import HashEmbedder, WordSparse, offline_kit, passage
from retrieval.pipeline import Pipeline, run
from retrieval.stages.dense import Dense
from retrieval.stages.fuse import Fuse
from retrieval.stages.sparse import Sparse
from retrieval.types import Chunk, Hit, Search, Span

HYBRID = Pipeline("hybrid", (Dense(), Sparse(), Fuse()))


def columns(search: Search, kit: Kit) -> dict[str, dict[str, float]]:
    """The features of a search's hits, by document and name."""
    rows = features(search, search.hits, kit)
    assert rows.shape == (len(search.hits), len(FEATURES))
    assert np.isfinite(rows).all()
    return {
        hit.chunk.document_id: dict(zip(FEATURES, row, strict=True))
        for hit, row in zip(search.hits, rows, strict=True)
    }


def test_legs_give_scores_and_reciprocal_ranks_and_missing_is_the_lowest(kit: Kit) -> None:
    search = run(HYBRID, Search.of("where do cats sleep?", limit=12), kit)
    found = columns(search, kit)
    dense, sparse = search.rankings
    for rank, hit in enumerate(dense.hits, 1):
        row = found[hit.chunk.document_id]
        assert row["dense"] == hit.score
        assert row["dense_rank"] == pytest.approx(1 / (60 + rank))
    missing = set(found) - {hit.chunk.document_id for hit in sparse.hits}
    assert missing
    for document in missing:
        assert found[document]["sparse"] == min(hit.score for hit in sparse.hits)
        assert found[document]["sparse_rank"] == 0.0
    assert [found[hit.chunk.document_id]["fused"] for hit in search.hits] == [
        hit.score for hit in search.hits
    ]


def test_the_best_of_several_variants_counts(kit: Kit) -> None:
    search = run(HYBRID, Search.of("where do cats sleep?", limit=12), kit)
    twice = Search(
        search.query, rankings=(*search.rankings, *reversed(search.rankings)), hits=search.hits
    )
    assert columns(twice, kit) == columns(search, kit)


def test_the_centroid_is_that_of_the_first_three_hits(kit: Kit) -> None:
    search = run(HYBRID, Search.of("how is bread baked?", limit=12), kit)
    found = columns(search, kit)
    vectors = kit.store.vectors([hit.chunk.id for hit in search.hits])
    mean = np.sum([vectors[hit.chunk.id] for hit in search.hits[:3]], axis=0, dtype=np.float64)
    mean /= np.linalg.norm(mean)
    for hit in search.hits:
        cosine = float(vectors[hit.chunk.id] @ mean)
        assert found[hit.chunk.document_id]["centroid"] == pytest.approx(cosine)


def test_the_title_is_as_near_as_its_own_vector_and_none_is_the_mean() -> None:
    titled = [
        replace(passage(name, "the same words"), meta={"title": title} if title else {})
        for name, title in (("a", "Cats sleep"), ("b", "Dogs bark"), ("c", ""))
    ]
    kit = offline_kit(titled)
    hits = tuple(Hit(each, ()).scored("f", 1) for each in titled)
    found = columns(Search("when do cats sleep", hits=hits), kit)
    (asked,) = HashEmbedder().queries(["when do cats sleep"], Clock())
    cats, dogs = (
        float(each @ asked) for each in HashEmbedder().passages(["Cats sleep", "Dogs bark"])
    )
    assert found["a"]["title"] == pytest.approx(cats)
    assert found["b"]["title"] == pytest.approx(dogs)
    assert found["c"]["title"] == pytest.approx((cats + dogs) / 2)
    untitled = offline_kit({"a": "the same words", "b": "the same words"})
    search = run(HYBRID, Search.of("when do cats sleep"), untitled)
    assert {row["title"] for row in columns(search, untitled).values()} == {0.0}


def test_words_are_counted_in_title_sentences_and_neighbours() -> None:
    a, b, c = (str(uuid.UUID(int=number)) for number in (1, 2, 3))
    chunks = [
        Chunk(a, "a", "Warm bread. The cat sat on warm stone!", Span(0, 38)),
        Chunk(b, "b", "A cat.\nStone.", Span(0, 13), ("Warm rooms",)),
        Chunk(c, "c", "Nothing of that.", Span(0, 16), (), None, {"title": "The Cat"}),
    ]
    kit = offline_kit(chunks)
    search = Search(
        "cat on warm stone", hits=tuple(Hit(each, ()).scored("f", 1) for each in chunks)
    )
    found = columns(search, kit)
    # cat is in all three passages, warm and stone in two, on in one; idf over these three.
    cat, two, on = (math.log1p((3 - n + 0.5) / (n + 0.5)) for n in (3, 2, 1))
    whole = cat + 2 * two + on
    assert found["a"]["coverage"] == pytest.approx(1.0)
    assert found["a"]["best_sentence"] == pytest.approx(1.0)
    assert found["a"]["bigrams"] == pytest.approx(2 / 3)  # "on warm", "warm stone"; not "cat on"
    assert found["b"]["coverage"] == pytest.approx((cat + 2 * two) / whole)
    assert found["b"]["best_sentence"] == pytest.approx(max(cat, two) / whole)
    assert found["b"]["title_coverage"] == pytest.approx(two / whole)
    assert found["b"]["title_share"] == pytest.approx(1 / 2)
    assert found["c"]["coverage"] == found["c"]["title_coverage"] == pytest.approx(cat / whole)


def test_a_hit_that_left_the_index_and_an_empty_passage_are_no_error() -> None:
    kit = offline_kit({"a": "cats sleep", "b": "dogs bark"})
    gone = Chunk("gone", "gone", "", Span(0, 0))
    search = run(HYBRID, Search.of("🦊 !", limit=5), kit)
    hits = (*search.hits, Hit(gone, ()).scored("x", 0.0))
    rows = features(search, hits, kit)
    assert np.isfinite(rows).all()
    assert features(search, (), kit).shape == (0, len(FEATURES))


def test_of_an_endless_question_the_first_words_count(kit: Kit) -> None:
    search = run(HYBRID, Search.of("xylophone " * 300 + "cats sleep", limit=12), kit)
    assert {row["coverage"] for row in columns(search, kit).values()} == {0.0}


def test_words_match_where_the_sparse_leg_says_so() -> None:
    assert matching(["cat", "dog"], ["cat", "cats", "dot"], WordSparse()).keys() == {"cat", "dog"}


def test_standard_deviations_over_the_hits_and_equal_values_are_zero() -> None:
    rows = standard(np.array([[1.0, 0.1], [3.0, 0.1]]))
    assert rows.tolist() == [[-1.0, 0.0], [1.0, 0.0]]
