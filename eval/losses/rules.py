"""Which rule of the stage `rules` lost a place: the one without which it would still be there."""

from dataclasses import replace
from typing import Any, NamedTuple

from eval.judgments import Judgment
from eval.losses.way import Way
from eval.standing import Listed, standing
from retrieval.stages.rules import Rules

RULES = {
    "blocked": "filter",
    "most": "duplicate",
    "mmr": "duplicate",
    "boosts": "ranking",
    "recency": "ranking",
    "pinned": "ranking",
}
"""The rules in the order in which they are tried, and what a loss to each is called."""
OFF = Rules()


class Rule(NamedTuple):
    """A rule that is on, and the cause that it is."""

    name: str
    value: Any
    cause: str


def rules_on(stage: Rules) -> list[Rule]:
    """Return the rules of a stage that are on."""
    values = [(name, getattr(stage, name), cause) for name, cause in RULES.items()]
    return [Rule(*each) for each in values if each[1] != getattr(OFF, each[0])]


def without(stage: Rules, rule: Rule) -> Rules:
    """Return a stage with one of its rules off."""
    return replace(stage, **{rule.name: getattr(OFF, rule.name)})


def rule_of(way: Way, judgment: Judgment, place: int, limit: int | None) -> Rule | None:
    """Return the rule of the stage at `place` without which a judged place would not be lost.

    That is, be among the first `limit` hits, or where there is no limit, be a hit at all. None
    where no rule alone is the reason.
    """
    stage = way.pipeline.stages[place]
    if not isinstance(stage, Rules):
        return None
    for rule in rules_on(stage):
        hits = without(stage, rule)(way.states[place - 1], way.kit).hits
        chunks = tuple(hit.chunk for hit in hits if way.kept(hit.chunk))
        rank = standing([judgment], [Listed("", chunks)])[0].ranks[0][1]
        if rank is not None and (limit is None or rank <= limit):
            return rule
    return None
