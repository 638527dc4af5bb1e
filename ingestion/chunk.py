"""How documents are cut: chunkers by name, each a file in `ingestion/chunkers/`.

A chunker is a frozen dataclass, its parameters are what an index may be built with: `structure`,
or `{ use = "fixed", tokens = 200 }`. It yields spans of the text; what all chunks have in common
is done here: no white space around them, none empty, and the path of the headings above.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from difflib import get_close_matches
from functools import cache
from typing import Any, NamedTuple, Protocol

from pydantic import ConfigDict, TypeAdapter, ValidationError

from ingestion import chunkers as chunkers_package
from ingestion.reading import Reading
from retrieval.config import types_in
from retrieval.errors import ConfigError
from retrieval.types import Span

DEFAULT_CHUNKER = "structure"
STRICT = ConfigDict(strict=True)


class Chunker(Protocol):
    """A technique that cuts a text."""

    def __call__(self, reading: Reading) -> Iterable[Span]:
        """Yield spans with ascending starts; together they hold all of the text but white space."""


class Piece(NamedTuple):
    """A stretch of a text that becomes a chunk, and the headings above it, outermost first."""

    span: Span
    heading: tuple[str, ...]


@cache
def chunker_types() -> dict[str, type[Chunker]]:
    """Return every chunker by name: the folder `ingestion/chunkers/` is the registry."""
    return types_in(chunkers_package)


def build_chunker(config: str | Mapping[str, Any]) -> Chunker:
    """Return the chunker of a name, or of a table with `use` and its parameters.

    Raises: ConfigError that names what is wrong and what is allowed.
    """
    table = {"use": config} if isinstance(config, str) else dict(config)
    name = table.pop("use", None)
    types = chunker_types()
    if not isinstance(name, str) or name not in types:
        raise ConfigError(f"No chunker {name!r}.{_hint(str(name), types)}")
    kind: Any = types[name]
    allowed: dict[str, Any] = {each.name: each.type for each in fields(kind)}
    for key, value in table.items():
        if key not in allowed:
            raise ConfigError(f"Chunker {name!r}: no parameter {key!r}.{_hint(key, allowed)}")
        try:
            TypeAdapter(allowed[key], config=STRICT).validate_python(value)
        except ValidationError as error:
            fault = error.errors()[0]["msg"]
            raise ConfigError(f"Chunker {name!r}: {key}: {fault}, got {value!r}.") from error
    built: Chunker = kind(**table)
    return built


def chunker_config(chunker: Chunker) -> dict[str, Any]:
    """Return the table of a chunker with every parameter: what an index's manifest keeps."""
    kind: Any = type(chunker)
    name = kind.__module__.rpartition(".")[2]
    return {"use": name} | {each.name: getattr(chunker, each.name) for each in fields(kind)}


def pieces(chunker: Chunker, reading: Reading) -> Iterator[Piece]:
    """Yield what becomes the chunks of a document, in order; nothing for one without text."""
    text = reading.text
    for start, end in chunker(reading):
        start += len(text[start:end]) - len(text[start:end].lstrip())
        end -= len(text[start:end]) - len(text[start:end].rstrip())
        if start < end:
            yield Piece(Span(start, end), reading.path(start))


def _hint(name: str, allowed: Iterable[str]) -> str:
    close = get_close_matches(name, list(allowed), 1)
    mean = f" Did you mean {close[0]!r}?" if close else ""
    return f"{mean} Allowed: {', '.join(sorted(allowed)) or 'none'}."
