"""Changes of a pipeline that may bring lost places back; each is tried, none is only guessed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import NamedTuple

from eval.losses.rules import rules_on, without
from eval.losses.way import shared
from eval.losses.why import Fate
from retrieval.errors import ConfigError
from retrieval.inside import asks_model
from retrieval.legs import DEEPEST
from retrieval.pipeline import Pipeline, Stage, stage_name
from retrieval.stages.dense import Dense
from retrieval.stages.fuse import Fuse
from retrieval.stages.pack import Pack
from retrieval.stages.rerank import Rerank
from retrieval.stages.rules import Rules
from retrieval.stages.self_query import SelfQuery
from retrieval.stages.sparse import Sparse

ROUND = (200, 300, 500, 1_000, 2_000, 5_000, DEEPEST)
"""How deep a leg is tried."""
LEGS: Mapping[str, type[Dense] | type[Sparse]] = {"dense": Dense, "sparse": Sparse}
Stages = tuple[Stage, ...]


class Tried(NamedTuple):
    """A change in words, the stages that come of it (None: refused), how many hits are looked at.

    `reaches`: how many places that no leg had would be candidates.
    """

    what: str
    stages: Stages | None
    limit: int
    reaches: int = 0


Proposals = Iterator[Tried]


@dataclass(frozen=True)
class Change:
    """What is changed, in words; the pipeline that comes of it, and how many hits are looked at.

    `reaches`: how many places that no leg had would be candidates.
    """

    what: str
    pipeline: Pipeline
    limit: int
    reaches: int = 0


def changes(
    pipeline: Pipeline, fates: Sequence[Fate], limit: int
) -> tuple[list[Change], list[str]]:
    """Return what may bring places back that had such fates, each change once.

    Beside it, in words, the changes that are not tried: those that make a pipeline which cannot
    work (the learned reranker belongs to the fusion that it was fitted on), and those after which a
    language model would have to be asked anew.
    """
    causes = {each.cause for each in fates}
    found: dict[tuple[str, int], Change] = {}
    refused: list[str] = []
    for names, propose in PROPOSALS:
        if not causes & set(names):
            continue
        for each in propose(pipeline, fates, limit):
            try:
                changed = Pipeline(pipeline.name, each.stages or ())
            except ConfigError:
                refused.append(each.what)
                continue
            if any(map(asks_model, changed.stages[shared(pipeline, changed) :])):
                refused.append(f"{each.what} (asks a model anew)")
                continue
            key = (changed.key, each.limit)
            if key != (pipeline.key, limit):
                found.setdefault(key, Change(each.what, changed, each.limit, each.reaches))
    return list(found.values()), refused


def _another_leg(pipeline: Pipeline, fates: Sequence[Fate], limit: int) -> Proposals:
    """The leg that the pipeline does not have, in front of the fusion."""
    fuse = next((i for i, s in enumerate(pipeline.stages) if isinstance(s, Fuse)), None)
    for leg, kind in LEGS.items() if fuse is not None else ():
        if not any(isinstance(stage, kind) for stage in pipeline.stages):
            stages = (*pipeline.stages[:fuse], kind(), *pipeline.stages[fuse:])
            reached = sum(rank <= kind().limit for rank in _ranks_in(leg, fates))
            yield Tried(f"search by {leg} too", stages, limit, reached)


def _deeper(pipeline: Pipeline, fates: Sequence[Fate], limit: int) -> Proposals:
    """A leg looks as deep as half of the places lie that no leg found."""
    for leg, kind in LEGS.items():
        ranks = _ranks_in(leg, fates)
        if not ranks:
            continue
        deep = next(each for each in ROUND if each >= median(ranks))
        reached = sum(rank <= deep for rank in ranks)
        for i, stage in enumerate(pipeline.stages):
            if isinstance(stage, kind) and stage.limit < deep:
                stages = _with(pipeline, i, limit=deep)
                yield Tried(f"{leg}.limit = {deep}", stages, limit, reached)


def _ranks_in(leg: str, fates: Sequence[Fate]) -> list[int]:
    """Return the best rank in a leg of each place that no leg had, where it has one."""
    found = [
        [each.rank for each in fate.depths if each.rank and each.by.startswith(f"{leg}:")]
        for fate in fates
        if fate.cause == "candidates"
    ]
    return [min(each) for each in found if each]


def _otherwise_fused(pipeline: Pipeline, _: Sequence[Fate], limit: int) -> Proposals:
    """Another weight of the legs, another formula, one leg alone."""
    legs = [i for i, stage in enumerate(pipeline.stages) if isinstance(stage, Dense | Sparse)]
    for i, stage in enumerate(pipeline.stages):
        if isinstance(stage, Fuse) and len(legs) > 1:
            for alpha in (stage.alpha - 0.2, stage.alpha + 0.2):
                if 0 <= round(alpha, 2) <= 1:
                    what = f"fuse.alpha = {round(alpha, 2):g}"
                    yield Tried(what, _with(pipeline, i, alpha=round(alpha, 2)), limit)
            how = "convex" if stage.how == "rrf" else "rrf"
            yield Tried(f"fuse.how = {how!r}", _with(pipeline, i, how=how), limit)
    for i in legs if len(legs) > 1 else ():
        others = [each for each in legs if each != i]
        alone = tuple(s for place, s in enumerate(pipeline.stages) if place not in others)
        yield Tried(f"{stage_name(pipeline.stages[i])} alone", alone, limit)


def _otherwise_ranked(pipeline: Pipeline, _: Sequence[Fate], limit: int) -> Proposals:
    """A reranker that looks deeper, says less, or is not there; each other late stage left out."""
    fuse = max((i for i, s in enumerate(pipeline.stages) if isinstance(s, Fuse)), default=None)
    if fuse is None:
        return
    for i, stage in enumerate(pipeline.stages[fuse + 1 :], fuse + 1):
        if isinstance(stage, Rerank):
            deep = min(2 * stage.depth, 1_000)
            yield Tried(f"rerank.depth = {deep}", _with(pipeline, i, depth=deep), limit)
            for blend in (stage.blend / 2, (1 + stage.blend) / 2):
                yield Tried(f"rerank.blend = {blend:g}", _with(pipeline, i, blend=blend), limit)
        if not isinstance(stage, Pack):
            yield Tried(f"without {stage_name(stage)}", _but(pipeline, i), limit)
    if not any(isinstance(stage, Rerank) for stage in pipeline.stages):
        stages = (*pipeline.stages[: fuse + 1], Rerank(), *pipeline.stages[fuse + 1 :])
        yield Tried("rerank after fuse (learned)", stages, limit)


def _without_rules(pipeline: Pipeline, _: Sequence[Fate], limit: int) -> Proposals:
    for i, stage in enumerate(pipeline.stages):
        if isinstance(stage, Rules):
            for rule in rules_on(stage):
                stages = (*pipeline.stages[:i], without(stage, rule), *pipeline.stages[i + 1 :])
                yield Tried(f"rules without {rule.name}", stages, limit)


def _unfiltered(pipeline: Pipeline, fates: Sequence[Fate], limit: int) -> Proposals:
    """Without the stages that narrowed the search."""
    names = {fate.stage for fate in fates if fate.cause == "filter"}
    for i, stage in enumerate(pipeline.stages):
        if stage_name(stage) in names and not isinstance(stage, Rules):
            inside = stage.then if isinstance(stage, SelfQuery) else ()
            stages = (*pipeline.stages[:i], *inside, *pipeline.stages[i + 1 :])
            yield Tried(f"without {stage_name(stage)}", stages, limit)


def _more_hits(pipeline: Pipeline, _: Sequence[Fate], limit: int) -> Proposals:
    for most in (2 * limit, 5 * limit):
        yield Tried(f"limit = {most}", pipeline.stages, most)


def _more_tokens(pipeline: Pipeline, _: Sequence[Fate], limit: int) -> Proposals:
    for i, stage in enumerate(pipeline.stages):
        if isinstance(stage, Pack):
            tokens = 2 * stage.tokens
            yield Tried(f"pack.tokens = {tokens}", _with(pipeline, i, tokens=tokens), limit)


def _with(pipeline: Pipeline, place: int, **parameters: object) -> Stages | None:
    """Return the stages with other parameters in one, or None where it refuses them."""
    try:
        changed = replace(pipeline.stages[place], **parameters)  # type: ignore[type-var]
    except ConfigError:
        return None
    return (*pipeline.stages[:place], changed, *pipeline.stages[place + 1 :])


def _but(pipeline: Pipeline, place: int) -> Stages:
    return (*pipeline.stages[:place], *pipeline.stages[place + 1 :])


PROPOSALS: tuple[
    tuple[tuple[str, ...], Callable[[Pipeline, Sequence[Fate], int], Proposals]], ...
] = (
    (("filter",), _unfiltered),
    (("candidates",), _deeper),
    (("candidates", "limit"), _another_leg),
    (("fusion", "limit"), _otherwise_fused),
    (("fusion", "ranking", "limit"), _otherwise_ranked),
    (("duplicate", "filter", "ranking"), _without_rules),
    (("fusion", "ranking", "limit"), _more_hits),
    (("budget",), _more_tokens),
)
"""Which causes a kind of change may be a remedy for."""
