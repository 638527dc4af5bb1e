"""What `POST /why` gets and gives."""

from typing import Annotated

from pydantic import BaseModel, Field

from retrieval.config import DEFAULT_PIPELINE
from retrieval.filters import MAX_INTEGER
from service.schemas import FilterObject, IndexName, PipelineUsed, Request

MOST_HITS = 1000
Offset = Annotated[int, Field(ge=0, le=MAX_INTEGER)]


class WhyRequest(Request):
    """A question, and the document that was missed in its answer."""

    query: str = Field(min_length=1, pattern=r"\S", description="The question.")
    index: IndexName
    document_id: str = Field(min_length=1, max_length=1000, description="What was missed.")
    span: list[Offset] | None = Field(
        None,
        min_length=2,
        max_length=2,
        description="Start and end of a part of it, in characters; null is the whole document.",
    )
    pipeline: str = Field(
        DEFAULT_PIPELINE, min_length=1, max_length=100, description="One of GET /pipelines."
    )
    limit: int = Field(10, ge=1, le=MOST_HITS, description="How many hits are the answer.")
    filter: FilterObject | None = Field(None, description="Conditions on metadata.")
    timeout_s: float | None = Field(
        None, gt=0, description="A deadline in seconds, at most that of the service."
    )


class StandingOut(BaseModel):
    """Where it stood in one list: a leg's ranking, the hits after a stage, or the answer."""

    name: str
    rank: int | None = Field(description="From 1; null is not there.")
    size: int
    score: float | None


class DepthOut(BaseModel):
    """How deep it lies in one leg."""

    by: str
    rank: int | None = Field(description="From 1; null is further down than 10,000, or nowhere.")
    score: float | None = Field(description="Null: the leg has nothing in common with it.")
    chunk_id: str | None


class PassageOut(BaseModel):
    """Its best passage."""

    id: str
    span: tuple[int, int]
    heading: list[str]
    title: str
    excerpt: str


class TermsOut(BaseModel):
    """The question's words that the best passage has, that others of it have, that none has."""

    has: list[str]
    elsewhere: list[str]
    lacks: list[str]


class RemedyOut(BaseModel):
    """A change of the pipeline that was tried and brings it back."""

    change: str
    rank: int
    limit: int


class WhyAnswer(BaseModel):
    """Why a document is not in the answer: one cause, and what it rests on."""

    index: str
    pipeline: PipelineUsed
    query: str
    document_id: str
    span: tuple[int, int] | None
    limit: int
    found: bool = Field(description="Whether it is in the answer after all.")
    cause: str | None = Field(description="One of `causes`; null where it is in the answer.")
    stage: str = Field(description="The list in which it was lost, if there is one.")
    why: str = Field(description="In a sentence.")
    stood: list[StandingOut] = Field(description="Every list on the way, in order.")
    depths: list[DepthOut]
    passages: int = Field(description="How many passages of the index are what was asked for.")
    passage: PassageOut | None
    terms: TermsOut | None
    remedies: list[RemedyOut]
    advice: str
    degraded: list[str] = Field(description="Stages that failed and were left out: `stage: why`.")
