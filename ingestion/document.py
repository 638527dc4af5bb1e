"""A document as loaders give it, before it is cut into chunks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from retrieval.manifest import digest


class Heading(NamedTuple):
    """A heading in a document's text: where its line starts, its level from 1, its words."""

    start: int
    level: int
    text: str


@dataclass(frozen=True)
class Document:
    """One source text. Every span anywhere counts characters of `text`, which is never changed.

    `title` stands outside of `text`; `headings` ascend by `start`; `meta` holds JSON values.
    """

    id: str
    text: str
    title: str = ""
    headings: tuple[Heading, ...] = ()
    domain: str | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)

    @property
    def content_hash(self) -> str:
        """The hash of what chunks and vectors are made from."""
        return digest([self.text, self.title, self.headings])

    @property
    def meta_hash(self) -> str:
        """The hash of what is stored beside them."""
        return digest([self.domain, self.meta])


class Failure(NamedTuple):
    """A source that gave no document, and why; the job goes on.

    `emptied` is the id of a document that was read and holds no text, or the id that its path gives
    a file without documents; None is what could not be read.
    """

    source: str
    reason: str
    emptied: str | None = None
