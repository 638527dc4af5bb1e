"""What may be tuned: parameters of a pipeline's stages, and the values that each may have.

fuse.alpha=0..1          a range; a number that is no whole one in a hundred equal steps
rerank.depth=10..100     whole numbers, every one
fuse.how=convex,rrf      choices
"""

import copy
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, get_args, get_type_hints

from retrieval.config import build_pipeline, stage_types
from retrieval.errors import ConfigError, InputError
from retrieval.pipeline import Pipeline

STEPS = 100
MOST = 100_000
"""How many whole numbers a range may hold."""
Tables = Sequence[Mapping[str, Any]]
Choice = tuple[Any, ...]
"""A value for each parameter, in their order."""


@dataclass(frozen=True)
class Parameter:
    """A stage's parameter, where its table is, the values it may have, and the one it has.

    `path` leads from the list of stages to the table; `ordered`: the values are a range.
    """

    name: str
    path: tuple[Any, ...]
    values: tuple[Any, ...]
    untuned: Any
    ordered: bool

    @property
    def key(self) -> str:
        """The parameter's name in its stage."""
        return self.name.rpartition(".")[2]


@dataclass(frozen=True)
class Space:
    """A pipeline's tables, and the parameters that are tuned."""

    name: str
    tables: Tables
    parameters: tuple[Parameter, ...]

    @property
    def untuned(self) -> Choice:
        """The values that the pipeline has."""
        return tuple(each.untuned for each in self.parameters)

    @property
    def first(self) -> int:
        """How many stages stand before the first one that is tuned."""
        return min(int(each.path[0]) for each in self.parameters)

    def tables_with(self, choice: Choice) -> list[dict[str, Any]]:
        """Return the tables with other values; those that the pipeline has are left as they are."""
        tables = copy.deepcopy([dict(each) for each in self.tables])
        for parameter, value in zip(self.parameters, choice, strict=True):
            if value != parameter.untuned:
                _at(tables, parameter.path)[parameter.key] = value
        return tables

    def pipeline(self, choice: Choice) -> Pipeline:
        """Return the pipeline with these values. Raises: ConfigError where a stage refuses them."""
        return build_pipeline(self.name, self.tables_with(choice))

    def named(self, choice: Choice) -> dict[str, Any]:
        """Return the values by the parameters' names."""
        return {each.name: value for each, value in zip(self.parameters, choice, strict=True)}


def space_of(name: str, tables: Any, texts: Sequence[str]) -> Space:
    """Return what texts such as `fuse.alpha=0..1` say is tuned, tried at its ends.

    Raises: ConfigError, InputError that name the parameter and what is allowed.
    """
    build_pipeline(name, tables)
    if not texts:
        raise InputError("param: at least one is needed, as fuse.alpha=0..1.", "param")
    space = Space(name, tables, tuple(_parameter(each, tables) for each in texts))
    names = [each.name for each in space.parameters]
    for each in names:
        if names.count(each) > 1:
            raise InputError(f"param: {each} is given twice.", "param")
    for number, parameter in enumerate(space.parameters):
        ends = (parameter.values[0], parameter.values[-1])
        for value in ends if parameter.ordered else parameter.values:
            choice = list(space.untuned)
            choice[number] = value
            try:
                space.pipeline(tuple(choice))
            except ConfigError as error:
                raise ConfigError(f"param {parameter.name} = {value!r}: {error}") from error
    return space


def _parameter(text: str, tables: Tables) -> Parameter:
    name, equals, given = text.partition("=")
    stage, dot, key = name.strip().rpartition(".")
    if not equals or not dot or not given.strip():
        raise InputError(
            f"param: STAGE.PARAM=LOW..HIGH or STAGE.PARAM=A,B,C is needed, got {text!r}.", "param"
        )
    paths = [path for path, table in _stages(tables) if table["use"] == stage]
    if len(paths) != 1:
        there = ", ".join(dict.fromkeys(str(table["use"]) for _, table in _stages(tables)))
        raise InputError(
            f"param {name.strip()}: the pipeline has {len(paths) or 'no'} stage{'s' * bool(paths)}"
            f" {stage!r}, and one is needed. It has: {there}.",
            "param",
        )
    kind = stage_types()[stage]
    known = {each.name: each.default for each in fields(kind)}  # type: ignore[arg-type]
    if key not in known:
        raise InputError(
            f"param {name.strip()}: {stage} has no such parameter; it has {', '.join(known)}.",
            "param",
        )
    hint = get_type_hints(kind)[key]
    kinds = set(get_args(hint)) or {hint}
    low, dots, high = given.partition("..")
    label = f"{stage}.{key}"
    values = _range(low, high, kinds, label) if dots else _choices(given, kinds, label)
    table = _at(tables, paths[0])
    return Parameter(label, paths[0], values, table.get(key, known[key]), bool(dots))


def _stages(tables: Tables, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Give every stage's table with its path, those inside other stages too."""
    for place, table in enumerate(tables):
        yield (*path, place), table
        for key, value in table.items():
            held = isinstance(value, list) and value
            if held and all(isinstance(each, dict) and "use" in each for each in value):
                yield from _stages(value, (*path, place, key))


def _at(tables: Any, path: tuple[Any, ...]) -> Any:
    for each in path:
        tables = tables[each]
    return tables


def _range(low: str, high: str, kinds: set[Any], label: str) -> tuple[Any, ...]:
    """Return the values of a range, ascending. Raises: InputError."""
    ends = [_value(each) for each in (low, high)]
    numbers = all(isinstance(each, int | float) and not isinstance(each, bool) for each in ends)
    if not numbers or not kinds & {int, float} or not ends[0] < ends[1]:
        raise InputError(
            f"param {label}: LOW..HIGH needs a parameter that is a number, and LOW below HIGH; got"
            f" {low.strip()}..{high.strip()}.",
            "param",
        )
    if float in kinds:
        width = ends[1] - ends[0]
        return tuple(float(f"{ends[0] + width * n / STEPS:.10g}") for n in range(STEPS + 1))
    if not all(isinstance(each, int) for each in ends) or ends[1] - ends[0] >= MOST:
        raise InputError(
            f"param {label}: whole numbers are needed, at most {MOST:,} of them; got"
            f" {low.strip()}..{high.strip()}.",
            "param",
        )
    return tuple(range(ends[0], ends[1] + 1))


def _choices(given: str, kinds: set[Any], label: str) -> tuple[Any, ...]:
    found = tuple(dict.fromkeys(_value(each) for each in given.split(",")))
    if len(found) < 2:
        raise InputError(f"param {label}: two values or more are needed, got {given!r}.", "param")
    if float in kinds:
        return tuple(float(each) if type(each) is int else each for each in found)
    return found


def _value(text: str) -> Any:
    """Return a number or a truth value as TOML has them; anything else is text."""
    try:
        return tomllib.loads(f"value = {text.strip()}")["value"]
    except tomllib.TOMLDecodeError:
        return text.strip()
