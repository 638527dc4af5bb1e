"""What the retrievers share: which variants a leg has to search, and how its rankings look."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol, runtime_checkable

from retrieval.errors import ConfigError
from retrieval.kit import Kit, Match, Probe
from retrieval.types import Hit, Ranking, Score, Search, Variant, labels

DEEPEST = 10_000


class Asked(NamedTuple):
    """What a leg asks the store: variants by the names of their rankings, a probe for each."""

    variants: dict[str, Variant]
    probes: list[Probe]
    depth: int


@runtime_checkable
class Ahead(Protocol):
    """A leg that can tell what it will ask before its turn, at next to no cost."""

    def asks(self, search: Search, kit: Kit) -> Asked:
        """Return what it asks for a search that has no ranking of this leg from between."""


def unranked(search: Search, leg: str) -> dict[str, Variant]:
    """Return the variants without a ranking of this leg, by the name that the ranking will have.

    The sparse leg leaves out a hypothetical variant without terms: it would see nothing of it.
    """
    done = {ranking.by for ranking in search.rankings}
    named = zip(labels(search.variants), search.variants, strict=True)
    return {
        f"{leg}:{label}": each
        for label, each in named
        if f"{leg}:{label}" not in done
        and (leg != "sparse" or each.kind != "hypothetical" or each.terms)
    }


def retrieve(search: Search, kit: Kit, asked: Asked) -> Search:
    """Return the search with a ranking for each probe, all asked of the store in one call.

    A sparse leg right behind a dense one, as deep, is asked in the same call: both see the same
    moment of the index. Its own turn then takes what was found (`found_ahead`).
    """
    beside = _beside(search, kit, asked)
    probes = asked.probes + (beside.probes if beside else [])
    start = time.perf_counter()
    found = kit.search(probes, search.filter, asked.depth)
    search = search.spent(store_ms=(time.perf_counter() - start) * 1000)
    if beside:
        kit.memory.keep(search.variants, (beside, found[len(asked.probes) :]))
    return _ranked(search, kit, asked, found[: len(asked.probes)])


def _beside(search: Search, kit: Kit, asked: Asked) -> Asked | None:
    """What the next leg asks, if it can be asked in the same call."""
    if not isinstance(kit.next, Ahead):
        return None
    found = kit.next.asks(search, kit)
    same = found.depth == asked.depth and not found.variants.keys() & asked.variants.keys()
    return found if found.probes and same else None


def found_ahead(search: Search, kit: Kit) -> Search | None:
    """Return the search with what the leg before has found for this one too, or None.

    The time at the store is in the step of that leg.
    """
    kept = kit.memory.kept(search.variants)
    return None if kept is None else _ranked(search, kit, *kept)


def _ranked(search: Search, kit: Kit, asked: Asked, found: Sequence[Sequence[Match]]) -> Search:
    rankings = tuple(
        Ranking(by, tuple(Hit(each.chunk, (Score(by, each.score),)) for each in matches), v.weight)
        for (by, v), matches in zip(asked.variants.items(), found, strict=True)
    )
    undeclared = kit.store.manifest.undeclared(search.filter)
    if undeclared:
        search = search.noted(f"exact: no index for field {', '.join(undeclared)}")
    return replace(search, rankings=search.rankings + rankings)


def depth_of(limit: int, search: Search) -> int:
    """Return how deep a leg searches: a search that asks for more hits than its limit gets more."""
    return max(limit, search.limit)


def checked_depth(stage: str, limit: int) -> None:
    """Check a retriever's depth. Raises: ConfigError."""
    if not 1 <= limit <= DEEPEST:
        raise ConfigError(f"{stage}.limit: 1 to {DEEPEST}, got {limit}.")
