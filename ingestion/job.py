"""What an ingestion is asked to do, and what it says while it runs."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ingestion.load import Loaded
from retrieval.adapters.points import DEFAULT_TENANT
from retrieval.manifest import EmbedText, FieldType

DEFAULT_EMBED: EmbedText = "title+text"


@dataclass(frozen=True)
class Job:
    """Documents on their way into an index.

    The index is made if it is not there. None is what an existing index was built with, and the
    default for a new one; anything else has to be what it was built with. `fields` are the types
    of metadata fields of a new index; those of its first documents join them. `titles` keeps a
    vector of each title for the learned reranker (the default). `domain` is that of documents that
    have none. `sync` removes the documents that the items do not hold, but for
    those of a source that could not be read. `wait_s` is how long to wait for another writer, and
    for a store that is down.
    """

    items: Iterable[Loaded]
    index: str
    tenant: str = DEFAULT_TENANT
    chunker: str | Mapping[str, Any] | None = None
    embed: EmbedText | None = None
    titles: bool | None = None
    fields: Mapping[str, FieldType] | None = None
    domain: str | None = None
    sync: bool = False
    optimize: bool = True
    wait_s: float = 60.0


class Progress(NamedTuple):
    """How far a job is: documents done, chunks embedded, bytes of the sources done, seconds."""

    documents: int
    chunks: int
    bytes: int
    seconds: float


OnProgress = Callable[[Progress], None]
"""Called in the thread that ingests, at most a few times a second; what it raises ends the job."""
