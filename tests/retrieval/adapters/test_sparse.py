"""BM25 terms: what counts as one, their weights by hand, and the same scores as rank_bm25."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rank_bm25 import BM25Okapi

from retrieval.adapters.sparse import Bm25Sparse
from retrieval.errors import ConfigError
from retrieval.kit import SparseVector

SPARSE = Bm25Sparse()
TEXTS = (
    "Cats sleep up to sixteen hours a day, most of all on warm window sills.",
    "A grown cat eats two small meals a day; milk upsets its stomach.",
    "The cat sleeps, the cat eats, and the cat sleeps again.",
    "Trains run on rails; the fastest train reached 574 kilometres an hour.",
    "Bread dough is kneaded until it is smooth, then it sleeps.",
    "Warm bread, warm milk and a warm oven.",
)


def term(word: str) -> int:
    (found,) = SPARSE.query(word).indices
    return found


def weights(vector: SparseVector) -> dict[int, float]:
    return dict(zip(vector.indices, vector.values, strict=True))


def test_a_weight_is_saturated_and_normalised_by_length() -> None:
    (found,) = SPARSE.documents(["The cat and the cats of a train"], average_length=6.0)
    damping = 1.2 * (1 - 0.75 + 0.75 * 3 / 6)
    assert weights(found) == pytest.approx(
        {term("cat"): 2 * 2.2 / (2 + damping), term("train"): 1 * 2.2 / (1 + damping)}
    )


def test_lengths_are_those_that_the_weights_are_normalised_by() -> None:
    lengths = SPARSE.lengths(TEXTS)
    for length, found in zip(lengths, SPARSE.documents(TEXTS, average_length=7.0), strict=True):
        damping = 1.2 * (1 - 0.75 + 0.75 * length / 7)
        counts = [weight * damping / (2.2 - weight) for weight in found.values]
        assert counts == pytest.approx([round(count) for count in counts], abs=1e-4)
        assert sum(counts) == pytest.approx(length, abs=1e-3)


def test_lengths_count_repeats_and_no_stop_words() -> None:
    assert SPARSE.lengths(["", "the of", "cat cat dog", "cat " * 70_000]) == [0, 0, 3, 70_000]


def test_scores_are_those_of_rank_bm25_with_the_idf_of_the_engine() -> None:
    lengths = SPARSE.lengths(TEXTS)
    found = SPARSE.documents(TEXTS, sum(lengths) / len(lengths))
    # Term ids serve as tokens: each is repeated as often as its term stands in the text.
    uniform = Bm25Sparse(k1=1e6, b=0.0).documents(TEXTS, 1.0)
    tokens = [
        [index for index, value in weights(each).items() for _ in range(round(value))]
        for each in uniform
    ]
    assert list(map(len, tokens)) == lengths
    reference = BM25Okapi(tokens, k1=SPARSE.k1, b=SPARSE.b)
    for index in reference.idf:
        df = sum(index in each for each in tokens)
        reference.idf[index] = math.log(1 + (len(TEXTS) - df + 0.5) / (df + 0.5))
    for question in ("sleeping cats", "warm milk and bread for the cat", "a train on rails"):
        query = SPARSE.query(question)
        scores = [
            sum(weights(each).get(index, 0.0) * reference.idf.get(index, 0.0) for index in query[0])
            for each in found
        ]
        expected = reference.get_scores(query.indices)
        assert scores == pytest.approx(list(expected), rel=1e-4)
        assert max(scores) > 0


def test_extra_words_are_cut_as_a_question_is_and_add_up() -> None:
    found = SPARSE.query("cats", [("Cat", 0.5), ("trains cats", 0.25), ("the", 9.0), ("dog", 0.0)])
    assert weights(found) == {term("cat"): 1.75, term("train"): 0.25}


def test_a_repeated_word_of_a_question_counts_once() -> None:
    assert SPARSE.query("cat cats cat").values == [1.0]


@pytest.mark.parametrize("text", ["", "   \n", "the and of", "...!?"])
def test_a_text_without_a_term_gives_an_empty_vector(text: str) -> None:
    assert SPARSE.query(text) == SparseVector([], [])
    assert SPARSE.documents([text], 3.0) == [SparseVector([], [])]


@given(st.lists(st.text(max_size=200), max_size=5))
def test_any_text_gives_unique_ascending_terms_and_positive_weights(texts: list[str]) -> None:
    found = [*SPARSE.documents(texts, 5.0), *map(SPARSE.query, texts)]
    for indices, values in found:
        assert indices == sorted(set(indices))
        assert len(indices) == len(values)
        assert all(0 < value < 2.2 for value in values)


def test_half_a_surrogate_pair_stops_nothing() -> None:
    assert SPARSE.lengths(["cat \ud800 dog"]) == [2]


def test_an_average_length_of_nothing_counts_as_one() -> None:
    assert SPARSE.documents(TEXTS, 0.0) == SPARSE.documents(TEXTS, 1.0)


def test_the_identity_names_tokenizer_language_and_parameters() -> None:
    assert SPARSE.identity == {
        "name": "qdrant/bm25",
        "tokenizer": "word",
        "language": "english",
        "k1": 1.2,
        "b": 0.75,
    }


@pytest.mark.parametrize("bad", [{"language": "klingon"}, {"b": 1.5}, {"k1": -1.0}])
def test_parameters_that_cannot_be_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="BM25"):
        Bm25Sparse(**bad)  # type: ignore[arg-type]
