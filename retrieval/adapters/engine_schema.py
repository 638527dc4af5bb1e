"""How an embedded index is made, and asked: its vectors, and its payload indexes."""

import os
from array import array
from collections.abc import Callable
from typing import Any

import qdrant_edge as edge

from retrieval.adapters.points import DENSE, SPARSE, TITLE

SEGMENT_KB = 2_000_000
PAYLOAD_INDEXES: dict[str, Callable[[], Any]] = {
    "tenant": lambda: edge.KeywordIndexParams(is_tenant=True),
    "keyword": lambda: edge.PayloadSchemaType.Keyword,
    "integer": lambda: edge.PayloadSchemaType.Integer,
    "float": lambda: edge.PayloadSchemaType.Float,
    "datetime": lambda: edge.PayloadSchemaType.Datetime,
}
Schema = tuple[int, bool, dict[str, str]]
"""The dimension, whether vectors of titles are kept, and the payload indexes (key to kind)."""


def config_of(schema: Schema) -> edge.EdgeConfig:
    """Return the engine's configuration for an index.

    Nothing searches titles, which are read by their documents' ids: they get no graph.
    """
    dimension, titled, _ = schema
    vectors = {DENSE: edge.EdgeVectorParams(dimension, edge.Distance.Cosine)}
    if titled:
        no_graph = edge.HnswIndexConfig(m=0, ef_construct=100, full_scan_threshold=10_000)
        vectors[TITLE] = edge.EdgeVectorParams(
            dimension, edge.Distance.Cosine, on_disk=True, hnsw_config=no_graph
        )
    return edge.EdgeConfig(
        vectors=vectors,
        sparse_vectors={SPARSE: edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf)},
        max_search_threads=min(4, os.cpu_count() or 1),
        optimizers=edge.EdgeOptimizersConfig(default_segment_number=1, max_segment_size=SEGMENT_KB),
    )


def nearest(probe: Any) -> edge.Query:
    """Return what asks for a probe: the bytes of a float32 vector, or indices and values."""
    if isinstance(probe, bytes):
        return edge.Query.Nearest(numbers(probe), using=DENSE)
    return edge.Query.Nearest(edge.SparseVector(*probe), using=SPARSE)


def numbers(data: bytes) -> Any:
    """Return a vector as the engine takes it fastest."""
    return array("f", data)
