"""Tokens of the default model: counts, cuts, and spans that stay within the text."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from retrieval.adapters.embedder_batches import Item, Padding, packed, unit
from retrieval.adapters.embedder_model import Digests, find_model
from retrieval.adapters.embedder_tokens import Tokens
from retrieval.errors import ProviderError
from retrieval.settings import DEFAULT_ENCODER

LIMIT = 16


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Tokens:
    record = tmp_path_factory.mktemp("digests") / "digests.json"
    folder: Path = find_model(DEFAULT_ENCODER, Digests(record)).folder
    return Tokens(Tokenizer.from_file(str(folder / "tokenizer.json")), LIMIT)


def test_ids_are_cut_at_the_limit_and_counts_are_not(tokens: Tokens) -> None:
    texts = ["cats", "", "cats " * 100]
    assert tokens.ids(["cats"]) == [[101, 8870, 102]]
    assert [len(ids) for ids in tokens.ids(texts)] == [3, 2, LIMIT]
    assert tokens.ids(texts)[2][-1] == 102
    assert tokens.counts(texts) == [3, 2, 102]


def test_spans_are_those_of_words_and_their_parts(tokens: Tokens) -> None:
    text = "Naïve  embeddings, 東京"
    assert [text[start:end] for start, end in tokens.spans(text)] == [
        "Naïve", "em", "bed", "ding", "s", ",", "東", "京",
    ]  # fmt: skip


@given(st.text(max_size=300))
def test_spans_lie_in_the_text_and_never_go_back(tokens: Tokens, text: str) -> None:
    spans = tokens.spans(text)
    assert all(0 <= start <= end <= len(text) for start, end in spans)
    assert spans == sorted(spans)
    assert [span.end for span in spans] == sorted(span.end for span in spans)
    assert tokens.counts([text]) == [len(spans) + 2]


def test_a_megabyte_and_half_a_surrogate_pair_are_texts_too(tokens: Tokens) -> None:
    long = "Cats sleep. " * 90_000
    assert tokens.counts([long, long, "cats"]) == [270_002, 270_002, 3]
    assert [len(ids) for ids in tokens.ids([long, "\ud800", long])] == [LIMIT, 3, LIMIT]
    assert tokens.spans(long)[-1] == (len(long) - 2, len(long) - 1)
    assert tokens.spans("a\ud800b") == [(0, 1), (1, 2), (2, 3)]


def test_batches_hold_like_lengths_within_the_budget() -> None:
    lengths = [3, 100, 40, 9, 38, 600, 8]
    assert packed(lengths, 104) == [[5], [1], [2, 4], [3, 6, 0]]
    assert packed([], 100) == []


@given(st.lists(st.integers(1, 300), max_size=80), st.integers(1, 512))
def test_every_text_is_in_one_batch_of_bounded_size(lengths: list[int], budget: int) -> None:
    batches = packed(lengths, budget)
    assert sorted(place for batch in batches for place in batch) == list(range(len(lengths)))
    for batch in batches:
        width = -(-max(lengths[place] for place in batch) // 8) * 8
        assert len(batch) == 1 or len(batch) * width <= budget


def test_short_texts_are_padded_on_the_side_and_to_the_step_that_are_asked_for() -> None:
    items = [Item("a", [5, 6, 7]), Item("b", [8])]
    right = Padding(("input_ids", "attention_mask", "token_type_ids"), 9, pad_left=False)
    arrays = right.arrays(items, step=4)
    assert arrays["input_ids"].tolist() == [[5, 6, 7, 9], [8, 9, 9, 9]]
    assert arrays["attention_mask"].tolist() == [[1, 1, 1, 0], [1, 0, 0, 0]]
    assert arrays["token_type_ids"].tolist() == [[0] * 4] * 2
    left = Padding(("input_ids",), 9, pad_left=True).arrays(items)
    assert {name: array.tolist() for name, array in left.items()} == {
        "input_ids": [[5, 6, 7], [9, 9, 8]]
    }


def test_rows_get_unit_length_and_zeros_the_first_axis() -> None:
    found = unit(np.array([[3, 4], [0, 0], [1e-30, 0]], dtype=np.float32), "a model")
    assert found.tolist() == [[pytest.approx(0.6), pytest.approx(0.8)], [1.0, 0.0], [1.0, 0.0]]
    assert unit(np.empty((0, 2), dtype=np.float32), "a model").shape == (0, 2)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_row_that_is_not_finite_is_an_error_that_names_the_model(bad: float) -> None:
    with pytest.raises(ProviderError, match="a model"):
        unit(np.array([[1.0, bad]], dtype=np.float32), "a model")


def test_the_own_tokens_of_a_text_are_neither_special_nor_of_the_prompt(tokens: Tokens) -> None:
    assert tokens.own("cats", "") == [1]
    assert tokens.own("cats", "the query: ") == [4]
    assert tokens.own("", "the query: ") == tokens.own("", "") == []
    assert tokens.own("cats " * 100, "") == list(range(1, LIMIT - 1))


def test_what_fills_up_is_taken_off_on_its_side() -> None:
    items = [Item("a", [5, 6, 7]), Item("b", [8])]
    rows = np.arange(8.0, dtype=np.float32).reshape(2, 4, 1)
    for left, expected in ((False, [[0, 1, 2], [4]]), (True, [[1, 2, 3], [7]])):
        found = Padding(("input_ids",), 9, left).taken_off(rows, items)
        assert [each[:, 0].tolist() for each in found] == expected
