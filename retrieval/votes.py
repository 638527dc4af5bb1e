"""A vote of the first hits: a question belongs where the passages come from that look like it.

It needs no training, and follows the index: a new domain votes as soon as it is ingested.
"""

from collections.abc import Sequence

from retrieval.types import Domain, Hit

FLOOR = 0.01
"""What a domain without a vote counts, so that a router can still speak for it."""
CERTAINTY = 0.5
"""The power of a router's probabilities beside the votes: measured on a union of five sets."""


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


def pooled(votes: Sequence[Domain], routed: Sequence[Domain]) -> tuple[Domain, ...]:
    """Return the votes and a router's probabilities as one: their product, most first.

    A router counts half (its probability has the power 1/2); of a domain that it does not know it
    says what it would of any. The votes for no domain stay so. Without one of the two, the other.

    Source: logarithmic opinion pool, Genest and Zidek 1986, Statistical Science 1(1), section 3.
    Differs: the powers do not sum to 1, since each has looked at something else.
    """
    if not votes or not routed:
        return tuple(votes or routed)
    said = {each.name: each.probability for each in routed}
    cast = {each.name: each.probability for each in votes}
    names = sorted(said | cast)
    products = [
        (cast.get(name, 0.0) + FLOOR) * (said.get(name, 1 / len(said)) ** CERTAINTY)
        for name in names
    ]
    scale = sum(cast.values()) / sum(products)
    found = [Domain(name, value * scale) for name, value in zip(names, products, strict=True)]
    return tuple(sorted(found, key=lambda each: (-each.probability, each.name)))
