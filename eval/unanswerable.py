"""Questions without an answer: do the best scores tell them from the others?"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from eval.statistics import Values, area, area_interval
from eval.thresholds import RULES, thresholds, values_of
from retrieval.types import Hit

QUARTILES = (0, 25, 50, 75, 100)
CHANCE = 0.5
"""The area under the curve of a score that says nothing."""


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
    half: 0.5 tells nothing apart; `low` and `high` are its 95% interval. A question without hits
    lies below all others. The quartiles are of questions with hits: lowest, 25%, median, 75%,
    highest. `thresholds`: from which score to answer, by rule (see `eval.thresholds`).
    """
    makers = sorted({by for best in (*answerable, *unanswerable) for by in best})
    return {
        "queries": len(unanswerable),
        "without_hits": sum(not best for best in unanswerable),
        "scores": {
            by: {
                **_area(values_of(answerable, by), values_of(unanswerable, by)),
                "answerable": _quartiles(answerable, by),
                "unanswerable": _quartiles(unanswerable, by),
            }
            for by in makers
        },
        "thresholds": thresholds(answerable, unanswerable),
    }


def _area(answerable: Values, unanswerable: Values) -> dict[str, float | None]:
    found = area(answerable, unanswerable)
    if found is None:
        return {"auc": None, "low": None, "high": None}
    low, high = area_interval(found, answerable.size, unanswerable.size)
    return {"auc": found, "low": low, "high": high}


def _quartiles(bests: Sequence[Mapping[str, float]], by: str) -> list[float]:
    values = [best[by] for best in bests if by in best]
    return [float(each) for each in np.percentile(values, QUARTILES)] if values else []


def lines_of(found: Mapping[str, Any]) -> list[str]:
    """Return what `abstention` found as lines to print."""
    blind = all((each["low"] or 0.0) <= CHANCE for each in found["scores"].values())
    areas = ", ".join(
        f"{by} {each['auc']:.3f} [{each['low']:.3f}, {each['high']:.3f}]"
        for by, each in found["scores"].items()
        if each["auc"] is not None
    )
    return [
        f"{found['queries']} unanswerable queries, not in the table; how often the best score"
        f" is above theirs: {areas or 'no hits'}",
        *(["No score tells them apart for certain, so that a threshold is a guess."] * blind),
        *(_advice(name, each) for name, each in found["thresholds"].items()),
    ]


def _advice(rule: str, found: Mapping[str, Any]) -> str:
    wrong, refused = (_percent(found[name]) for name in ("false_answers", "false_refusals"))
    interval = f"{found['threshold']:.4g} [{found['low']:.4g}, {found['high']:.4g}]"
    return (
        f"answer from a best {found['by']} score of {interval}, where {RULES[rule][0]}: {wrong} of"
        f" unanswerable are answered, {refused} of answerable refused ({found['folds']}-fold"
        " cross-validation)"
    )


def _percent(share: Mapping[str, float]) -> str:
    value, low, high = (100 * share[name] for name in ("value", "low", "high"))
    return f"{value:.0f}% [{low:.0f}, {high:.0f}]"
