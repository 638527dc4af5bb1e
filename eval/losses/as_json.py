"""Losses as data: the waterfall, the classes, every lost place, every change that was tried."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from eval.losses.causes import CAUSES
from eval.losses.classes import in_order
from eval.losses.find import Item, Losses
from eval.standing import ANSWER


def losses_json(losses: Losses) -> dict[str, Any]:
    """Return losses as JSON values; the lost items carry their sentence, ranks and depths."""
    about, counts = losses.run.manifest, Counter(item.cause for item in losses.items)
    return {
        "run": str(losses.run.folder),
        "dataset": about["dataset"]["name"],
        "split": about["dataset"]["split"],
        "system": about["system"]["name"],
        "fingerprint": about["system"]["fingerprint"],
        "limit": losses.limit,
        "questions": len({item.asked.id for item in losses.items}),
        "judged": len(losses.items),
        "found": counts[None],
        "most": losses.most,
        "waterfall": waterfall(losses),
        "changes": [each.as_json() for each in losses.effects],
        "refused": list(losses.refused),
        "classes": {
            name: {value: _counts(its) for value, its in values.items()}
            for name, values in by_class(losses.items).items()
        },
        "lost": [_item_json(item) for item in losses.items if item.cause is not None],
    }


def waterfall(losses: Losses) -> list[dict[str, Any]]:
    """Return the way from all that was judged to the answer: for each cause what is lost and left.

    What is lost to all causes and what is left by the last one add up to everything judged.
    `stages` are the lists in which it was lost.
    """
    left = whole = len(losses.items)
    rows = []
    for cause, items in losses.by_cause().items():
        left -= len(items)
        stages = Counter(item.fate.stage for item in items if item.fate.stage not in ("", ANSWER))
        rows.append(
            {
                "cause": cause,
                "label": CAUSES[cause],
                "lost": len(items),
                "share": len(items) / whole,
                "left": left,
                "stages": dict(stages.most_common()),
            }
        )
    return rows


def by_class(items: Iterable[Item]) -> dict[str, dict[str, list[Item]]]:
    """Return items by class and value, for classes of more than one value."""
    found: dict[str, dict[str, list[Item]]] = {}
    for item in items:
        for name, value in item.classes.items():
            found.setdefault(name, {}).setdefault(value, []).append(item)
    return {
        name: {value: its[value] for value in sorted(its, key=in_order)}
        for name, its in found.items()
        if len(its) > 1
    }


def _counts(items: list[Item]) -> dict[str, Any]:
    causes = Counter(item.cause for item in items)
    lost = {cause: causes[cause] for cause in CAUSES if causes[cause]}
    return {"judged": len(items), "found": causes[None], "lost": lost}


def _item_json(item: Item) -> dict[str, Any]:
    return {
        "query_id": item.asked.id,
        "query": item.asked.text,
        **item.fate.stood.as_json(),
        "group": item.group,
        "cause": item.cause,
        "stage": item.fate.stage,
        "why": item.fate.why,
        "depths": [each._asdict() for each in item.fate.depths],
        "classes": dict(item.classes),
    }
