"""The search for good values: all combinations where they are few, else a kept optimiser."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import product
from math import prod

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

Index = tuple[int, ...]
"""The number of a value for each parameter, from 0."""
ROUNDS = 100_000
NARROW = 1e-4


class _EnoughError(Exception):
    """So many combinations were tried as may be."""


def search(goal: Callable[[Index], float], sizes: Sequence[int], trials: int) -> list[Index]:
    """Return the combinations that were tried on the way to a high goal, at most `trials`.

    `sizes` are the numbers of values. All combinations are tried, if they are so few; else the
    unit cube is divided where the goal is high or little is known. Nothing is drawn: the same goal
    gives the same combinations.

    Source: DIRECT, Jones, Perttunen and Stuckman 1993, Journal of Optimization Theory and
    Applications 79(1); locally biased: Gablonsky and Kelley 2001, Journal of Global Optimization
    21; as scipy has it.
    """
    if prod(sizes) <= trials:
        every = list(product(*map(range, sizes)))
        for index in every:
            goal(index)
        return every
    tried: dict[Index, float] = {}

    def loss(point: NDArray[np.float64]) -> float:
        index = tuple(min(int(at * size), size - 1) for at, size in zip(point, sizes, strict=True))
        if index not in tried:
            if len(tried) >= trials:
                raise _EnoughError
            tried[index] = goal(index)
        return -tried[index]

    with suppress(_EnoughError):
        optimize.direct(
            loss,
            [(0.0, 1.0)] * len(sizes),
            maxfun=ROUNDS,
            maxiter=ROUNDS,
            locally_biased=True,
            vol_tol=0.0,
            len_tol=NARROW,
        )
    return list(tried)
