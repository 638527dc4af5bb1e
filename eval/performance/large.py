"""POST /query on 100,000 synthetic chunks, alone and beside a client that posts documents.

Vectors are a Gaussian mixture (2,000 clusters in 64 latent dimensions), texts are drawn from a
Zipf vocabulary, so that neither leg is easier than on real data of that size.
"""

import threading
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from eval.performance.measure import Figure, percentile, seconds
from eval.performance.server import Client, server
from eval.performance.serving import ask
from retrieval.kit import Point
from retrieval.manifest import Manifest
from retrieval.open_kit import Tools
from retrieval.settings import Settings
from retrieval.types import Chunk, Span, chunk_id

CHUNKS = 100_000
WORDS = 60
VOCABULARY = 50_000
BATCH = 1_000
POSTED = 500


def large_figures(data_dir: Path) -> list[Figure]:
    """Return latency percentiles on the large index, built first if it is not there."""
    tools = Tools(Settings(data_dir=data_dir))
    texts = Texts(seed=7)
    built_s = 0.0
    if "large" not in tools.indexes.names():
        built_s = seconds(lambda: build(tools, texts))
    stats = tools.indexes.stats("large")  # type: ignore[attr-defined]
    tools.close()
    questions = [texts.words(8) for _ in range(300)]
    with server(data_dir) as (port, _):
        client = Client(port)
        for question in questions[:50]:
            ask(client, "large", question)
        alone = [ask(client, "large", question).ms for question in questions]
        beside, posted = _beside_writer(port, questions)
    return [
        Figure("100,000 chunks: built (stored and optimized)", built_s, "s"),
        Figure("100,000 chunks: POST /query p50", percentile(alone, 50), "ms"),
        Figure("100,000 chunks: POST /query p95", percentile(alone, 95), "ms", 20),
        Figure("... beside a writer of 500 documents: p50", percentile(beside, 50), "ms"),
        Figure(
            "... beside a writer of 500 documents a batch: p95", percentile(beside, 95), "ms", 80
        ),
        Figure("... batches that the writer posted meanwhile", posted, "batches", 1, True),
        Figure("100,000 chunks: the engine's memory", stats["engine_rss_bytes"] / 1e6, "MB"),
        Figure("100,000 chunks: disk", stats["disk_bytes"] / 1e6, "MB"),
    ]


class Texts:
    """Words of a Zipf vocabulary."""

    def __init__(self, seed: int) -> None:
        """Start at a seed."""
        self._random = np.random.default_rng(seed)
        ranks = np.arange(1, VOCABULARY + 1)
        self._shares = (1 / ranks) / (1 / ranks).sum()

    def words(self, count: int) -> str:
        """Return some words, common ones more often."""
        return " ".join(
            f"w{word:05d}" for word in self._random.choice(VOCABULARY, count, p=self._shares)
        )


def build(tools: Tools, texts: Texts) -> None:
    """Make the index `large` straight through the store, without the encoder."""
    manifest = Manifest(
        name="large",
        encoder=tools.embedder.identity,
        sparse=tools.sparse.identity,
        embed="text",
        chunker={"use": "whole"},
        average_length=float(WORDS),
    )
    store = tools.indexes.create(manifest)
    points = _points(tools, texts)
    while batch := list(islice(points, BATCH)):
        store.replace({point.chunk.document_id: [point] for point in batch})
    store.flush()
    store.optimize()


def _points(tools: Tools, texts: Texts) -> Iterator[Point]:
    random = np.random.default_rng(11)
    dimension = tools.embedder.dimension
    basis = random.normal(size=(64, dimension)).astype(np.float32)
    centres = random.normal(size=(2_000, 64)).astype(np.float32)
    for start in range(0, CHUNKS, BATCH):
        words = [texts.words(WORDS) for _ in range(BATCH)]
        near = centres[random.integers(0, 2_000, BATCH)]
        vectors = (near + 0.3 * random.normal(size=(BATCH, 64))).astype(np.float32) @ basis
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        sparse = tools.sparse.documents(words, float(WORDS))
        for i in range(BATCH):
            name, span = f"doc-{start + i}", Span(0, len(words[i]))
            chunk = Chunk(chunk_id("default", name, span, words[i]), name, words[i], span)
            yield Point(chunk, 0, vectors[i], sparse[i])


def _beside_writer(port: int, questions: list[str]) -> tuple[list[float], int]:
    """Return the latencies while another client posts, and how many batches it got in."""
    stop, posted = threading.Event(), 0

    def write() -> None:
        nonlocal posted
        client, texts = Client(port), Texts(seed=13)
        while not stop.is_set():
            documents = [
                {"id": f"new-{posted}-{i}", "text": texts.words(WORDS)} for i in range(POSTED)
            ]
            client.post("/documents", {"index": "large", "documents": documents})
            posted += 1

    writer = threading.Thread(target=write)
    writer.start()
    client = Client(port)
    taken = [ask(client, "large", question).ms for question in questions * 5]
    stop.set()
    writer.join()
    return taken, posted
