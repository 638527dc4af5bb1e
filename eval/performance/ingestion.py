"""What ingestion costs beside the encoder, in time and in memory."""

import json
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from eval.performance.measure import Figure, memory_mb, peak_mb, ratio, reset_peak
from ingestion.document import Document
from ingestion.ingest import ingest
from ingestion.job import Job
from ingestion.load import Loaded
from retrieval.embedded_text import embedded_text
from retrieval.manifest import EmbedText
from retrieval.open_kit import Tools
from retrieval.settings import Settings

EMBED: EmbedText = "title+text"
WARM = 64
SIZES = (10_000, 100_000)


def ingestion_figures(settings: Settings, documents: Sequence[Document]) -> list[Figure]:
    """Return the share of the bare encoder's throughput that ingestion keeps (median of 3).

    The encoder has the same texts, each once: the passages, and with vectors of titles those too.
    What such vectors cost is a line of its own, against the passages alone.
    """
    tools = Tools(settings)
    texts = [embedded_text(EMBED, each.title, (), each.text) for each in documents]
    tools.embedder.passages(texts[:WARM])

    def whole(titles: bool) -> None:
        tools.indexes.drop("speed") if "speed" in tools.indexes.names() else None
        job = Job(_items(documents), "speed", chunker="whole", embed=EMBED, titles=titles)
        ingest(job, tools, lambda _: None)

    every = texts + list(dict.fromkeys(each.title for each in documents if each.title))
    figures = []
    for what, titles, same in ((", no titles", False, texts), (", titles", True, every)):
        shares = ratio(lambda s=same: tools.embedder.passages(s), lambda t=titles: whole(t))  # type: ignore[misc]
        stats = tools.indexes.stats("speed")  # type: ignore[attr-defined]
        disk = stats["disk_bytes"] / 1e6 * 100_000 / len(documents)
        share = "ingestion: share of the bare encoder's speed, same texts" + what
        figures += [
            Figure(share, statistics.median(shares), "", 0.9, True),
            Figure(f"engine's disk, per 100,000 chunks{what}", disk, "MB"),
        ]
    alone = ratio(lambda: tools.embedder.passages(texts), lambda: whole(True))
    share = "ingestion: share of the bare encoder's speed, titles, encoder without"
    figures.append(Figure(share, statistics.median(alone), "", None, True))
    tools.indexes.drop("speed")
    tools.close()
    return figures


def memory_figures(data_dir: Path) -> list[Figure]:
    """Return how far ingesting processes grow over their loaded model, for short chunks."""
    figures = []
    for count in SIZES:
        done = subprocess.run(
            [sys.executable, "-m", "eval.performance.ingestion", str(data_dir), str(count)],
            check=True,
            capture_output=True,
        )
        found = json.loads(done.stdout)
        name = f"ingesting {count:,} short chunks: "
        figures += [
            Figure(f"{name}growth over the loaded model", found["growth_mb"], "MB", 400),
            Figure(f"{name}the engine's memory", found["engine_mb"], "MB"),
            Figure(f"{name}disk", found["disk_mb"], "MB"),
        ]
    return figures


def _items(documents: Sequence[Document]) -> Iterator[Loaded]:
    return (Loaded(each, each.id, 0) for each in documents)


def _short(count: int) -> Iterator[Loaded]:
    """Documents of a dozen words each."""
    for i in range(count):
        text = f"Entry {i} of the register: part {i % 97} of shelf {i % 31}, day {i % 365}."
        yield Loaded(Document(f"entry-{i}", text), "register", len(text) * (i + 1))


def _grow(data_dir: Path, count: int) -> dict[str, float]:
    tools = Tools(Settings(data_dir=data_dir))
    tools.embedder.passages([item.item.text for item in islice(_short(WARM), WARM)])  # type: ignore[union-attr]
    loaded = memory_mb()
    reset_peak()
    name = f"short-{count}"
    ingest(Job(_short(count), name, chunker="whole", embed="text"), tools, lambda _: None)
    grown = peak_mb() - loaded
    stats = tools.indexes.stats(name)  # type: ignore[attr-defined]
    tools.indexes.drop(name)
    tools.close()
    return {
        "growth_mb": grown,
        "engine_mb": stats["engine_rss_bytes"] / 1e6,
        "disk_mb": stats["disk_bytes"] / 1e6,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_grow(Path(sys.argv[1]), int(sys.argv[2]))))
