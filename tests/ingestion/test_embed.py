from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from ingestion import embed
from ingestion.embed import Embedding
from ingestion.ledger import Entry
from ingestion.prepare import Batch, Prepared
from retrieval.kit import Vectors
from retrieval.offline import HashEmbedder


@dataclass(frozen=True)
class Seen(HashEmbedder):
    calls: list[list[str]] = field(default_factory=list)

    def passages(self, texts: Sequence[str]) -> Vectors:
        self.calls.append(list(texts))
        return super().passages(texts)


def batch(*documents: tuple[str, list[str]]) -> Batch:
    """A batch of documents: a title, and the texts to embed."""
    prepared = [
        Prepared(Entry(f"d{i}"), None, None, {}, [], texts, texts, title)
        for i, (title, texts) in enumerate(documents)
    ]
    return Batch(prepared, chunks=sum(len(each.embedded) for each in prepared))


def test_chunks_and_distinct_titles_are_embedded_together_and_a_title_once() -> None:
    seen, done = Seen(), []
    embedding = Embedding(seen, done.append)
    given = batch(("Cats", ["a", "b"]), ("", ["c"]), ("Cats", ["d"]), ("  ", ["e"]))
    found = embedding.of(given)
    assert seen.calls == [["a", "b", "c", "d", "e", "Cats"]]
    np.testing.assert_array_equal(found.chunks, HashEmbedder().passages(list("abcde")))
    assert list(found.titles) == ["Cats"]
    np.testing.assert_array_equal(found.titles["Cats"], HashEmbedder().passages(["Cats"])[0])
    again = embedding.of(batch(("Cats", ["f"]), ("Dogs", ["g"])))
    assert seen.calls[1:] == [["f", "g", "Dogs"]]
    assert list(again.titles) == ["Cats", "Dogs"]
    assert done == [5, 2]


def test_a_large_batch_is_embedded_in_parts_and_titles_are_no_progress(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(embed, "BATCH_CHUNKS", 2)
    seen, done = Seen(), []
    found = Embedding(seen, done.append).of(batch(("T", ["a", "b", "c"]), ("U", ["d", "e"])))
    assert [len(call) for call in seen.calls] == [2, 2, 2, 1]
    assert done == [2, 2, 1, 0]
    assert (found.chunks.shape[0], list(found.titles)) == (5, ["T", "U"])


def test_nothing_to_embed_is_an_empty_array_and_old_titles_are_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(embed, "KEPT_TITLES", 1)
    seen = Seen()
    embedding = Embedding(seen, lambda _: None)
    assert embedding.of(Batch()).chunks.shape == (0, 64)
    assert seen.calls == []
    embedding.of(batch(("T", ["a"]), ("U", ["b"])))
    embedding.of(batch(("T", ["c"]), ("U", ["d"])))
    assert seen.calls[1] == ["c", "d", "T"]
