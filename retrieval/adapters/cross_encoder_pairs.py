"""A question and a passage as one row of tokens."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from retrieval.adapters.embedder_batches import Item, Padding
from retrieval.adapters.embedder_tokens import encodable


class Pair(Item):
    """The tokens of a pair; `types` says of each which of the two it belongs to."""

    types: list[int]

    @classmethod
    def of(cls, ids: list[int], types: list[int]) -> "Pair":
        """Return a pair of these tokens."""
        pair = cls("", ids)
        pair.types = types
        return pair


class PairPadding(Padding):
    """The arrays a cross-encoder asks for."""

    def arrays(self, items: Sequence[Item], step: int = 1) -> dict[str, NDArray[np.int64]]:
        """Return arrays of shape (pairs, longest, rounded up to `step`), by input name."""
        found = super().arrays(items, step)
        types = found.get("token_type_ids")
        if types is not None:
            for row, item in enumerate(items):
                if isinstance(item, Pair):
                    length = len(item.types)
                    where = slice(-length, None) if self.pad_left else slice(length)
                    types[row, where] = item.types
        return found


class PairTokens:
    """A model's tokenizer, which cuts the longer of the two texts first."""

    def __init__(self, tokenizer: Tokenizer, limit: int) -> None:
        """Take a copy of a tokenizer. `limit` includes special tokens."""
        self._tokenizer = Tokenizer.from_str(tokenizer.to_str())
        self._tokenizer.no_padding()
        direction = (self._tokenizer.truncation or {}).get("direction", "right")
        self._tokenizer.enable_truncation(limit, strategy="longest_first", direction=direction)

    def pairs(self, query: str, passages: Sequence[str]) -> list[Pair]:
        """Return the tokens of the question with each passage, in order."""
        asked = encodable(query)
        texts = [(asked, encodable(each)) for each in passages]
        found = self._tokenizer.encode_batch_fast(texts)
        return [Pair.of(each.ids, each.type_ids) for each in found]
