"""Diversity: hits in an order in which each says something that those before it do not."""

from collections.abc import Sequence

import numpy as np

from retrieval.kit import Kit
from retrieval.types import Hit

DEEPEST = 200
"""How many first hits are compared with each other; those behind count as wholly similar."""


def diversified(hits: Sequence[Hit], trade: float, by: str, kit: Kit) -> list[Hit]:
    """Return ordered hits in the order of maximal marginal relevance, with its value as score.

    `trade` is lambda in [0, 1]: 1 is relevance alone. Values never rise from hit to hit, as a hit
    can only become more similar to those taken; ties go by chunk id. A hit without a vector in the
    store is similar to nothing.

    Source: Carbonell and Goldstein 1998, SIGIR, section 2.
    """
    if not hits:
        return []
    low, high = hits[-1].score, hits[0].score
    scale = high - low
    relevance = [(hit.score - low) / scale if scale > 0 else 1.0 for hit in hits]
    near = list(hits[:DEEPEST])
    vectors = _vectors(near, kit)
    closest = np.zeros(len(near))
    left = list(range(len(near)))
    found = []
    while left:
        value = {i: trade * relevance[i] - (1 - trade) * float(closest[i]) for i in left}
        best = min(left, key=lambda i: (-value[i], near[i].chunk.id))
        left.remove(best)
        found.append(near[best].scored(by, value[best]))
        closest = np.maximum(closest, np.clip(vectors @ vectors[best], 0.0, 1.0))
    rest = zip(hits[DEEPEST:], relevance[DEEPEST:], strict=True)
    return found + [hit.scored(by, trade * value - (1 - trade)) for hit, value in rest]


def _vectors(hits: Sequence[Hit], kit: Kit) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    known = kit.store.vectors([hit.chunk.id for hit in hits], kit.clock)
    nothing = np.zeros(kit.embedder.dimension, dtype=np.float32)
    return np.stack([known.get(hit.chunk.id, nothing) for hit in hits])
