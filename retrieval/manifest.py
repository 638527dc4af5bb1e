"""The manifest of an index: what it was built with, so that nothing else is ever searched in it."""

import hashlib
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from retrieval.errors import ConfigError, InputError
from retrieval.filters import RESERVED, Filter
from retrieval.filters import fields as filter_fields

UNTITLED, TITLED = 1, 2
"""How points are laid out (the schema): without vectors of titles, and with them."""
READ = (UNTITLED, TITLED)
FieldType = Literal["str", "int", "float", "bool", "date"]
EmbedText = Literal["text", "title+text", "heading+text"]
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def checked_name(name: str) -> str:
    """Return the name of an index if it can be one. Raises: InputError."""
    if not NAME.fullmatch(name):
        raise InputError(
            f"Index name {name!r}: 1 to 100 letters, digits, '.', '_' or '-' are allowed,"
            " starting with a letter or digit.",
            "index",
        )
    return name


def digest(data: Any) -> str:
    """Return the sha256 of data as canonical JSON: stable between processes and type-safe."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Manifest:
    """What an index was built with.

    Identity (a mismatch is refused): encoder, what is embedded, chunker, sparse terms, schema.
    Recorded beside it: fields that are indexed for filters, the average length in terms (frozen
    from the first batch), the id of this very build, the time of it.
    """

    name: str
    encoder: Mapping[str, Any]
    sparse: Mapping[str, Any]
    embed: EmbedText
    chunker: Mapping[str, Any]
    average_length: float
    fields: Mapping[str, FieldType] = field(default_factory=dict)
    schema: int = TITLED
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    def __post_init__(self) -> None:
        """Check the name and the fields."""
        checked_name(self.name)
        for name, kind in self.fields.items():
            if kind not in get_args(FieldType):
                raise ConfigError(
                    f"Field {name!r}: type {kind!r} is none of {', '.join(get_args(FieldType))}."
                )

    @property
    def identity(self) -> dict[str, Any]:
        """The part that must be equal for two indexes to hold comparable chunks."""
        names = ("encoder", "sparse", "embed", "chunker", "schema")
        return {name: _plain(getattr(self, name)) for name in names}

    @property
    def fingerprint(self) -> str:
        """The sha256 of the identity."""
        return digest(self.identity)

    @property
    def titled(self) -> bool:
        """Whether the index keeps the vectors of titles."""
        return self.schema >= TITLED

    def undeclared(self, filter: Filter | None) -> tuple[str, ...]:
        """Return the fields of a filter that have no payload index: such a search runs exact."""
        if filter is None:
            return ()
        return tuple(sorted(filter_fields(filter) - set(self.fields) - set(RESERVED)))

    def as_json(self) -> dict[str, Any]:
        """Return the manifest as JSON values."""
        found: dict[str, Any] = _plain(asdict(self))
        return found

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Manifest":
        """Return the manifest that was stored. Raises: ConfigError if it is of another schema."""
        if data.get("schema") not in READ:
            raise ConfigError(
                f"Index {data.get('name')!r} has schema {data.get('schema')}, this Assay reads"
                f" schemas {', '.join(map(str, READ))}. Ingest it again into a new index."
            )
        return cls(**{each.name: data[each.name] for each in fields(cls)})


def _plain(value: Any) -> Any:
    """Mappings and tuples as JSON has them, so that a stored manifest equals a new one."""
    return json.loads(json.dumps(value, default=dict))
