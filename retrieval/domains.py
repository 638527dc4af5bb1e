"""What an operator says of domains: in a table of a pipeline file, or in a file of its own.

    [aeronautics]
    about = "papers on flight"                  # what a model that classifies is told
    kind = "abstracts of aeronautics papers"    # what the stages that ask a model are told
    glossary = { "AoA" = "angle of attack" }    # the same; a text, or a table of terms
    owner = "library@example.org"               # anything else is returned with the answer

It is the operator's own text, so it may stand in an instruction's place.
"""

import tomllib
from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any

from retrieval.errors import ConfigError
from retrieval.types import Domain, Search

Known = dict[str, dict[str, Any]]
"""What is known of each domain, by name, as JSON values."""
FORM = "as cats = 'pets', or cats = { about = 'pets', kind = 'letters of owners' }"
TEXTS = ("about", "kind")
LIKELY = 0.5


def known_domains(given: str | tuple[Any, ...]) -> Known:
    """Return what is said of domains: by the TOML file of a name, or by a pipeline's own table.

    A text alone is what the domain is `about`. Raises: ConfigError that names the domain.
    """
    table = _read(Path(given)) if isinstance(given, str) else dict(given)
    return {name: _checked(name, value) for name, value in table.items()}


def likely(search: Search) -> Domain | None:
    """Return the domain that is likelier than all others together, if there is one."""
    best = search.domains[0] if search.domains else None
    return best if best and best.probability > LIKELY else None


def told(search: Search, kind: str) -> tuple[str, str]:
    """Return what a model is told: the kind of the domain's texts, else `kind`; and its glossary.

    The glossary is a paragraph to end instructions with, "" where the domain has none.
    """
    domain = likely(search)
    meta: Mapping[str, Any] = domain.meta if domain else {}
    glossary = meta.get("glossary")
    if isinstance(glossary, Mapping):
        glossary = "; ".join(f"{term}: {meaning}" for term, meaning in glossary.items())
    return meta.get("kind") or kind, f"\nTerms used there: {glossary}" if glossary else ""


def _checked(name: str, value: Any) -> dict[str, Any]:
    found = _thawed({"about": value} if isinstance(value, str) else value)
    if not isinstance(found, dict):
        raise ConfigError(f"route.domains: {name}: a text or a table is needed, {FORM}.")
    for each in TEXTS:
        if not isinstance(found.get(each, ""), str):
            raise ConfigError(f"route.domains: {name}: {each} has to be a text.")
    if not isinstance(found.get("glossary", ""), str | dict):
        raise ConfigError(f"route.domains: {name}: glossary has to be a text or a table.")
    return found


def _thawed(value: Any) -> Any:
    """Return what a pipeline file froze as JSON values again; dates and infinities as text."""
    if isinstance(value, tuple) and value and all(map(_is_pair, value)):
        value = dict(value)
    if isinstance(value, Mapping):
        return {str(name): _thawed(each) for name, each in value.items()}
    if isinstance(value, tuple | list):
        return [_thawed(each) for each in value]
    plain = isinstance(value, str | int) or (isinstance(value, float) and isfinite(value))
    return value if plain else str(value)


def _is_pair(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str)


def _read(file: Path) -> dict[str, Any]:
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"Domains {file}: cannot be read ({error}).") from error
    if not found:
        raise ConfigError(f"Domains {file}: it names no domain, {FORM}.")
    return found
