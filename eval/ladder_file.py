"""Ladder files: pipelines one above the other, each a rung, as TOML that can be read aloud.

    [[rungs]]
    name = "hybrid"
    stages = [{ use = "dense" }, { use = "sparse" }, { use = "fuse" }]

    [[rungs]]
    name = "reranked"
    add = { use = "rerank" }
    after = "fuse"

A rung is a `pipeline` (the name or file of one), its `stages`, or a difference to the rung below:
`add` a stage (`before` or `after` another, else at the end), `replace` one `with` another, or
`remove` one. `on` names another earlier rung to stand on and to be compared with. `add`, `with` and
`remove` may be lists. Nothing else: no inheritance, no expressions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retrieval.config import build_pipeline, pipeline_files, pipeline_tables, read_toml
from retrieval.errors import ConfigError, NotFoundError
from retrieval.pipeline import Pipeline

SHIPPED = Path(__file__).parent / "ladders"
FORMS = ("pipeline", "stages", "add", "replace", "remove")
PARTNERS = {"add": {"before", "after"}, "replace": {"with"}}
Tables = list[Mapping[str, Any]]


@dataclass(frozen=True)
class Rung:
    """A pipeline of a ladder: its tables as a pipeline file has them, and what it stands on.

    `on` is the number of the rung that it is compared with; None for the first. `without` is the
    stage that a drop-one rung lacks.
    """

    pipeline: Pipeline
    tables: Tables
    on: int | None
    without: str | None = None

    @property
    def name(self) -> str:
        """The rung's name, which is its pipeline's."""
        return self.pipeline.name


@dataclass(frozen=True)
class Ladder:
    """Rungs from the lowest on, all of them built; `notes` are what a user should know of them."""

    name: str
    rungs: tuple[Rung, ...]
    drop_one: bool = False
    notes: tuple[str, ...] = ()


def load_ladder(name: str, own: Path | None = None, drop_one: bool = False) -> Ladder:
    """Return the ladder of a name or of a .toml file; a pipeline is a ladder of one rung.

    `own` is the folder of the user's pipelines. `drop_one`: the last rung, and it without each of
    its stages in turn.

    Raises: NotFoundError that lists the names; ConfigError that names the rung and the stage.
    """
    shipped = {file.stem: file for file in sorted(SHIPPED.glob("*.toml"))}
    file = Path(name) if name.endswith(".toml") else shipped.get(name)
    if file is None and name in pipeline_files(own):
        title, tables = pipeline_tables(name, own)
        rungs = [_built({"name": title}, tables, None, f"Pipeline {title!r}")]
        return _finished(title, rungs, drop_one)
    if file is None or not file.is_file():
        raise NotFoundError(
            f"Ladder {name!r} is not there. There are: {', '.join(shipped)}, and the pipelines"
            f" {', '.join(pipeline_files(own))}; or give the path of a .toml file.",
            "ladder",
        )
    data = read_toml(file)
    if "rungs" not in data:
        data = {"about": data.get("about"), "rungs": [{"pipeline": file.name}]}
    extra = sorted(set(data) - {"rungs", "about"})
    if extra or not isinstance(data["rungs"], list) or not data["rungs"]:
        raise ConfigError(
            f"{file}: a list 'rungs' is needed and 'about' allowed, got {sorted(data)}."
        )
    rungs = []
    for number, table in enumerate(data["rungs"], 1):
        rungs.append(_rung(table, rungs, (file, number), own))
    return _finished(file.stem, rungs, drop_one)


def _finished(name: str, rungs: list[Rung], drop_one: bool) -> Ladder:
    if drop_one:
        return _dropped(name, rungs[-1])
    if len(rungs) < 2:
        raise ConfigError(
            f"Ladder {name!r} has one rung: two or more are compared. --drop-one takes a pipeline"
            " apart, stage by stage."
        )
    return Ladder(name, tuple(rungs))


def _rung(table: Any, below: Sequence[Rung], place: tuple[Path, int], own: Path | None) -> Rung:
    file, number = place
    where = f"{file}, rung {number}"
    if not isinstance(table, Mapping):
        raise ConfigError(f"{where}: a table is needed, got {table!r}.")
    where = f"{where} {table['name']!r}" if isinstance(table.get("name"), str) else where
    form = _form(table, where)
    on = _on(table, below, where)
    if form == "pipeline":
        given = str(table["pipeline"])
        file_name = str(file.parent / given) if given.endswith(".toml") else given
        title, tables = pipeline_tables(file_name, own)
        return _checked(_built({"name": title, **table}, tables, on, where), below, where)
    if form == "stages":
        tables = table["stages"]
    elif on is None:
        raise ConfigError(f"{where}: the first rung is a 'pipeline' or 'stages', not {form!r}.")
    else:
        tables = _changed(table, below[on], where)
    return _checked(_built(table, tables, on, where), below, where)


def _form(table: Mapping[str, Any], where: str) -> str:
    """Return the one form that a rung has. Raises: ConfigError."""
    forms = [each for each in FORMS if each in table]
    if len(forms) != 1:
        raise ConfigError(f"{where}: one of {', '.join(FORMS)} is needed, got {sorted(table)}.")
    allowed = {"name", "on", forms[0]} | PARTNERS.get(forms[0], set())
    extra = sorted(set(table) - allowed)
    if extra:
        raise ConfigError(f"{where}: {extra[0]!r} does not go with {forms[0]!r}.")
    return forms[0]


def _on(table: Mapping[str, Any], below: Sequence[Rung], where: str) -> int | None:
    """Return the number of the rung that a rung stands on: the one below, unless it is named."""
    if "on" not in table:
        return len(below) - 1 if below else None
    names = [each.name for each in below]
    if table["on"] not in names:
        raise ConfigError(
            f"{where}: on: {table['on']!r} is no earlier rung. There are: {', '.join(names)}."
        )
    return names.index(table["on"])


def _built(table: Mapping[str, Any], tables: Any, on: int | None, where: str) -> Rung:
    name = table.get("name")
    if not isinstance(name, str) or not name.strip():
        raise ConfigError(f"{where}: 'name' is needed.")
    try:
        pipeline = build_pipeline(name, tables)
    except ConfigError as error:
        raise ConfigError(f"{where} cannot be built. {error}") from error
    return Rung(pipeline, list(tables), on)


def _checked(rung: Rung, below: Sequence[Rung], where: str) -> Rung:
    """Return a rung that is not among those below it. Raises: ConfigError."""
    for each in below:
        if each.name == rung.name:
            raise ConfigError(f"{where}: an earlier rung has this name.")
        if each.pipeline.key == rung.pipeline.key:
            raise ConfigError(f"{where} is the same pipeline as rung {each.name!r}.")
    return rung


def _changed(table: Mapping[str, Any], on: Rung, where: str) -> Tables:
    """Return the tables of the rung that this one stands on, with its difference."""
    tables = list(on.tables)
    if "remove" in table:
        for name in _listed(table["remove"]):
            del tables[_place(tables, name, on, where)]
        return tables
    if "replace" in table:
        if "with" not in table:
            raise ConfigError(f"{where}: 'replace' needs 'with', a stage or a list of them.")
        place = _place(tables, table["replace"], on, where)
        tables[place : place + 1] = _listed(table["with"])
        return tables
    sides = [side for side in ("before", "after") if side in table]
    if len(sides) > 1:
        raise ConfigError(f"{where}: 'before' or 'after', not both.")
    at = len(tables)
    for side in sides:
        at = _place(tables, table[side], on, where) + (side == "after")
    tables[at:at] = _listed(table["add"])
    return tables


def _place(tables: Tables, name: Any, on: Rung, where: str) -> int:
    """Return where the one stage of a name stands. Raises: ConfigError."""
    names = [each["use"] for each in tables]
    if names.count(name) != 1:
        how_often = f"{names.count(name)} stages" if name in names else "no stage"
        ways = " Write the rung out with 'stages'." if name in names else ""
        raise ConfigError(
            f"{where}: {how_often} {name!r} in {on.name!r}, which it stands on"
            f" ({', '.join(names)}).{ways}"
        )
    return names.index(name)


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value]


def _dropped(name: str, full: Rung) -> Ladder:
    """Return the full pipeline, and it without each stage; one that cannot be built is noted."""
    rungs, notes = [Rung(full.pipeline, full.tables, None)], []
    uses = [each["use"] for each in full.tables]
    for place, use in enumerate(uses):
        which = f"{use} (stage {place + 1})" if uses.count(use) > 1 else use
        tables = [each for at, each in enumerate(full.tables) if at != place]
        title = f"without {which}"
        try:
            rungs.append(Rung(build_pipeline(title, tables), tables, 0, which))
        except ConfigError as error:
            notes.append(f"left out, {title}: {error}")
    if len(rungs) < 2:
        raise ConfigError(f"{full.name!r}: no stage can be left out. {' '.join(notes)}")
    return Ladder(name, tuple(rungs), True, tuple(notes))
