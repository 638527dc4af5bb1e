"""Reading: the types, the pipeline, its stages and the tools they work with."""

from retrieval.kit import Kit
from retrieval.pipeline import Pipeline, Stage
from retrieval.types import Chunk, Search

__all__ = ["Chunk", "Kit", "Pipeline", "Search", "Stage"]
