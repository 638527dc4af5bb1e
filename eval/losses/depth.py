"""How deep a place lies: its rank in each leg, further down than a pipeline looks."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from retrieval.filters import And, Filter
from retrieval.kit import Kit, Match, Probe
from retrieval.legs import DEEPEST, unranked
from retrieval.stages.dense import vectors
from retrieval.stages.sparse import terms
from retrieval.types import Search

STEPS = (1_000, DEEPEST)
"""How deep a leg is searched: most places are found in the first step, which is cheap."""


class Depth(NamedTuple):
    """A place's rank in one leg's search for one variant, from 1, and its score there.

    No rank: it is not among the first 10,000, or, without a score, has nothing in common with what
    was searched. `chunk_id` is that of its best chunk there.
    """

    by: str
    rank: int | None
    score: float | None
    chunk_id: str | None = None


class Deep:
    """One question's searches, each as deep as it has to be; a list is searched once.

    Both legs are asked for every variant, also one that the pipeline does not have.
    """

    def __init__(self, search: Search, kit: Kit) -> None:
        """Take over the variants of a search that went through a pipeline."""
        self._kit = kit
        self._probes = probes(search, kit)
        self._lists: dict[tuple[str, Filter | None, int], list[tuple[str, float]]] = {}

    def depths(self, place: Filter, filter: Filter | None) -> tuple[Depth, ...]:
        """Return how deep the best chunk of `place` lies in each search within `filter`.

        The rank is that of the chunk's exact score; an approximate search may pass over it.
        """
        own = place if filter is None else And((filter, place))
        best = self._search(list(self._probes), own, 1)
        found = {by: _unranked(by, its) for by, its in best.items()}
        open = [by for by in self._probes if found[by].chunk_id]
        for limit in STEPS:
            lists = self._within(open, filter, limit)
            for by, its in lists.items():
                rank = _rank(its, found[by], limit)
                found[by] = found[by]._replace(rank=rank)
            open = [by for by in open if found[by].rank is None]
        return tuple(found[by] for by in self._probes)

    def _within(
        self, asked: Sequence[str], filter: Filter | None, limit: int
    ) -> dict[str, list[tuple[str, float]]]:
        new = [by for by in asked if (by, filter, limit) not in self._lists]
        for by, its in self._search(new, filter, limit).items():
            self._lists[by, filter, limit] = [(each.chunk.id, each.score) for each in its]
        return {by: self._lists[by, filter, limit] for by in asked}

    def _search(
        self, asked: Sequence[str], filter: Filter | None, limit: int
    ) -> Mapping[str, list[Match]]:
        if not asked:
            return {}
        wanted = [self._probes[by] for by in asked]
        found = self._kit.store.search(wanted, filter, limit, self._kit.clock)
        return dict(zip(asked, found, strict=True))


def probes(search: Search, kit: Kit) -> dict[str, Probe]:
    """Return what each leg searches each variant by, under the name of its ranking."""
    bare = replace(search, rankings=())
    dense, sparse = unranked(bare, "dense"), unranked(bare, "sparse")
    found: dict[str, Probe] = dict(zip(dense, vectors(list(dense.values()), kit), strict=True))
    return found | {by: terms(each, kit) for by, each in sparse.items()}


def _unranked(by: str, best: Sequence[Match]) -> Depth:
    """Return the best chunk of a place in a leg, its rank not known yet."""
    if not best:
        return Depth(by, None, None)
    return Depth(by, None, best[0].score, best[0].chunk.id)


def _rank(found: Sequence[tuple[str, float]], own: Depth, limit: int) -> int | None:
    """Return the rank of a chunk in a list, or the one that it would have; None: further down."""
    score = own.score or 0.0
    for rank, (id, _) in enumerate(found, 1):
        if id == own.chunk_id:
            return rank
    if len(found) == limit and found[-1][1] >= score:
        return None
    return 1 + sum(each > score for _, each in found)
