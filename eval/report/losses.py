"""Losses as a report shows them: from all that was judged down to what is among the first hits.

A run's folder may hold what `bench losses` found (`losses.json`): that knows why, and what helps.
Without it, ranks tell as much as they can.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.losses.causes import CAUSES, Lost, lost
from eval.report.material import Place, Question
from eval.results import LOSSES
from retrieval.errors import InputError

ABSENT, REMOVED = "absent", "removed"
LABELS = CAUSES | {
    ABSENT: "in no list: too deep, filtered, or not in the index",
    REMOVED: "left out by a stage",
}
ORDER = (ABSENT, *CAUSES, REMOVED)
NAMES_STAGE = ("filter", "ranking", REMOVED)
"""Causes that say more with the stages that they name."""
REMEDIES = 8
"""How many changes a report shows."""


@dataclass(frozen=True)
class Block:
    """How many things to find were lost for one cause, and in which lists."""

    cause: str
    stages: tuple[str, ...]
    count: int

    @property
    def label(self) -> str:
        """The cause in words, with the lists where they say more."""
        found = LABELS.get(self.cause, self.cause)
        if self.stages and self.cause in NAMES_STAGE:
            return f"{found} ({', '.join(self.stages)})"
        return found


@dataclass(frozen=True)
class Remedy:
    """A change that was tried on the same questions: what it finds and loses.

    `difference` is that of recall with its interval; `p` is corrected, None for a longer list.
    """

    change: str
    recovered: int
    loses: int
    difference: float
    low: float | None
    high: float | None
    p: float | None


@dataclass(frozen=True)
class Class:
    """Things to find of one class of questions, such as `overlap`: `under 1/4`."""

    name: str
    value: str
    judged: int
    found: int


@dataclass(frozen=True)
class Losses:
    """What was lost of the first `limit` hits. Things to find are groups of judged places.

    `exact`: the index was asked why. Then `remedies` has the changes that gain most, those that
    leave the list as long as it is first, and `classes` what was found by class of questions.
    """

    limit: int
    judged: int
    blocks: tuple[Block, ...]
    exact: bool = False
    remedies: tuple[Remedy, ...] = ()
    classes: tuple[Class, ...] = ()

    @property
    def found(self) -> int:
        """How many are among the first hits."""
        return self.judged - sum(each.count for each in self.blocks)


def losses(folder: Path, questions: Sequence[Question], limit: int) -> Losses | None:
    """Return what a run lost: as `bench losses` says in its folder, or else as far as ranks tell.

    None where the run holds neither. Raises: InputError for a file that cannot be read.
    """
    file = folder / LOSSES
    return _read(file) if file.is_file() else _by_ranks(questions, limit)


def _read(file: Path) -> Losses:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return Losses(
            int(found["limit"]),
            int(found["judged"]),
            tuple(
                Block(str(each["cause"]), tuple(each["stages"]), int(each["lost"]))
                for each in found["waterfall"]
            ),
            exact=True,
            remedies=_remedies(found.get("changes") or (), int(found["limit"])),
            classes=tuple(
                Class(name, value, int(each["judged"]), int(each["found"]))
                for name, values in (found.get("classes") or {}).items()
                for value, each in values.items()
            ),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{file} cannot be read as losses: {error!r}.", "run") from error


def _remedies(changes: Sequence[Mapping[str, Any]], limit: int) -> tuple[Remedy, ...]:
    """Return the changes that find more than they lose."""
    better = [each for each in changes if each["gain"] > 0]
    better.sort(key=lambda each: (int(each["limit"]) != limit, -int(each["gain"])))
    return tuple(
        Remedy(
            str(each["change"]),
            int(each["recovered"]),
            int(each["loses"]),
            float(each["recall"]["difference"]),
            each["recall"]["low"],
            each["recall"]["high"],
            each["recall"]["p"],
        )
        for each in better[:REMEDIES]
    )


def _by_ranks(questions: Sequence[Question], limit: int) -> Losses | None:
    """Return what was lost, as far as ranks tell, or None where the run does not hold them.

    A group is lost where all of its places are, and then by what the one that got furthest was.
    """
    if any(each.places is None for each in questions):
        return None
    found: Counter[Lost] = Counter()
    judged = 0
    for question in questions:
        groups: dict[str, list[Place]] = {}
        for place in question.places or ():
            groups.setdefault(place.group, []).append(place)
        judged += len(groups)
        for places in groups.values():
            fates = [lost(place.ranks, limit) for place in places]
            if all(fates):
                found[max(filter(None, fates), key=_progress)] += 1
    causes = sorted({fate.cause for fate in found}, key=ORDER.index)
    blocks = tuple(_block(cause, found) for cause in causes)
    return Losses(limit, judged, blocks) if judged else None


def _block(cause: str, found: Counter[Lost]) -> Block:
    fates = {fate: count for fate, count in found.items() if fate.cause == cause}
    return Block(cause, tuple(sorted(fate.stage for fate in fates)), sum(fates.values()))


def _progress(fate: Lost) -> int:
    return ORDER.index(fate.cause)
