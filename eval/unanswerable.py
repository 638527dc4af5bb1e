"""Questions without an answer: do the best scores tell them from the others?"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from eval.statistics import area
from retrieval.types import Hit

QUARTILES = (0, 25, 50, 75, 100)


def best_scores(hits: Iterable[Hit]) -> dict[str, float]:
    """Return the highest score of each maker over all hits, and that of the first hit, `final`."""
    best: dict[str, float] = {}
    for hit in hits:
        best.setdefault("final", hit.score)
        for by, value in hit.scores:
            best[by] = max(best.get(by, value), value)
    return best


def abstention(
    answerable: Sequence[Mapping[str, float]], unanswerable: Sequence[Mapping[str, float]]
) -> dict[str, Any]:
    """Return, by maker of scores, how well the best score separates the two kinds of questions.

    `auc` is how often an answerable question's best score is above an unanswerable one's, ties
    half: 0.5 tells nothing apart. A question without hits lies below all others. The quartiles are
    of questions with hits: lowest, 25%, median, 75%, highest.
    """
    makers = sorted({by for best in (*answerable, *unanswerable) for by in best})
    return {
        "queries": len(unanswerable),
        "without_hits": sum(not best for best in unanswerable),
        "scores": {
            by: {
                "auc": area(_values(answerable, by), _values(unanswerable, by)),
                "answerable": _quartiles(answerable, by),
                "unanswerable": _quartiles(unanswerable, by),
            }
            for by in makers
        },
    }


def _values(bests: Sequence[Mapping[str, float]], by: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([best.get(by, -np.inf) for best in bests])


def _quartiles(bests: Sequence[Mapping[str, float]], by: str) -> list[float]:
    values = [best[by] for best in bests if by in best]
    return [float(each) for each in np.percentile(values, QUARTILES)] if values else []
