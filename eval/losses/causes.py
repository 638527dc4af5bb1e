"""Why a judged place is not in the answer, as far as its ranks on the way there tell."""

from collections.abc import Sequence
from typing import NamedTuple

from eval.standing import ANSWER, CONTEXT

CAUSES = {
    "not_ingested": "not in the index",
    "chunking": "cut apart by chunking",
    "filter": "filtered or routed away",
    "candidates": "in no leg's candidates",
    "fusion": "lost in fusion",
    "ranking": "demoted by a later stage",
    "duplicate": "left out as a duplicate",
    "limit": "found, but never near the top",
    "budget": "beyond the token budget",
}
"""Every cause by its name, in the order of the way from the documents to the answer."""

ADVICE = {
    "not_ingested": "Ingest it: nothing else finds what is not there.",
    "chunking": "Cut the document otherwise, larger or with an overlap; `assay bench chunking`"
    " compares chunkers.",
    "filter": "Check the filter, the route or the rule that leaves it out.",
    "candidates": "A deeper leg alone does not bring it among the first hits; other words for the"
    " question (expand, hyde), another encoder, or a reranker behind deeper legs might.",
}
"""What helps where no change of the pipeline that was tried brings anything back."""
NO_ADVICE = "No single change that was tried does."

Ranks = Sequence[tuple[str, int | None]]
"""A place's rank in each list, as `eval.standing` has it: in the pipeline's order."""


class Lost(NamedTuple):
    """Why a place is not among the first hits, and the list in which it was lost.

    Of `CAUSES` but for two that ranks alone cannot tell apart: `absent` (in no list at all) may be
    `not_ingested`, `chunking`, `filter` or `candidates`; `removed` (a stage left it out) may be a
    `duplicate`, `filter`, or `limit` where it stood too low anyway.
    """

    cause: str
    stage: str


def lost(ranks: Ranks, limit: int) -> Lost | None:
    """Return why a place is not among the first `limit` hits, or None where it is.

    Exactly one cause. Where it was within the limit in some list, it was lost in the first list of
    hits after the last one of these: `removed` if it is not in that any more; else `fusion` after a
    leg's ranking, and `ranking` after another stage. Where it never was within the limit, it is
    lost to the `limit`, if the last stage has it still, and else `removed` by the stage that has
    it no more. A leg loses nothing. Where the pipeline makes a context, what is among the first
    hits and not in that is lost to the `budget`.
    """
    answer = ranks[-1][1]
    if answer is not None and answer <= limit:
        contexts = [rank for name, rank in ranks if is_context(name)]
        return Lost("budget", CONTEXT) if contexts and contexts[-1] is None else None
    way = [(name, rank) for name, rank in ranks if not is_context(name)]
    seen = [i for i, (_, rank) in enumerate(way) if rank is not None]
    if not seen:
        return Lost("absent", "")
    near = [i for i in seen if (way[i][1] or 0) <= limit]
    last = near[-1] if near else seen[-1]
    after = [each for each in way[last + 1 :] if not is_ranking(each[0])]
    name, rank = after[0] if after else way[-1]
    if name == ANSWER:
        return Lost("limit", ANSWER)
    if rank is None:
        return Lost("removed", name)
    return Lost("fusion" if is_ranking(way[last][0]) else "ranking", name)


def is_ranking(name: str) -> bool:
    """Return whether a list is a leg's ranking: it is named after the leg and the variant."""
    return ":" in name


def is_context(name: str) -> bool:
    """Return whether a list is the context."""
    return name.partition(" (")[0] == CONTEXT
