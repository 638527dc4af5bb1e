"""What a second look at the first hits costs: a cross-encoder, and the learned reranker."""

import json
import shutil
import statistics
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from eval.performance.measure import Figure, percentile, ratio, seconds
from retrieval.adapters.embedder_model import Digests, find_model
from retrieval.clock import Clock
from retrieval.config import load_pipeline
from retrieval.open_kit import Tools
from retrieval.pipeline import run
from retrieval.settings import Settings
from retrieval.types import Search

SHAPE = "all-MiniLM-L6-v2"
"""The encoder whose layers the cross-encoder has: those of the small published ones."""
PASSAGES = 20
TOKENS = 192
CANDIDATES = 50
TIMES = 7
WARM = 20
PLAIN = {"backend": "torch", "precision": "fp32"}
QUESTION = "Which genes take part in the repair of cells?"


def rerank_figures(
    settings: Settings, index: str, texts: Sequence[str], questions: Sequence[str]
) -> list[Figure]:
    """Return the cross-encoder's ratio to plain torch, and the learned stage's latency."""
    return [
        *_cross_encoder(settings, texts),
        *_learned(settings, index, questions),
    ]


def made(folder: Path) -> Path:
    """Write a cross-encoder with the encoder's layers and a random head; return its folder."""
    encoder = find_model(SHAPE, Digests(folder.with_suffix(".json"))).folder
    folder.mkdir(parents=True)
    for file in encoder.glob("*token*"):
        shutil.copy(file, folder)
    shutil.copy(encoder / "vocab.txt", folder)
    layers = load_file(encoder / "model.safetensors")
    weights = {f"bert.{name}": each for name, each in layers.items()}
    config = json.loads((encoder / "config.json").read_text(encoding="utf-8"))
    head = np.random.default_rng(7).normal(0.0, 0.2, (1, config["hidden_size"]))
    weights["classifier.weight"] = head.astype(np.float32)
    weights["classifier.bias"] = np.zeros(1, dtype=np.float32)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    config |= {"architectures": ["BertForSequenceClassification"], "id2label": {"0": "score"}}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def _cross_encoder(settings: Settings, texts: Sequence[str]) -> list[Figure]:
    """Both read the same pairs in turn; the scores mean nothing, the work is that of a real one."""
    model = str(made(settings.data_dir / "cross-encoder"))
    ours, plain = Tools(settings), Tools(settings.model_copy(update=PLAIN))
    passages = _cut(ours, texts)

    def score(tools: Tools) -> None:
        tools.scorer(model).scores(QUESTION, passages, Clock())

    score(ours)
    score(plain)
    shares = ratio(lambda: score(ours), lambda: score(plain), TIMES)
    taken = [seconds(lambda: score(ours)) * 1000 for _ in range(TIMES)]
    name = f"cross-encoder, {PASSAGES} passages of {TOKENS} tokens"
    return [
        Figure(f"{name}: share of plain torch fp32's time", statistics.median(shares), "", 0.25),
        Figure("... p50", percentile(taken, 50), "ms"),
    ]


def _cut(tools: Tools, texts: Sequence[str]) -> list[str]:
    """The first passages that are long enough, cut at so many tokens."""
    spans = ((text, tools.embedder.token_spans(text)) for text in texts)
    long = (text[: its[TOKENS - 1].end] for text, its in spans if len(its) >= TOKENS)
    return list(islice(long, PASSAGES))


def _learned(settings: Settings, index: str, questions: Sequence[str]) -> list[Figure]:
    """The stage by itself, as the trace of the pipeline `learned` has it."""
    tools = Tools(settings)
    pipeline = load_pipeline("learned")
    kit = tools.kit(index)

    def taken(question: str) -> float:
        return run(pipeline, Search.of(question, CANDIDATES), kit.at(None, None)).trace[-1].ms

    for question in questions[:WARM]:
        taken(question)
    found = [taken(question) for question in questions]
    tools.close()
    name = f"learned reranker, {CANDIDATES} candidates"
    return [
        Figure(f"{name}: p50", percentile(found, 50), "ms", 5),
        Figure(f"{name}: p95", percentile(found, 95), "ms"),
    ]
