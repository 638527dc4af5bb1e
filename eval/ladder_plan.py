"""What a ladder's folder holds, so that only the same ladder goes on in it."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from eval.ladder_file import Ladder
from eval.prepared import Prepared
from eval.surroundings import packages
from retrieval.errors import InputError
from retrieval.inside import asks_model

PLAN = "plan.json"
SHOWN = 60
MOST = 4
"""How many differences are named."""


def plan_of(ladder: Ladder, datasets: Sequence[Prepared]) -> dict[str, Any]:
    """Return what must be equal for a ladder to go on: rungs, datasets, indexes, versions.

    And the language model, if one is asked; a cassette that only replays must hold the same.
    """
    asks = any(asks_model(each.pipeline) for each in ladder.rungs)
    model: dict[str, Any] = getattr(datasets[0].kit.llm, "describe", dict)() if asks else {}
    if "url" in model:
        model.pop("digest", None)
    return {
        "rungs": {each.name: each.pipeline.key for each in ladder.rungs},
        "datasets": {each.name: _traits(each) for each in datasets},
        "model": model,
        "versions": packages(),
    }


def _traits(ready: Prepared) -> dict[str, Any]:
    asked = ready.asked
    return {
        "split": asked.dataset.split,
        **asked.dataset.hashes,
        "corpus": asked.corpus.hash,
        "index": ready.kit.store.manifest.fingerprint,
        "options": asked.options(),
    }


def check_plan(folder: Path, plan: Mapping[str, Any]) -> None:
    """Make a folder for a ladder, or find the same ladder in it.

    Raises: InputError that names what differs, and for a folder that holds something else.
    """
    file = folder / PLAN
    try:
        folder.mkdir(parents=True, exist_ok=True)
        other = sorted(each.name for each in folder.iterdir())
        known = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None
    except OSError as error:
        reason = f"{folder} cannot be a ladder's folder: {error.strerror}."
        raise InputError(reason, "out") from error
    except ValueError as error:
        raise InputError(f"{file} cannot be read: {error}.", "out") from error
    if known is not None:
        _refuse_another(folder, known, plan)
    elif other:
        raise InputError(f"{folder} holds {other[0]!r}, and no ladder; give another folder.", "out")


def write_plan(folder: Path, plan: Mapping[str, Any]) -> None:
    """Say what is climbed in a folder from now on."""
    (folder / PLAN).write_text(json.dumps(plan, indent=2) + "\n", encoding="utf-8")


def _refuse_another(folder: Path, known: Any, plan: Mapping[str, Any]) -> None:
    apart = list(_apart(known, json.loads(json.dumps(plan))))
    rungs = known.get("rungs") if isinstance(known, dict) else None
    if list(rungs or ()) != list(plan["rungs"]):
        apart.insert(0, "the rungs or their order")
    if apart:
        more = [f"{len(apart) - MOST} more"] if len(apart) > MOST else []
        raise InputError(
            f"{folder} holds another ladder; what differs: {'; '.join(apart[:MOST] + more)}."
            " Give another folder, or remove this one.",
            "out",
        )


def _apart(known: Any, wanted: Any, path: str = "") -> Iterable[str]:
    """Give what differs between two plans: where, what it was, what it is."""
    if isinstance(known, dict) and isinstance(wanted, dict):
        for name in dict.fromkeys((*known, *wanted)):
            yield from _apart(known.get(name), wanted.get(name), f"{path} {name}".strip())
    elif known != wanted:
        yield f"{path} ({_shown(known)}, now {_shown(wanted)})"


def _shown(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= SHOWN else f"{text[:12]}..."


def slug(name: str) -> str:
    """Return a name as that of a folder."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("._-")[:60] or "rung"
