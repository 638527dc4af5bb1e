"""The runner: a question goes through stages, and the difference each one makes is the trace.

A stage is a frozen dataclass: parameters in the constructor, tools in the call, a new `Search`
out. A `Pipeline` is itself a stage, so what owns stages (a gate, a decomposition) is run by the
same runner, and trace, key and fingerprint recurse.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import zip_longest
from typing import Any, ClassVar, Protocol, runtime_checkable

from retrieval.errors import AssayError, ConfigError, DeadlineError, InputError
from retrieval.kit import Kit
from retrieval.manifest import digest
from retrieval.metered import Metered, total
from retrieval.types import Search, Step

COLUMNS = ("query", "limit", "filter", "variants", "domains", "rankings", "hits", "context")
"""The columns of a search that stages read and write, from left to right."""
GIVEN = frozenset({"query", "limit", "filter", "variants"})
"""The columns that every search starts with."""
PASSED_ON = frozenset({"variants", "rankings"})
"""The columns that no answer shows: they are for later stages."""
TOP = 10
"""How many first hits a step of the trace keeps."""


@runtime_checkable
class Stage(Protocol):
    """A technique. `optional`: the service may go on without it, and says so."""

    reads: ClassVar[tuple[str, ...]]
    writes: ClassVar[tuple[str, ...]]
    optional: ClassVar[bool]

    def __call__(self, search: Search, kit: Kit) -> Search:
        """Return the search with the columns that this stage writes."""


@dataclass(frozen=True)
class Pipeline:
    """Stages in order, under a name. Raises: ConfigError for an order that cannot work.

    `about` says in a line what it is for.
    """

    name: str
    stages: tuple[Stage, ...]
    about: str = ""
    reads: ClassVar[tuple[str, ...]] = ()
    writes: ClassVar[tuple[str, ...]] = COLUMNS
    optional: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Check that each stage finds what it reads, before anything runs.

        A stage that depends on those before it looks at them in a method `check(before)`, one that
        works for those after it in `check_after(later)`.
        """
        have = set(GIVEN)
        for place, stage in enumerate(self.stages):
            missing = [column for column in stage.reads if column not in have]
            if missing:
                raise ConfigError(
                    f"Pipeline {self.name!r}: stage {stage_name(stage)!r} reads"
                    f" {', '.join(missing)}, which no stage before it writes."
                )
            have |= set(stage.writes)
            check = getattr(stage, "check", None)
            if check is not None:
                check(self.stages[:place])
        if "hits" not in have:
            raise ConfigError(f"Pipeline {self.name!r}: no stage writes hits; end it with 'fuse'.")
        _check_used(self.name, self.stages)

    def __call__(self, search: Search, kit: Kit) -> Search:
        """Return the search after every stage; the trace has a step for each."""
        return (search, *_run_each(self.stages, search, kit))[-1]

    @property
    def key(self) -> str:
        """The sha256 of what the pipeline does; its name does not matter."""
        return digest([stage_key(stage) for stage in self.stages])


def _check_used(name: str, stages: Sequence[Stage]) -> None:
    """Check that nothing is written in vain. Raises: ConfigError.

    Variants and rankings are for a stage that comes later; the context is made of the last hits.
    """
    for place, stage in enumerate(stages):
        later = stages[place + 1 :]
        written = set(stage.writes)
        read = not written or any(written & set(each.reads) for each in later)
        if written <= PASSED_ON and not read:
            raise ConfigError(
                f"Pipeline {name!r}: stage {stage_name(stage)!r} writes"
                f" {' and '.join(stage.writes)}, which no stage after it reads; put it earlier."
            )
        check = getattr(stage, "check_after", None)
        if check is not None:
            check(later)
        after = [each for each in later if "hits" in each.writes and "context" not in each.writes]
        if "context" in written and after:
            raise ConfigError(
                f"Pipeline {name!r}: stage {stage_name(after[0])!r} changes the hits after"
                f" {stage_name(stage)!r} has made the context of them; put it before."
            )


def run(pipeline: Pipeline, search: Search, kit: Kit) -> Search:
    """Return the answered search: the pipeline's hits, cut to the limit last.

    An answer does not mix two versions of a document: legs that stand together search at one
    moment, and where there were more searches, hits that were replaced meanwhile are left out, and
    the context of their documents. The last step's notes say so.

    Raises: InputError for an empty question, AssayError where a stage fails that cannot be left
    out (any stage, if the kit is strict).
    """
    *_, whole, answer = states(pipeline, search, kit)
    if kit.memory.searches < 2 and not answer.context:
        return answer
    read = {hit.chunk.id: hit.chunk.document_id for hit in whole.hits} | kit.memory.read
    gone = read.keys() - kit.store.present(list(read), kit.clock)
    if not gone:
        return answer
    hits = tuple(hit for hit in whole.hits if hit.chunk.id not in gone)[: answer.limit]
    documents = {read[id] for id in gone}
    context = tuple(each for each in answer.context if each.document_id not in documents)
    note = f"replaced while this was searched, and left out: {len(gone)} chunks"
    last = replace(answer.trace[-1], notes=(*answer.trace[-1].notes, note))
    return replace(answer, hits=hits, context=context, trace=(*answer.trace[:-1], last))


def states(
    pipeline: Pipeline, search: Search, kit: Kit, known: Sequence[Search] = ()
) -> tuple[Search, ...]:
    """Return the search after each stage and, last, the answer that `run` gives: cut to the limit.

    For what looks between the stages: where a passage stood, and which one lost it. `known` is what
    the first stages gave before; they do not run again. Raises: as `run`.
    """
    if not search.query.strip():
        raise InputError("query: the question is empty.", "query")
    begun = known[-1] if known else search
    found = (*known, *_run_each(pipeline.stages[len(known) :], begun, kit))
    return (*found, replace(found[-1], hits=found[-1].hits[: found[-1].limit]))


def _run_each(stages: Sequence[Stage], search: Search, kit: Kit) -> Iterator[Search]:
    """Yield the search after each stage; each knows the one right behind it."""
    for stage, next in zip_longest(stages, stages[1:]):
        search = run_stage(stage, search, kit, next)
        yield search


def fingerprint(pipeline: Pipeline, kit: Kit) -> str:
    """Return the sha256 of stages, models and index identity: what is served is what was measured.

    The index's content and the numeric precision are recorded beside it, not in it.
    """
    return digest([pipeline.key, kit.store.manifest.identity])


def stage_name(stage: Stage) -> str:
    """Return the name of a stage in pipeline files: that of its module."""
    if isinstance(stage, Pipeline):
        return stage.name
    return type(stage).__module__.rpartition(".")[2]


def params(stage: Stage) -> dict[str, Any]:
    """Return the parameters of a stage, as its dataclass has them."""
    if isinstance(stage, Pipeline):
        return {}
    return {each.name: getattr(stage, each.name) for each in fields(stage)}  # type: ignore[arg-type]


def stage_key(stage: Stage) -> str:
    """Return the sha256 of a stage's name and parameters (stages inside it by their keys).

    A stage that depends on more (a prompt, a file) says so in a property `depends`: JSON values.
    """
    if isinstance(stage, Pipeline):
        return stage.key
    values = {name: _canonical(value) for name, value in params(stage).items()}
    return digest([stage_name(stage), values, _canonical(getattr(stage, "depends", None))])


def _canonical(value: Any) -> Any:
    if isinstance(value, Stage):
        return stage_key(value)
    if isinstance(value, tuple | list):
        return [_canonical(each) for each in value]
    if isinstance(value, Mapping):
        return {str(name): _canonical(each) for name, each in value.items()}
    return value


def run_stage(stage: Stage, search: Search, kit: Kit, next: Stage | None = None) -> Search:
    """Return the search after one stage, with its step; a failing optional one is left out.

    What looks between the stages (a ladder that shares their results, an account of losses) runs
    them one by one through this. What a stage's calls to a language model cost is in its step: its
    own calls, and those of the stages inside it where they leave no steps, since it failed.
    Raises: AssayError where a stage fails that cannot be left out.
    """
    kit.clock.remaining()
    before = replace(search, notes=(), cost={}, trace=())
    meter = None if kit.llm is None else Metered(kit.llm)
    start = time.perf_counter()
    error = None
    try:
        after = stage(before, kit.within(meter, next))
    except DeadlineError:
        raise
    except AssayError as failure:
        if kit.strict or not stage.optional:
            raise
        after, error = before, str(failure)
        if meter is not None:
            meter.own += meter.inner
    ms = (time.perf_counter() - start) * 1000
    changed = _changed(before, after)
    undeclared = set(changed) - set(stage.writes)
    if undeclared:
        raise ConfigError(f"Stage {stage_name(stage)!r} wrote {sorted(undeclared)} undeclared.")
    step = Step(
        stage=stage_name(stage),
        params={} if isinstance(stage, Pipeline) else params(stage),
        ms=ms,
        changed=changed,
        top=_top(changed, after),
        notes=after.notes,
        cost=after.cost if meter is None else total([after.cost, *meter.own]),
        error=error,
        steps=after.trace,
    )
    return replace(after, notes=(), cost={}, trace=(*search.trace, step))


def _changed(before: Search, after: Search) -> dict[str, int]:
    """Count what is in each column that is not the one that came in."""
    changed = {}
    for column in COLUMNS:
        value = getattr(after, column)
        if value is not getattr(before, column):
            changed[column] = len(value) if isinstance(value, tuple) else 1
    return changed


def _top(changed: Mapping[str, int], after: Search) -> tuple[str, ...]:
    if "hits" in changed:
        return tuple(hit.chunk.id for hit in after.hits[:TOP])
    if "rankings" in changed and after.rankings:
        return tuple(hit.chunk.id for hit in after.rankings[-1].hits[:TOP])
    return ()
