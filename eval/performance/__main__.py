"""Speed and memory, on one machine, in one run: `python -m eval.performance --data scifact/`.

Needs a BEIR folder for the real texts and questions; without one it says so and measures nothing
that depends on it. Ratios are the figures to look at: machines differ, and are noisy.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from eval.performance.encoder import encoder_figures
from eval.performance.ingestion import EMBED, ingestion_figures, memory_figures
from eval.performance.large import large_figures
from eval.performance.measure import Figure
from eval.performance.rerank import rerank_figures
from eval.performance.scoring import scoring_figures
from eval.performance.serving import serving_figures
from ingestion.document import Document
from ingestion.ingest import ingest
from ingestion.job import Job
from ingestion.load import LoadOptions, load
from retrieval.open_kit import Tools
from retrieval.settings import Settings

PARTS = ("encoder", "ingestion", "serving", "rerank", "large", "memory", "scoring")
SAMPLE = 600
INGESTED = 1_200
ASKED = 300
INDEX = "served"


def main() -> int:
    """Measure the parts asked for, print them, and write them where `--out` says."""
    parser = argparse.ArgumentParser(prog="python -m eval.performance", description=__doc__)
    parser.add_argument("--data", type=Path, help="a BEIR folder, such as scifact")
    parser.add_argument("--only", nargs="*", choices=PARTS, default=PARTS, help="which parts")
    parser.add_argument("--out", type=Path, help="a JSON file for the figures")
    given = parser.parse_args()
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        for part in given.only:
            for figure in _part(part, given.data, Path(folder)):
                print(figure.line(), flush=True)  # noqa: T201
                figures.append(figure)
    if given.out:
        given.out.write_text(json.dumps([asdict(each) for each in figures], indent=1))
    return 1 if any(figure.met is False for figure in figures) else 0


def _part(part: str, data: Path | None, folder: Path) -> list[Figure]:
    settings = Settings(data_dir=folder)
    needs_none: dict[str, Callable[[Path], list[Figure]]] = {
        "large": large_figures,
        "memory": memory_figures,
        "scoring": scoring_figures,
    }
    if part in needs_none:
        return needs_none[part](folder)
    if data is None:
        print(f"{part}: skipped, no --data folder was given", file=sys.stderr)  # noqa: T201
        return []
    loaded = load([data / "corpus.jsonl"], LoadOptions())
    documents = [each.item for each in loaded if isinstance(each.item, Document)]
    if part == "encoder":
        return encoder_figures(settings, [f"{d.title} {d.text}" for d in documents[:SAMPLE]])
    if part == "ingestion":
        return ingestion_figures(settings, documents[:INGESTED])
    lines = (data / "queries.jsonl").read_text(encoding="utf-8").splitlines()
    questions = [json.loads(line)["text"] for line in lines[:ASKED]]
    _serve(settings, data)
    if part == "rerank":
        return rerank_figures(settings, INDEX, [d.text for d in documents[:SAMPLE]], questions)
    return serving_figures(folder, INDEX, questions)


def _serve(settings: Settings, data: Path) -> None:
    """Ingest the corpus, where it is not yet."""
    tools = Tools(settings)
    if INDEX not in tools.indexes.names():
        items = load([data / "corpus.jsonl"], LoadOptions())
        ingest(Job(items, INDEX, chunker="whole", embed=EMBED), tools)
    tools.close()


if __name__ == "__main__":
    sys.exit(main())
