"""Stages that another stage holds: run and checked as if they stood in its place."""

from dataclasses import dataclass

from retrieval.pipeline import Pipeline, Stage


@dataclass(frozen=True)
class Inside(Pipeline):
    """Stages that begin with what is there already; the pipeline around them checks their order."""

    def __post_init__(self) -> None:
        """Leave the check to the pipeline around."""


def take_columns(owner: Stage, held: tuple[Stage, ...]) -> None:
    """Make an owner read and write what the stages that it holds do, beside its own columns.

    So a pipeline that holds the owner is checked, when it is built, down to the innermost stage.
    """
    reads, writes = list(owner.reads), list(owner.writes)
    for stage in held:
        reads += [column for column in stage.reads if column not in writes]
        writes += stage.writes
    # The class says what it does by itself; a frozen instance says what it does with these stages.
    object.__setattr__(owner, "reads", tuple(dict.fromkeys(reads)))
    object.__setattr__(owner, "writes", tuple(dict.fromkeys(writes)))


def check_held(before: tuple[Stage, ...], held: tuple[Stage, ...]) -> None:
    """Let each held stage look at the stages before it: its owner's and those held before it."""
    for place, stage in enumerate(held):
        check = getattr(stage, "check", None)
        if check is not None:
            check((*before, *held[:place]))
