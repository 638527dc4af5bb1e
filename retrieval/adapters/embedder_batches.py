"""What goes through a model at a time: texts of like length, bounded in padded tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from retrieval.errors import ProviderError
from retrieval.kit import Vectors

Kind = Literal["query", "passage"]
LEAST_COSINE = 0.999
"""What a runtime must agree with torch by to be used unasked."""
OUTPUTS = ("vector", "tokens")
"""What a converted encoder gives: a row a text, and a row a token; a cross-encoder the first."""
LENGTH_STEP = 8
"""Passages are padded to a multiple: each new shape costs the engines some milliseconds."""


class Item(NamedTuple):
    """A text without its prompt, and the token ids with it."""

    text: str
    ids: list[int]


class Runtime(Protocol):
    """A loaded model: batches to vectors, not yet of unit length. Safe to call from threads."""

    @property
    def streams(self) -> int:
        """How many passage batches run best at the same time."""

    @property
    def batch_tokens(self) -> int:
        """How many padded tokens a batch should have."""

    def run(self, items: Sequence[Item], kind: Kind) -> NDArray[np.float32]:
        """Return one row an item, in order. Raises: ProviderError."""

    def tokens(self, items: Sequence[Item], kind: Kind) -> list[NDArray[np.float32]]:
        """Return for each item one row a token, special ones included. Raises: ProviderError."""

    def describe(self) -> dict[str, Any]:
        """Return what runs the model: backend, precision of passages, threads."""


@dataclass(frozen=True)
class Padding:
    """The arrays a model asks for, and how it wants short texts filled up."""

    inputs: tuple[str, ...]
    pad_id: int
    pad_left: bool

    def arrays(self, items: Sequence[Item], step: int = 1) -> dict[str, NDArray[np.int64]]:
        """Return arrays of shape (items, longest, rounded up to `step`), by input name."""
        longest = -(-max(len(item.ids) for item in items) // step) * step
        ids = np.full((len(items), longest), self.pad_id, dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, item in enumerate(items):
            length = len(item.ids)
            where = slice(longest - length, None) if self.pad_left else slice(length)
            ids[row, where] = item.ids
            mask[row, where] = 1
        given = {"input_ids": ids, "attention_mask": mask}
        return {name: given.get(name, np.zeros_like(ids)) for name in self.inputs}

    def taken_off(
        self, rows: NDArray[np.float32], items: Sequence[Item]
    ) -> list[NDArray[np.float32]]:
        """Return the rows of each item's own tokens, from an array (items, longest, dimension)."""
        longest = rows.shape[1]
        starts = [longest - len(item.ids) if self.pad_left else 0 for item in items]
        return [
            each[start : start + len(item.ids)]
            for each, start, item in zip(rows, starts, items, strict=True)
        ]


def packed(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Return the positions of texts in batches, the longest first, equal ones in order.

    A batch has at most `budget` tokens after padding, or a single text.
    """
    batches: list[list[int]] = []
    width = 0
    for position in sorted(range(len(lengths)), key=lambda each: -lengths[each]):
        if not batches or width * (len(batches[-1]) + 1) > budget:
            batches.append([])
            width = -(-lengths[position] // LENGTH_STEP) * LENGTH_STEP
        batches[-1].append(position)
    return batches


def unit(vectors: NDArray[np.float32], what: str) -> Vectors:
    """Return rows scaled to unit length, as float32; a row of zeros becomes the first axis.

    Raises: ProviderError that names the model where a row is not finite.
    """
    rows = np.array(vectors, dtype=np.float64)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    if not np.isfinite(norms).all():
        raise ProviderError(f"{what} gave a vector that is not finite.")
    rows[norms[:, 0] == 0.0, :1] = 1.0
    return np.asarray(rows / np.where(norms, norms, 1.0), dtype=np.float32)
