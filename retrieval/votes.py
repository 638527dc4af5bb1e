"""A vote of the first hits: a question belongs where the passages come from that look like it.

It needs no training, and follows the index: a new domain votes as soon as it is ingested.
"""

from collections.abc import Sequence

from retrieval.types import Domain, Hit


def elected(hits: Sequence[Hit], voters: int) -> tuple[Domain, ...]:
    """Return the domains of the first `voters` hits with their shares of the vote, most first.

    A hit has 1 / rank votes, the first rank is 1; ties stand by name. One without a domain votes
    for none: the shares sum to less than 1.

    Source: Si and Callan 2003, SIGIR (ReDDE): what a search over a sample of all collections finds
    tells how much each of them holds; Shokouhi 2007, ECIR (CRCS): weighed by rank.
    Differs: the sample is the index itself, so that nothing is scaled; 1 / rank.
    """
    votes: dict[str, float] = {}
    whole = 0.0
    for rank, hit in enumerate(hits[:voters], 1):
        whole += 1 / rank
        if hit.chunk.domain is not None:
            votes[hit.chunk.domain] = votes.get(hit.chunk.domain, 0.0) + 1 / rank
    ranked = sorted(votes.items(), key=lambda each: (-each[1], each[0]))
    return tuple(Domain(name, count / whole) for name, count in ranked)
