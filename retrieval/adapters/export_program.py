"""What the programs that convert a model for a fast runtime share: `python -m` each of them.

They run in a process of their own, so that torch, which converting needs, takes no memory and no
time in the process that answers.
"""

import json
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from sentence_transformers.base.modules import Transformer

from retrieval.adapters import embedder_onnx, embedder_openvino
from retrieval.adapters.embedder_batches import OUTPUTS, Padding, Runtime
from retrieval.adapters.embedder_cache import SUMMARY
from retrieval.errors import ConfigError

INPUTS = ("input_ids", "attention_mask", "token_type_ids")
Output = Callable[[dict[str, torch.Tensor]], Any]
"""From what a model gives to what is asked of it."""
ExportModel = Callable[[Path, str, Path], dict[str, Any]]
"""From a model's folder, a runtime and a target folder to the summary of what was written."""


class Arrays(torch.nn.Module):
    """A whole sentence-transformers model as a function of arrays."""

    def __init__(self, model: torch.nn.Module, names: Sequence[str], output: Output) -> None:
        """Wrap a model whose tokenizer gives arrays of these names."""
        super().__init__()
        self.model = model
        self.names = tuple(names)
        self.output = output

    def forward(self, *arrays: torch.Tensor) -> Any:
        """Return what the model makes of a batch."""
        return self.output(self.model(dict(zip(self.names, arrays, strict=True))))


def no_arrays(first: torch.nn.Module) -> str | None:
    """Return why a model with this first module is no function of token arrays, or None."""
    if not isinstance(first, Transformer):
        return f"its first module, {type(first).__name__}, is no transformer"
    if "text" not in first.modality_config or "message" in first.modality_config:
        return "it renders texts through a chat template"
    return None


def convert(
    module: Arrays, example: Mapping[str, torch.Tensor], kind: str, target: Path
) -> str | None:
    """Write a module for a runtime; return why that is impossible, or None."""
    adapter: ModuleType = embedder_openvino if kind == "openvino" else embedder_onnx
    try:
        with torch.inference_mode():
            outputs = module.eval()(*example.values())
            named = OUTPUTS[: len(outputs) if isinstance(outputs, tuple) else 1]
            adapter.convert(module, example, target, named)
    except ModuleNotFoundError as error:
        return f"{kind} needs {error.name}: pip install 'assay[onnx]'"
    return None


def runtimes(kind: str, target: Path, padding: Padding) -> dict[str, Runtime]:
    """Return what can run a converted model unasked on this machine, by precision."""
    if kind == "onnx":
        return {"fp32": embedder_onnx.OnnxRuntime(target, padding, 0)}
    unasked: tuple[embedder_openvino.Precision, ...] = ("fp32", "bf16")
    return {
        each: embedder_openvino.OpenvinoRuntime(target, padding, 0, each)
        for each in unasked
        if embedder_openvino.has(each)
    }


def main(export: ExportModel) -> None:
    """Export what the arguments name: model folder, runtime, target folder."""
    warnings.simplefilter("ignore")
    source, kind, target = sys.argv[1:]
    try:
        summary = export(Path(source), kind, Path(target))
    except ConfigError as error:
        summary = {"error": str(error)}
    (Path(target) / SUMMARY).write_text(json.dumps(summary), encoding="utf-8")
