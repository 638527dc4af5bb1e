"""Pipeline files: the same sentence as their Python, checked when they are loaded.

    stages = [ { use = "dense", limit = 100 }, { use = "fuse", how = "convex" } ]

No inheritance, no interpolation, no expressions. `use` names a file in `retrieval/stages/`; the
rest are the parameters of its dataclass. A parameter that is a list of such tables holds stages.
"""

import importlib
import pkgutil
import tomllib
from collections.abc import Mapping
from dataclasses import fields, replace
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError

from retrieval import stages as stages_package
from retrieval.errors import ConfigError, NotFoundError
from retrieval.pipeline import Pipeline, Stage, params, stage_name

SHIPPED = Path(__file__).parent / "pipelines"
DEFAULT_PIPELINE = "hybrid"


def types_in(package: ModuleType) -> dict[str, Any]:
    """Return the class of each module in a package, by the module's name: its CamelCase."""
    found = {}
    for module in pkgutil.iter_modules(package.__path__):
        camel = "".join(word.capitalize() for word in module.name.split("_"))
        found[module.name] = getattr(
            importlib.import_module(f"{package.__name__}.{module.name}"), camel
        )
    return found


@cache
def stage_types() -> dict[str, type[Stage]]:
    """Return every stage by name: the folder `retrieval/stages/` is the registry."""
    return types_in(stages_package)


def pipeline_files(own: Path | None = None) -> dict[str, Path]:
    """Return the pipeline files by name; those in the folder `own` go before shipped ones."""
    folders = [SHIPPED] if own is None else [SHIPPED, own]
    return {file.stem: file for folder in folders for file in sorted(folder.glob("*.toml"))}


def load_pipeline(name: str, own: Path | None = None) -> Pipeline:
    """Return the pipeline of a name, or of a file where the name is a path that ends in .toml.

    Raises: NotFoundError that lists the names; ConfigError that names the file, the stage and
    what is allowed.
    """
    file, data = _pipeline_file(name, own)
    about = data.get("about", "")
    if not isinstance(about, str):
        raise ConfigError(f"{file}: 'about' must be a text, got {about!r}.")
    return replace(build_pipeline(file.stem, data["stages"]), about=about.strip())


def pipeline_tables(name: str, own: Path | None = None) -> tuple[str, Any]:
    """Return a pipeline's name and its stage tables as the file has them, not checked yet.

    Raises: NotFoundError that lists the names; ConfigError that names the file.
    """
    file, data = _pipeline_file(name, own)
    return file.stem, data["stages"]


def _pipeline_file(name: str, own: Path | None) -> tuple[Path, dict[str, Any]]:
    files = pipeline_files(own)
    file = Path(name) if name.endswith(".toml") else files.get(name)
    if file is None or not file.is_file():
        raise NotFoundError(
            f"Pipeline {name!r} is not there. There are: {', '.join(files)};"
            " or give the path of a .toml file.",
            "pipeline",
        )
    data = read_toml(file)
    extra = sorted(set(data) - {"stages", "about"})
    if extra or "stages" not in data:
        raise ConfigError(f"{file}: 'stages' is needed and 'about' allowed, got {sorted(data)}.")
    return file, data


def read_toml(file: Path) -> dict[str, Any]:
    """Return what a TOML file says. Raises: ConfigError that names the file and the place."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: {error}.") from error


def build_pipeline(name: str, tables: Any) -> Pipeline:
    """Return the pipeline that a list of stage tables describes. Raises: ConfigError."""
    return Pipeline(name, _stages(tables, f"Pipeline {name!r}"))


def stage_table(stage: Stage) -> dict[str, Any]:
    """Return the table of a pipeline file that a stage is built from, all parameters named."""
    return {"use": stage_name(stage)} | {k: _plain(value) for k, value in params(stage).items()}


def _plain(value: Any) -> Any:
    """Thaw tuples and stages, as JSON and pipeline files have them."""
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return stage_table(value) if isinstance(value, Stage) else value


def _stages(tables: Any, where: str) -> tuple[Stage, ...]:
    if not isinstance(tables, list) or not tables:
        raise ConfigError(f"{where}: a list of stages is needed, as [{{ use = 'dense' }}, ...].")
    return tuple(_stage(table, f"{where}, stage {i}") for i, table in enumerate(tables, 1))


def _stage(table: Any, where: str) -> Stage:
    if not isinstance(table, dict) or not isinstance(table.get("use"), str):
        raise ConfigError(f"{where}: a table with 'use' is needed, got {table!r}.")
    types = stage_types()
    name = table["use"]
    if name not in types:
        raise ConfigError(f"{where}: no stage {name!r}.{_hint(name, types)}")
    where = f"{where} ({name})"
    allowed = [each.name for each in fields(types[name])]  # type: ignore[arg-type]
    given = {key: _value(value, f"{where}.{key}") for key, value in table.items() if key != "use"}
    for key, value in given.items():
        if key not in allowed:
            raise ConfigError(f"{where}: no parameter {key!r}.{_hint(key, allowed)}")
        try:
            _validator(types[name], key).validate_python(value)
        except ValidationError as error:
            fault = error.errors()[0]
            raise ConfigError(f"{where}: {key}: {fault['msg']}, got {value!r}.") from error
    return types[name](**given)


@cache
def _validator(stage: type[Stage], parameter: str) -> TypeAdapter[Any]:
    hint = get_type_hints(stage)[parameter]
    return TypeAdapter(hint, config=ConfigDict(arbitrary_types_allowed=True, strict=True))


def _value(value: Any, where: str) -> Any:
    """Freeze lists and tables; a list of tables with 'use' becomes a pipeline of stages."""
    if isinstance(value, list):
        if value and all(isinstance(each, dict) and "use" in each for each in value):
            return _stages(value, where)
        return tuple(_value(each, where) for each in value)
    if isinstance(value, Mapping):
        return tuple((key, _value(each, where)) for key, each in value.items())
    return value


def _hint(name: str, allowed: Any) -> str:
    close = get_close_matches(name, list(allowed), 1)
    mean = f" Did you mean {close[0]!r}?" if close else ""
    return f"{mean} Allowed: {', '.join(sorted(allowed)) or 'none'}."
