"""Why a place is not in the answer to a question: one cause, and the stage that lost it.

Ranks on the way tell most of it (see `causes`). What they cannot tell is asked of the index: does
it have the document, is the place in one passage, does the filter let it through, how deep is it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eval.judgments import Judgment
from eval.losses.causes import Lost, Ranks, is_ranking, lost
from eval.losses.depth import Depth
from eval.losses.rules import rule_of
from eval.losses.way import Way, only
from eval.passages import overlap
from eval.standing import Stood
from retrieval.filters import And, Equals
from retrieval.legs import DEEPEST
from retrieval.types import Chunk


@dataclass(frozen=True)
class Fate:
    """What became of one place, in a sentence: why it is not among the first hits.

    No cause: it is. `stage` is the list in which it was lost. `depths` say how deep it lies in each
    leg, where no list has it.
    """

    stood: Stood
    cause: str | None
    stage: str
    why: str
    depths: tuple[Depth, ...] = ()


def fate(way: Way, stood: Stood) -> Fate:
    """Return what became of a place that stood so on a question's way."""
    found = lost(stood.ranks, way.limit)
    if found is None:
        return Fate(stood, None, "", f"It is hit {stood.ranks[-1][1]}.")
    if found.cause == "absent":
        return _absent(way, stood)
    if found.cause == "budget":
        why = f"It is hit {stood.ranks[-1][1]}, but the context has no room for it."
        return Fate(stood, "budget", found.stage, why)
    if found.cause == "limit":
        ranks = [rank for name, rank in stood.ranks if rank is not None and not is_ranking(name)]
        why = f"It is found, at {ranks[-1]} in the end, but never among the first {way.limit}."
        return Fate(stood, "limit", found.stage, why)
    why = _moved(stood.ranks, found.stage)
    if found.cause == "fusion":
        return Fate(stood, "fusion", found.stage, why)
    return _staged(way, stood, found, why)


def _absent(way: Way, stood: Stood) -> Fate:
    """No list has it: it is not in the index, or cut, or left out, or too deep."""
    judgment, store = stood.judgment, way.kit.store
    passages = way.passages(judgment)
    if not passages:
        near = way.near(judgment)
        if not near and not store.count(Equals("document_id", judgment.document_id)):
            why = f"Index {store.manifest.name!r} has nothing of its document."
            return Fate(stood, "not_ingested", "", why)
        return Fate(stood, "chunking", "", _cut(judgment, near))
    if not any(map(way.kept, passages)):
        why = "The benchmark leaves out the document that has the question's id (--drop-self)."
        return Fate(stood, "filter", "drop_self", why)
    place = only(judgment, passages)
    if way.filter is not None and not store.count(And((way.filter, place))):
        depths = way.deep.depths(place, None)
        by = f"The filter that {way.narrowing} set" if way.narrowing else "The question's filter"
        why = f"{by} leaves it out; without it, {spoken(depths, way.looked)}."
        return Fate(stood, "filter", way.narrowing, why, depths)
    depths = way.deep.depths(place, way.filter)
    why = f"No leg has it among its candidates: {spoken(depths, way.looked)}."
    return Fate(stood, "candidates", "", why, depths)


def _staged(way: Way, stood: Stood, found: Lost, why: str) -> Fate:
    """A stage demoted it or left it out; where that is `rules`, one of them may be the reason.

    What was left out, but never was within the limit nor would be without the rule, is lost to the
    limit: the stage took nothing from the answer.
    """
    place = next(each.state for each in way.lists if each.name == found.stage)
    rule = rule_of(way, stood.judgment, place, way.limit)
    if rule is not None:
        why += f" Without {rule.name} = {rule.value!r} it would be among the first {way.limit}."
        return Fate(stood, rule.cause, found.stage, why)
    if found.cause == "ranking":
        return Fate(stood, "ranking", found.stage, why)
    if min(rank for _, rank in stood.ranks if rank is not None) > way.limit:
        return Fate(stood, "limit", found.stage, f"{why} It never was among the first {way.limit}.")
    rule = rule_of(way, stood.judgment, place, None)
    if rule is None:
        return Fate(stood, "filter", found.stage, why)
    why += f" Without {rule.name} = {rule.value!r} it would be a hit."
    return Fate(stood, rule.cause, found.stage, why)


def _cut(judgment: Judgment, near: Sequence[Chunk]) -> str:
    span = judgment.span
    if span is None or not near:
        return "No passage of its document has any of it."
    length = span.end - span.start
    most = max(overlap(span, chunk.span) for chunk in near) / length
    return (
        f"No passage holds half of its {length} characters: they lie in {len(near)},"
        f" and the most in one is {most:.0%}."
    )


def _moved(ranks: Ranks, stage: str) -> str:
    """Return where a place stood before a list of hits, and where in it."""
    place = [name for name, _ in ranks].index(stage)
    before = [each for each in ranks[:place] if each[1] is not None]
    if is_ranking(before[-1][0]):
        before = [each for each in before if is_ranking(each[0])]
    else:
        before = before[-1:]
    shown = " and ".join(f"{rank} in {name}" for name, rank in before)
    now = ranks[place][1]
    moved = "left it out" if now is None else f"put it at {now}"
    return f"It stood at {shown}; {stage} {moved}."


def spoken(depths: Sequence[Depth], looked: Mapping[str, int]) -> str:
    """Return depths in words; `looked` says how far each leg looked."""
    return "; ".join(_words(each, looked.get(each.by)) for each in depths)


def _words(depth: Depth, looked: int | None) -> str:
    if depth.score is None:
        return f"{depth.by} has nothing in common with it"
    asked = "which the pipeline does not ask" if looked is None else f"of {looked} looked at"
    if depth.rank is None:
        return f"{depth.by} has it beyond {DEEPEST:,} ({asked})"
    if looked is not None and depth.rank <= looked:
        return f"{depth.by} passes over it, though its score would put it at {depth.rank:,}"
    return f"{depth.by} has it at {depth.rank:,} ({asked})"
