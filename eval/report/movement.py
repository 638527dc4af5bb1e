"""Rank movement: in which band of ranks the judged places stood in each list on the way."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from eval.report.material import Place

BANDS = ((1, 1), (2, 3), (4, 10), (11, 30), (31, 100), (101, None))
"""First and last rank of each band; what is not in a list lies below them all."""
ABSENT = len(BANDS)
BEST = "best leg"


@dataclass(frozen=True)
class Column:
    """A list: its name, whether it is a single leg, and how many places stood in each band."""

    name: str
    leg: bool
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Flow:
    """How many places went from one band to another between a column and the next."""

    column: int
    before: int
    after: int
    count: int


@dataclass(frozen=True)
class Step:
    """What one list did to the one before: how many places rose, fell, came in, and went out.

    Rising and falling are by rank, `into` and `out_of` say who crossed rank 10.
    """

    name: str
    rose: int
    fell: int
    stayed: int
    into: int
    out_of: int


@dataclass(frozen=True)
class Movement:
    """Where judged places stood: columns in the pipeline's order, and flows between them.

    Legs search side by side, so that nothing moves between them: what comes after is compared with
    a place's best rank in any leg, in the column `best leg`.
    """

    places: int
    bands: tuple[str, ...]
    columns: tuple[Column, ...]
    flows: tuple[Flow, ...]
    steps: tuple[Step, ...]


def movement(places: Sequence[Place]) -> Movement | None:
    """Return the movement of judged places, or None where there are not two lists to move between.

    Lists that not every question has (a stage that runs for some) are left out, but for the answer.
    """
    names = _names(places)
    if len(names) < 2:
        return None
    tables = [_ranks(place, names) for place in places]
    legs = [name for name in names if ":" in name]
    order = _order(names, legs)
    columns = [
        Column(name, name in legs and len(legs) > 1, _counts([row[name] for row in tables]))
        for name in order
    ]
    flows: list[Flow] = []
    steps: list[Step] = []
    for at, (before, after) in enumerate(pairwise(order)):
        if columns[at].leg:
            continue
        moves = [(row[before], row[after]) for row in tables]
        flows += [
            Flow(at, a, b, count)
            for (a, b), count in sorted(Counter((band(a), band(b)) for a, b in moves).items())
        ]
        steps.append(_step(after, moves))
    bands = tuple(map(_band_name, range(ABSENT + 1)))
    return Movement(len(places), bands, tuple(columns), tuple(flows), tuple(steps))


def shown(name: str) -> str:
    """Return a list's name, shorter: the question as it was asked is what a leg searches first."""
    return name.removesuffix(":original")


def band(rank: int | None) -> int:
    """Return the number of a rank's band, from 0; the last is for what is not there."""
    if rank is None:
        return ABSENT
    return next(at for at, (_, last) in enumerate(BANDS) if last is None or rank <= last)


def _band_name(number: int) -> str:
    if number == ABSENT:
        return "not in list"
    first, last = BANDS[number]
    if last is None:
        return f"{first}+"
    return str(first) if first == last else f"{first}\N{EN DASH}{last}"


def _names(places: Sequence[Place]) -> list[str]:
    """Return the lists that every place has a rank in or is missing from, in order."""
    counts = Counter(name for place in places for name, _ in place.ranks)
    return [name for name, count in counts.items() if count == len(places)]


def _ranks(place: Place, names: Sequence[str]) -> dict[str, int | None]:
    ranks = {name: rank for name, rank in place.ranks if name in names}
    known = [rank for name, rank in ranks.items() if ":" in name and rank is not None]
    return ranks | {BEST: min(known, default=None)}


def _order(names: Sequence[str], legs: Sequence[str]) -> list[str]:
    """Return the columns: several legs first, their best, then what came after them."""
    later = [name for name in names if name not in legs]
    if len(legs) > 1:
        return [*legs, BEST, *later]
    return [*legs, *later]


def _counts(ranks: Sequence[int | None]) -> tuple[int, ...]:
    found = Counter(map(band, ranks))
    return tuple(found[number] for number in range(ABSENT + 1))


def _step(name: str, moves: Sequence[tuple[int | None, int | None]]) -> Step:
    far = 10**9
    ends = [(a or far, b or far) for a, b in moves]
    rose = sum(b < a for a, b in ends)
    fell = sum(b > a for a, b in ends)
    into = sum(b <= 10 < a for a, b in ends)
    out_of = sum(a <= 10 < b for a, b in ends)
    return Step(name, rose, fell, len(ends) - rose - fell, into, out_of)
