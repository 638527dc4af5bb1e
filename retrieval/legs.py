"""What the retrievers share: which variants a leg has to search, and how its rankings look."""

import time
from collections.abc import Sequence
from dataclasses import replace

from retrieval.errors import ConfigError
from retrieval.kit import Kit, Probe
from retrieval.types import Hit, Ranking, Score, Search, Variant, labels

DEEPEST = 10_000


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


def retrieve(search: Search, kit: Kit, probes: Sequence[Probe], limit: int) -> Search:
    """Return the search with a ranking for each probe, all asked of the store in one call.

    The probes are those of `unranked`, in its order, told apart by their type. A search that asks
    for more than `limit` hits gets more.
    """
    leg = "sparse" if isinstance(probes[0], tuple) else "dense"
    asked = unranked(search, leg)
    depth = max(limit, search.limit)
    start = time.perf_counter()
    found = kit.store.search(probes, search.filter, depth, kit.clock)
    store_ms = (time.perf_counter() - start) * 1000
    rankings = tuple(
        Ranking(by, tuple(Hit(each.chunk, (Score(by, each.score),)) for each in matches), v.weight)
        for (by, v), matches in zip(asked.items(), found, strict=True)
    )
    undeclared = kit.store.manifest.undeclared(search.filter)
    if undeclared:
        search = search.noted(f"exact: no index for field {', '.join(undeclared)}")
    search = search.spent(store_ms=store_ms)
    return replace(search, rankings=search.rankings + rankings)


def checked_depth(stage: str, limit: int) -> None:
    """Check a retriever's depth. Raises: ConfigError."""
    if not 1 <= limit <= DEEPEST:
        raise ConfigError(f"{stage}.limit: 1 to {DEEPEST}, got {limit}.")
