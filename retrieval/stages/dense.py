"""Dense retrieval: the chunks whose vectors are nearest to the question's."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from retrieval.kit import Kit, Vectors
from retrieval.legs import Asked, checked_depth, depth_of, retrieve, unranked
from retrieval.types import Search, Variant

ADDED = 64
"""Tokens that an encoder puts around a text, and the words of its prompt: rarely more."""


@dataclass(frozen=True)
class Dense:
    """One ranking for each variant, by cosine similarity, at most `limit` chunks deep.

    A hypothetical variant is embedded as a passage, every other one as a query; a variant with a
    vector of its own is searched by that. A search that asks for more than `limit` gets more.

    Source: Karpukhin et al. 2020, arXiv 2004.04906, section 3 (dual encoder).
    Differs: vectors have unit length, so that the inner product is the cosine.
    """

    limit: int = 100
    reads: ClassVar[tuple[str, ...]] = ("variants",)
    writes: ClassVar[tuple[str, ...]] = ("rankings",)
    optional: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Check the depth."""
        checked_depth("dense", self.limit)

    def __call__(self, search: Search, kit: Kit) -> Search:
        """Embed the variants that have no dense ranking yet, and search them in one call."""
        asked = unranked(search, "dense")
        if not asked:
            return search
        start = time.perf_counter()
        found = vectors(list(asked.values()), kit)
        search = search.spent(encode_ms=(time.perf_counter() - start) * 1000)
        search = search.noted(*_cut(list(asked.values()), kit))
        return retrieve(search, kit, Asked(asked, list(found), depth_of(self.limit, search)))


def vectors(variants: Sequence[Variant], kit: Kit) -> Vectors:
    """Return the variants' vectors in order: questions in one batch, passages in another."""
    out = np.empty((len(variants), kit.embedder.dimension), dtype=np.float32)
    questions: list[int] = []
    passages: list[int] = []
    for i, variant in enumerate(variants):
        if variant.vector is not None:
            out[i] = variant.vector
        else:
            (passages if variant.kind == "hypothetical" else questions).append(i)
    if questions:
        out[questions] = kit.queries([variants[i].text for i in questions])
    if passages:
        out[passages] = kit.embedder.passages([variants[i].text for i in passages], kit.clock)
    return out


def _cut(variants: Sequence[Variant], kit: Kit) -> list[str]:
    """Say what the encoder did not read. Few need a count: a token has at least a byte."""
    limit = kit.embedder.limit
    texts = [each.text for each in variants if each.vector is None]
    long = [text for text in texts if len(text.encode("utf-8", "replace")) + ADDED >= limit]
    return [
        f"the encoder reads {limit} of about {count} tokens"
        for count in (kit.embedder.token_counts(long) if long else [])
        if count > limit
    ]
