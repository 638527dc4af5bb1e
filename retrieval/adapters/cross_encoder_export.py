"""Converts a cross-encoder for a fast runtime: `python -m` this file, in a process of its own.

The whole model is traced, its activation included, and compared with torch before it is used.
"""

import json
import sys
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from sentence_transformers import CrossEncoder
from sentence_transformers.base.modules import Transformer

from retrieval.adapters import embedder_onnx, embedder_openvino
from retrieval.adapters.cross_encoder_loading import load_cross_encoder, pair_limit, pair_tokenizer
from retrieval.adapters.cross_encoder_pairs import PairPadding, PairTokens
from retrieval.adapters.embedder_batches import Runtime
from retrieval.adapters.embedder_loading import Traits
from retrieval.errors import ConfigError, ProviderError

SUMMARY = "summary.json"
TOKENIZER = "tokenizer.json"
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
LEAST = 0.999
"""What fp32 must agree with torch by."""
QUESTION = "Where do cats sleep?"
PASSAGES = (
    "",
    "Cats sleep on warm window sills, sixteen hours a day.",
    "The first public railway with steam trains opened in England in 1825.",
    "  Ünïcödé, 東京 and 3.14; e-mail: someone@example.org\n\n(a second line) ",
    "Bread dough is flour, water, salt and yeast. " * 60,
)


class Arrays(torch.nn.Module):
    """A whole cross-encoder as a function of arrays."""

    def __init__(self, model: CrossEncoder, names: Sequence[str]) -> None:
        """Wrap a model whose tokenizer gives arrays of these names."""
        super().__init__()
        self.model = model
        self.names = tuple(names)

    def forward(self, *arrays: torch.Tensor) -> torch.Tensor:
        """Return the scores of a batch, of shape (pairs, 1)."""
        features = dict(zip(self.names, arrays, strict=True))
        activation: Any = self.model.activation_fn
        scores: torch.Tensor = activation(self.model(features)["scores"])
        return scores


def refusal(model: CrossEncoder) -> str | None:
    """Return why a model cannot be a function of token arrays, or None."""
    first = model[0]
    if not isinstance(first, Transformer):
        return f"its first module, {type(first).__name__}, is no transformer"
    if "text" not in first.modality_config or "message" in first.modality_config:
        return "it renders pairs through a chat template"
    if model.default_prompt_name or pair_tokenizer(model) is None:
        return "it puts a prompt before a pair, or has no fast tokenizer"
    return None


def export(source: Path, kind: str, target: Path) -> dict[str, Any]:
    """Write a model for a runtime; return its traits and how well it agrees with torch."""
    model = load_cross_encoder(source, "cpu")
    reason = refusal(model)
    tokenizer = pair_tokenizer(model)
    if reason or tokenizer is None:
        return {"refused": reason}
    tokenizer.save(str(target / TOKENIZER))
    arrays = model.preprocess([(QUESTION, PASSAGES[1]), (QUESTION, PASSAGES[2])])
    example = {name: arrays[name] for name in INPUTS if name in arrays}
    adapter: ModuleType = embedder_openvino if kind == "openvino" else embedder_onnx
    try:
        with torch.inference_mode():
            adapter.convert(Arrays(model, list(example)).eval(), example, target)
    except ModuleNotFoundError as error:
        return {"refused": f"{kind} needs {error.name}: pip install 'assay[onnx]'"}
    pad_id = getattr(model.tokenizer, "pad_token_id", None) or 0
    pad_left = getattr(model.tokenizer, "padding_side", "right") == "left"
    own = Traits(1, pair_limit(model), "", "", pad_id, pad_left)
    runtimes = _runtimes(kind, target, PairPadding(tuple(example), pad_id, pad_left))
    tokens = PairTokens(tokenizer, own.limit)
    try:
        agreement = {name: _agreement(model, tokens, each) for name, each in runtimes.items()}
    except ProviderError as error:
        return {"refused": f"converted, {error}"}
    if agreement["fp32"] < LEAST:
        return {"refused": "converted, its scores differ from torch's"}
    return {"traits": asdict(own), "inputs": list(example), "agreement": agreement}


def _runtimes(kind: str, target: Path, padding: PairPadding) -> dict[str, Runtime]:
    if kind == "onnx":
        return {"fp32": embedder_onnx.OnnxRuntime(target, padding, 0)}
    runtimes: dict[str, Runtime] = {
        "fp32": embedder_openvino.OpenvinoRuntime(target, padding, 0, bf16=False)
    }
    if embedder_openvino.has_bf16():
        runtimes["bf16"] = embedder_openvino.OpenvinoRuntime(target, padding, 0, bf16=True)
    return runtimes


def _agreement(model: CrossEncoder, tokens: PairTokens, runtime: Runtime) -> float:
    """1 less the largest difference from torch's scores, alone and in a batch.

    The difference is a share of the scores' range, or of 1 where they lie closer.
    """
    truth = model.predict([(QUESTION, each) for each in PASSAGES], batch_size=1)
    items = tokens.pairs(QUESTION, PASSAGES)
    alone = np.concatenate([runtime.run([item], "passage") for item in items])
    together = runtime.run(items, "passage")
    worst = max(float(np.abs(rows[:, 0] - truth).max()) for rows in (alone, together))
    agreement = 1 - worst / max(1.0, float(np.ptp(truth)))
    return agreement if np.isfinite(agreement) else 0.0


def main() -> None:
    """Export what the arguments name: model folder, runtime, target folder."""
    warnings.simplefilter("ignore")
    source, kind, target = sys.argv[1:]
    try:
        summary = export(Path(source), kind, Path(target))
    except ConfigError as error:
        summary = {"error": str(error)}
    (Path(target) / SUMMARY).write_text(json.dumps(summary), encoding="utf-8")


if __name__ == "__main__":
    main()
