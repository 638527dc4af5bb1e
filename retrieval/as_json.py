"""What a pipeline did, and what it is made of, as JSON values: the same wherever it is shown."""

from collections.abc import Mapping, Sequence
from typing import Any

from retrieval.pipeline import Stage, params, stage_name
from retrieval.types import Step


def step_json(step: Step, parameters: bool = True) -> dict[str, Any]:
    """Return what one stage did, and the stages inside it; with their parameters, or without."""
    return {
        "stage": step.stage,
        **({"params": value_json(step.params)} if parameters else {}),
        "ms": round(step.ms, 3),
        "changed": {**step.changed},
        "top": [*step.top],
        "notes": [*step.notes],
        "cost": {**step.cost},
        "error": step.error,
        "steps": [step_json(each, parameters) for each in step.steps],
    }


def stage_json(stage: Stage) -> dict[str, Any]:
    """Return a stage's name and parameters."""
    return {
        "stage": stage_name(stage),
        "params": value_json(params(stage)),
        "optional": stage.optional,
    }


def value_json(value: Any) -> Any:
    """Return a parameter's value; a stage inside it becomes its name and parameters."""
    if isinstance(value, Stage):
        return stage_json(value)
    if isinstance(value, Mapping):
        return {str(key): value_json(each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [value_json(each) for each in value]
    return value
