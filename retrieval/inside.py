"""Stages that another stage holds: run and checked as if they stood in its place."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from retrieval.errors import ConfigError
from retrieval.pipeline import Pipeline, Stage, params, stage_name
from retrieval.settings import Settings


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


def check_held_after(held: tuple[Stage, ...], later: Sequence[Stage]) -> None:
    """Let each held stage look at the stages after it: those held after it and its owner's."""
    for place, stage in enumerate(held):
        check = getattr(stage, "check_after", None)
        if check is not None:
            check((*held[place + 1 :], *later))


def in_place(stages: Sequence[Stage]) -> list[Stage]:
    """Return stages in the order in which one search meets them: owners before what they hold.

    Those that search parts of a question by themselves (`decompose.each`) are not among them.
    """
    found: list[Stage] = []
    for stage in stages:
        held = stage.stages if isinstance(stage, Pipeline) else getattr(stage, "then", ())
        found += [*([] if isinstance(stage, Pipeline) else [stage]), *in_place(held)]
    return found


def every_stage(stages: Sequence[Stage]) -> Iterator[Stage]:
    """Yield stages and all that they hold."""
    for stage in stages:
        yield stage
        values = [stage.stages] if isinstance(stage, Pipeline) else params(stage).values()
        for held in values:
            if isinstance(held, tuple):
                yield from every_stage([each for each in held if isinstance(each, Stage)])


def asks_model(stage: Stage) -> bool:
    """Return whether a stage, or one that it holds, asks a language model."""
    return any(getattr(each, "asks_model", False) for each in every_stage([stage]))


def check_answers(stages: Sequence[Stage], settings: Settings) -> None:
    """Refuse a stage that asks for an answer longer than a question's tokens. Raises: ConfigError.

    A stage whose answers can be long says in `answer_tokens` how long. What may be in a cassette
    already is not refused: a recorded answer costs no tokens.
    """
    if not settings.llm_url or settings.cassette_mode not in ("off", "record"):
        return
    for stage in every_stage(stages):
        needed = getattr(stage, "answer_tokens", 0)
        if needed > settings.llm_tokens:
            raise ConfigError(
                f"{stage_name(stage)}: its answer may take {needed} tokens, and a question has"
                f" {settings.llm_tokens} (llm_tokens), so that it could never be asked for. Set"
                " llm_tokens well above that (the prompt counts too), or ask for less there."
            )


def check_first(before: Sequence[Stage], why: str) -> None:
    """Refuse a stage that narrows what is searched, behind one that searches. Raises: ConfigError.

    A ranking that is there is not made again, so that nothing would be narrowed.
    """
    for each in before:
        rewords = "variants" in each.writes and "hits" not in each.writes
        if "rankings" in each.writes and not rewords:
            raise ConfigError(f"{why}: put it before {stage_name(each)!r}.")


def check_legs(later: Sequence[Stage], legs: Collection[str], why: str) -> None:
    """Refuse a stage that works for legs none of which is searched later. Raises: ConfigError.

    What searches the parts of a question by itself does not see what the stage wrote.
    """
    if not any(stage_name(each) in legs for each in in_place(later)):
        named = " or ".join(repr(leg) for leg in legs)
        raise ConfigError(f"{why}, and no stage {named} comes after it.")
