"""What requests and answers look like: checked on the way in, declared on the way out.

Requests are validated against these models. Answers are built as plain values and never validated
again while serving: their models are what the API's description declares, and what tests hold the
answers to.
"""

import math
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from retrieval.config import DEFAULT_PIPELINE
from retrieval.filters import MAX_INTEGER
from retrieval.manifest import NAME, EmbedText

MOST_HITS = 1000
MOST_DOCUMENTS = 1000


def _in_range(value: Any) -> Any:
    """Return JSON values if every number is one that an index can hold."""
    if isinstance(value, dict):
        return {key: _in_range(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_in_range(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("numbers must be finite")
    if isinstance(value, int) and abs(value) > MAX_INTEGER:
        raise ValueError(f"integers must lie within ±{MAX_INTEGER}")
    return value


IndexName = Annotated[str, Field(pattern=f"^{NAME.pattern}$", description="The index's name.")]
Metadata = Annotated[dict[str, Any], AfterValidator(_in_range)]
FilterObject = Annotated[
    dict[str, Any], Field(json_schema_extra={"$ref": "#/components/schemas/Filter"})
]


class Request(BaseModel):
    """What a client sends: nothing is guessed, and nothing unknown is let pass."""

    model_config = ConfigDict(extra="forbid", strict=True)


class QueryRequest(Request):
    """A question to an index."""

    query: str = Field(min_length=1, pattern=r"\S", description="The question.")
    index: IndexName
    pipeline: str = Field(
        DEFAULT_PIPELINE, min_length=1, max_length=100, description="One of GET /pipelines."
    )
    limit: int = Field(10, ge=1, le=MOST_HITS, description="How many passages at most.")
    filter: FilterObject | None = Field(None, description="Conditions on metadata.")
    explain: bool = Field(False, description="Whether to return what each stage did.")
    timeout_s: float | None = Field(
        None, gt=0, description="A deadline in seconds, at most that of the service."
    )


class DocumentIn(Request):
    """One document; it replaces the one with its id."""

    id: str = Field(min_length=1, max_length=1000, description="Any text; may hold slashes.")
    text: str = Field(description="The text; spans count its characters.")
    title: str = Field("", max_length=10_000, description="Stands outside of the text.")
    domain: str | None = Field(None, max_length=200, description="The part of the corpus.")
    metadata: Metadata = Field({}, description="JSON values; scalars can be filtered by.")


class DocumentsRequest(Request):
    """Documents for an index, which is made if it is not there."""

    index: IndexName
    documents: list[DocumentIn] = Field(min_length=1, max_length=MOST_DOCUMENTS)
    chunker: str | dict[str, Any] | None = Field(
        None, description="Its name, or `use` and parameters; none: as the index has it."
    )
    embed: EmbedText | None = Field(
        None, description="What is embedded; none: as the index has it."
    )
    titles: bool | None = Field(
        None,
        description="Keep a vector of each title for the learned reranker; none: as the"
        " index has it, true for a new one.",
    )


class Failed(BaseModel):
    """A document that could not be used."""

    source: str
    reason: str


class Ingested(BaseModel):
    """What was done; each of the `documents` is new, changed, described or unchanged."""

    index: str
    created: bool
    documents: int
    new: int
    changed: int
    described: int = Field(description="Changed in metadata alone.")
    unchanged: int
    failed: int
    chunks: int
    chunks_removed: int
    tokens: int
    cut_chunks: int = Field(description="Chunks that the encoder's limit cut.")
    cut_tokens: int
    seconds: float
    failures: list[Failed]
    notes: list[str]


class Deleted(BaseModel):
    """A document that is gone."""

    index: str
    document_id: str
    chunks_removed: int


class Fault(BaseModel):
    """One field at fault."""

    field: str
    detail: str
    allowed: Any = Field(None, description="A JSON schema, a list of names, or words.")


class Problem(BaseModel):
    """An error, as RFC 9457 has it."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[Fault] = []


class ScoreOut(BaseModel):
    """One score that a passage received, and who gave it."""

    by: str
    value: float


class HitOut(BaseModel):
    """One passage; its scores stand oldest first, and the last one orders."""

    id: str
    document_id: str
    text: str
    span: tuple[int, int] = Field(description="Character offsets [start, end) in the document.")
    heading: list[str] = Field(description="The headings above it, outermost first.")
    domain: str | None
    score: float
    scores: list[ScoreOut]
    metadata: dict[str, Any]


class DomainOut(BaseModel):
    """A domain that a route found, and what the operator says of it."""

    name: str
    probability: float
    metadata: dict[str, Any]


class PipelineUsed(BaseModel):
    """The pipeline that answered."""

    name: str
    fingerprint: str = Field(description="Of stages, models and index: equal to a benchmark's.")


class Timings(BaseModel):
    """Where the time went, in milliseconds."""

    total_ms: float = Field(description="From the parsed request to the answer's values.")
    waiting_ms: float = Field(description="The part of it before a worker was free.")
    stages_ms: dict[str, float] = Field(description="By stage; one that runs twice is summed.")
    tools_ms: dict[str, float] = Field(description="What stages wait for: encode, store.")


class StepOut(BaseModel):
    """What one stage did."""

    stage: str
    params: dict[str, Any]
    ms: float
    changed: dict[str, int]
    top: list[str]
    notes: list[str]
    cost: dict[str, float]
    error: str | None
    steps: list["StepOut"]


class QueryAnswer(BaseModel):
    """The passages, best first, and how they were found."""

    index: str
    pipeline: PipelineUsed
    hits: list[HitOut]
    domains: list[DomainOut] = Field(
        description="Where a route classified the question: likeliest first; none of them: empty."
    )
    timings: Timings
    degraded: list[str] = Field(description="Stages that failed and were left out: `stage: why`.")
    trace: list[StepOut] | None = Field(None, description="Only with `explain`.")


class IndexOut(BaseModel):
    """An index; `error` says why it cannot be searched, where it cannot."""

    name: str
    chunks: int | None = None
    manifest: dict[str, Any] | None = None
    fingerprint: str | None = None
    error: str | None = None


class Indexes(BaseModel):
    """All indexes."""

    indexes: list[IndexOut]


class StageOut(BaseModel):
    """A stage of a pipeline."""

    stage: str
    params: dict[str, Any]
    optional: bool


class PipelineOut(BaseModel):
    """A pipeline; `key` is the sha256 of what it does."""

    name: str
    about: str
    asks_model: bool = Field(description="Some stages ask a language model; off without one.")
    default: bool
    key: str
    stages: list[StageOut]


class Pipelines(BaseModel):
    """All pipelines."""

    pipelines: list[PipelineOut]


class Health(BaseModel):
    """The state of the service."""

    status: str
