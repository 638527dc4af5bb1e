"""Converts an encoder for a fast runtime: `python -m` this file, in a process of its own.

So torch, which converting needs, takes no memory and no time in the process that answers. The
whole model is traced, pooling and all; what comes out is compared with what torch gives before
anybody uses it.
"""

import json
import sys
import warnings
from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Transformer

from retrieval.adapters import embedder_onnx, embedder_openvino
from retrieval.adapters.embedder_batches import (
    LEAST_COSINE,
    Item,
    Kind,
    Padding,
    Runtime,
    unit,
)
from retrieval.adapters.embedder_loading import Traits, fast_tokenizer, load, traits
from retrieval.adapters.embedder_tokens import Tokens
from retrieval.errors import ConfigError, ProviderError

SUMMARY = "summary.json"
TOKENIZER = "tokenizer.json"
KINDS: tuple[Kind, ...] = ("passage", "query")
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
SAMPLES = (
    "",
    "Cats sleep.",
    "The first public railway with steam trains opened in England in 1825.",
    "  Ünïcödé, 東京 and 3.14; e-mail: someone@example.org\n\n(a second line) ",
    "Bread dough is flour, water, salt and yeast. " * 12,
)
LONG = "A text that is longer than most models read, so that its end is cut off. "
LONG_TOKENS = 512


class Arrays(torch.nn.Module):
    """A whole sentence-transformers model as a function of arrays."""

    def __init__(self, model: SentenceTransformer, names: Sequence[str]) -> None:
        """Wrap a model whose tokenizer gives arrays of these names."""
        super().__init__()
        self.model = model
        self.names = tuple(names)

    def forward(self, *arrays: torch.Tensor) -> torch.Tensor:
        """Return the vectors of a batch."""
        features = dict(zip(self.names, arrays, strict=True))
        return cast(torch.Tensor, self.model(features)["sentence_embedding"])


def refusal(model: SentenceTransformer) -> str | None:
    """Return why a model cannot be a function of token arrays, or None."""
    first = model[0]
    if not isinstance(first, Transformer):
        return f"its first module, {type(first).__name__}, is no transformer"
    if "text" not in first.modality_config or "message" in first.modality_config:
        return "it renders texts through a chat template"
    if first.query_length or first.document_length or first.query_expansion:
        return "it reads questions and passages up to different lengths"
    if any(not getattr(module, "include_prompt", True) for module in model):
        return "it leaves the prompt out of its pooling"
    return None


def export(source: Path, kind: str, target: Path) -> dict[str, Any]:
    """Write a model for a runtime; return its traits and how well it agrees with torch."""
    model = load(source, "cpu")
    reason = refusal(model)
    if reason:
        return {"refused": reason}
    fast_tokenizer(model).save(str(target / TOKENIZER))
    arrays = model.preprocess(["Cats sleep.", "Cats were first kept in the Near East."])
    example = {name: arrays[name] for name in INPUTS if name in arrays}
    adapter: ModuleType = embedder_openvino if kind == "openvino" else embedder_onnx
    try:
        with torch.inference_mode():
            adapter.convert(Arrays(model, list(example)).eval(), example, target)
    except ModuleNotFoundError as error:
        return {"refused": f"{kind} needs {error.name}: pip install 'assay[onnx]'"}
    return _proven(model, kind, target, list(example))


def _proven(
    model: SentenceTransformer, kind: str, target: Path, inputs: list[str]
) -> dict[str, Any]:
    """Compare with torch, padded on the model's own side, else on the other.

    A position that sees nothing but padding to its left is not a number in some runtimes.
    """
    own = traits(model)
    reason = "converted, its vectors differ from torch's"
    for found in (own, replace(own, pad_left=not own.pad_left)):
        padding = Padding(tuple(inputs), found.pad_id, found.pad_left)
        try:
            agreement = _agreement(model, found, _runtimes(kind, target, padding))
        except ProviderError as error:
            reason = f"converted, {error}"
            continue
        if agreement["fp32"] >= LEAST_COSINE:
            return {"traits": asdict(found), "inputs": inputs, "agreement": agreement}
    return {"refused": reason}


def _runtimes(kind: str, target: Path, padding: Padding) -> dict[str, Runtime]:
    if kind == "onnx":
        return {"fp32": embedder_onnx.OnnxRuntime(target, padding, 0)}
    runtimes: dict[str, Runtime] = {
        "fp32": embedder_openvino.OpenvinoRuntime(target, padding, 0, bf16=False)
    }
    if embedder_openvino.has_bf16():
        runtimes["bf16"] = embedder_openvino.OpenvinoRuntime(target, padding, 0, bf16=True)
    return runtimes


def _agreement(
    model: SentenceTransformer, found: Traits, runtimes: dict[str, Runtime]
) -> dict[str, float]:
    """The least cosine between torch's and each runtime's vectors, alone and in a batch."""
    texts = [*SAMPLES, LONG * (min(found.limit, LONG_TOKENS) // 10)]
    tokens = Tokens(fast_tokenizer(model), found.limit)
    least = dict.fromkeys(runtimes, 1.0)
    for prompt in {found.passage_prompt, found.query_prompt}:
        truth = unit(model.encode(texts, prompt=prompt, batch_size=1), "torch")
        ids = tokens.ids([prompt + text for text in texts])
        items = [Item(text, its) for text, its in zip(texts, ids, strict=True)]
        for (name, runtime), kind in product(runtimes.items(), KINDS):
            alone = np.concatenate([runtime.run([item], kind) for item in items])
            for rows in (alone, runtime.run(items, kind)):
                cosines = (unit(rows, name) * truth).sum(axis=1)
                least[name] = min(least[name], float(cosines.min()))
    return least


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
