"""What the page on which people judge sends and gets."""

from typing import Annotated

from pydantic import BaseModel, Field

from eval.judging.labels import GRADES
from service.schemas import Request

Place = Annotated[list[int], Field(min_length=2, max_length=2)]


class LabelRequest(Request):
    """A grade for a passage of a pool."""

    pool: str = Field(min_length=1, max_length=300, description="One of GET /judge/pools.")
    query_id: str = Field(min_length=1, max_length=1000)
    document_id: str = Field(min_length=1, max_length=1000)
    span: Place | None = Field(None, description="Start and end; null is the whole document.")
    grade: int | None = Field(
        ge=min(GRADES), le=max(GRADES), description="Null takes an earlier grade back."
    )
    by: str = Field(min_length=1, max_length=100, pattern=r"\S", description="Who judges.")


class Labelled(BaseModel):
    """A label that is on the disk."""

    pool: str
    grade: int | None
    by: str


class PoolListed(BaseModel):
    """A pool, and how many labels each judge gave."""

    name: str
    passages: int
    labels: dict[str, int]


class Pools(BaseModel):
    """All pools, and the grades from 0 in words."""

    pools: list[PoolListed]
    grades: list[str]


class Passage(BaseModel):
    """A passage of a pool; `grade` is that of the judge who was named, or null."""

    query_id: str
    query: str
    document_id: str
    span: Place | None
    title: str
    text: str
    grade: int | None


class PoolAnswer(BaseModel):
    """A pool's passages in the order in which they are judged."""

    name: str
    passages: list[Passage]
