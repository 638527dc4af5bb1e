"""Questions that a reranker's weights were fitted on: figures on them say nothing of the reranker.

The weights' file keeps a hash of each set of questions (see `eval.questions.question_digest`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from retrieval.inside import every_stage
from retrieval.pipeline import Stage


def fitted_sets(stages: Sequence[Stage]) -> dict[str, str]:
    """Return the sets of questions that stages, or stages inside them, were fitted on.

    They are names by the hash of the questions, as a stage's `fitted_on` has them.
    """
    found: dict[str, str] = {}
    for stage in every_stage(stages):
        found |= getattr(stage, "fitted_on", {})
    return found


def fitted_notes(sets: Mapping[str, str], dataset: Mapping[str, Any]) -> list[str]:
    """Return what to say where a dataset, as a manifest has it, asks one of the sets; else nothing.

    Nothing is said either of a dataset in a run that an earlier version wrote.
    """
    name = sets.get(dataset.get("question_digest", ""))
    if name is None:
        return []
    return [f"its reranker's weights were fitted on these questions ({name}); measure on others"]
