"""The offline kit's encoder and terms; its store is held to the contract of all stores."""

import json
from dataclasses import replace

import numpy as np
import pytest

from retrieval.clock import Clock
from retrieval.errors import DeadlineError
from retrieval.kit import SparseVector
from retrieval.offline import HashEmbedder, WordSparse, offline_kit, offline_manifest, passage
from retrieval.types import Span


def likeness(one: str, other: str) -> float:
    first, second = HashEmbedder().passages([one, other])
    return float(first @ second)


def test_vectors_are_float32_of_unit_length() -> None:
    texts = ["cats chase mice", "", " \n", "...", "ünï ☃", "a" * 10_000, "\ud800"]
    vectors = HashEmbedder(dimension=32).passages(texts)
    assert (vectors.shape, vectors.dtype) == ((7, 32), np.float32)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-6)
    assert HashEmbedder().passages([]).shape == (0, 64)


def test_vectors_are_the_same_on_every_machine() -> None:
    (vector,) = HashEmbedder(dimension=4).passages(["cats chase mice"])
    np.testing.assert_allclose(vector, [0.0, 0.9363292, 0.0, -0.3511234], atol=1e-6)
    again = HashEmbedder(dimension=4).queries(["cats chase mice"], Clock())
    assert np.array_equal(again[0], vector)


def test_alike_texts_have_alike_vectors() -> None:
    assert likeness("Cats chase mice", "mice chase CATS") == pytest.approx(1.0)
    shared = likeness("cats chase mice", "cats eat fish")
    spelled = likeness("retrieving", "retrieval")
    assert min(shared, spelled) > 0.2 > likeness("cats chase mice", "stock market report")


def test_what_is_beyond_the_limit_is_not_read() -> None:
    embedder = HashEmbedder(limit=5)
    cut, whole, other = embedder.passages(["one two three four", "one two three", "one two four"])
    assert np.array_equal(cut, whole)
    assert not np.array_equal(cut, other)
    assert embedder.token_counts(["one two three four", ""]) == [6, 2]


def test_tokens_are_words_and_punctuation_marks_with_their_places() -> None:
    text = "Don't stop, naïve ☃!"
    spans = HashEmbedder().token_spans(text)
    assert [text[start:end] for start, end in spans] == [
        *("Don", "'", "t", "stop", ",", "naïve", "☃", "!")
    ]
    assert spans[3] == Span(6, 10)


def test_a_question_after_its_deadline_is_refused() -> None:
    with pytest.raises(DeadlineError):
        HashEmbedder().queries(["text"], Clock(-1.0))


def test_terms_are_weighted_by_bm25() -> None:
    (found,) = WordSparse(k1=1.5, b=0.5).documents(["Cats cats, DOGS"], average_length=2.0)
    damping = 1.5 * (1 - 0.5 + 0.5 * 3 / 2)
    expected = sorted([2 * 2.5 / (2 + damping), 1 * 2.5 / (1 + damping)])
    assert sorted(found.values) == pytest.approx(expected)
    assert found.indices == sorted(set(found.indices))


def test_equal_words_are_equal_terms_in_passages_and_questions() -> None:
    sparse = WordSparse()
    (stored,) = sparse.documents(["the cats"], 2.0)
    asked = sparse.query("Cats? the cats!")
    assert asked == SparseVector(stored.indices, [1.0, 1.0])
    assert all(0 <= index < 2**32 for index in asked.indices)


def test_extra_words_join_a_question_with_their_weights() -> None:
    sparse = WordSparse()
    weights = dict(zip(*sparse.query("cats", [("cats", 0.5), ("small dogs", 0.2)]), strict=True))
    terms = {word: sparse.query(word).indices[0] for word in ("cats", "small", "dogs")}
    assert weights == {terms["cats"]: 1.5, terms["small"]: 0.2, terms["dogs"]: 0.2}


def test_texts_without_words_have_no_terms() -> None:
    sparse = WordSparse()
    assert sparse.documents(["", "..."], 3.0) == [SparseVector([], [])] * 2
    assert sparse.query(" ?! ") == SparseVector([], [])
    assert sparse.lengths(["", "one two, two"]) == [0, 3]
    assert sparse.documents(["one"], 0.0)[0].values == pytest.approx([1.0])


def test_identities_are_json_and_tell_parameters_apart() -> None:
    for one, other in ((HashEmbedder(), HashEmbedder(32)), (WordSparse(), WordSparse(b=0.4))):
        assert json.loads(json.dumps(one.identity)) == one.identity != other.identity


def test_the_kit_is_whole_and_finds_what_it_holds() -> None:
    kit = offline_kit({"cats": "cats chase mice", "dogs": "dogs bark at night"})
    assert kit.checked() is kit
    assert kit.store.manifest.average_length == 3.5
    probes = [kit.embedder.queries(["barking dogs"], kit.clock)[0], kit.sparse.query("dogs")]
    dense, sparse = kit.store.search(probes, None, 5, kit.clock)
    assert [match.chunk.document_id for match in dense] == ["dogs", "cats"]
    assert [match.chunk.document_id for match in sparse] == ["dogs"]
    assert kit.store.chunks("cats") == [passage("cats", "cats chase mice")]


def test_the_kit_takes_chunks_as_they_are_and_fields() -> None:
    first = replace(passage("d", "first part"), heading=("One",), domain="a", meta={"year": 1})
    chunks = [first, passage("d", "second part", start=20)]
    kit = offline_kit(chunks, {"year": "int"})
    assert kit.store.chunks("d") == chunks
    assert kit.store.manifest.fields == {"year": "int"}
    assert offline_kit().store.count() == 0
    assert offline_manifest("one").identity == kit.store.manifest.identity
