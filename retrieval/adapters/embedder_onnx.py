"""ONNX Runtime runs the encoder, in fp32: where OpenVINO is not installed."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.adapters.embedder_batches import LENGTH_STEP, OUTPUTS, Item, Kind, Padding
from retrieval.errors import ProviderError

GRAPH = "model.onnx"
BATCH_TOKENS = 512


class OnnxRuntime:
    """One session with all threads, for passages and questions."""

    streams = 1
    batch_tokens = BATCH_TOKENS

    def __init__(self, folder: Path, padding: Padding, threads: int) -> None:
        """Open the session. `threads` 0 means all cores. Raises: ProviderError."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        try:
            self._session = onnxruntime.InferenceSession(
                str(folder / GRAPH), options, providers=["CPUExecutionProvider"]
            )
        except _failures() as error:
            raise ProviderError(f"ONNX Runtime cannot read {folder}; remove it: {error}") from error
        self._padding = padding
        self._threads = threads

    def run(self, items: Sequence[Item], kind: Kind) -> NDArray[np.float32]:
        """Return one row an item, in order."""
        return self._inferred(items, kind, 0)

    def tokens(self, items: Sequence[Item], kind: Kind) -> list[NDArray[np.float32]]:
        """Return for each item one row a token."""
        return self._padding.taken_off(self._inferred(items, kind, 1), items)

    def _inferred(self, items: Sequence[Item], kind: Kind, output: int) -> NDArray[np.float32]:
        arrays = self._padding.arrays(items, LENGTH_STEP if kind == "passage" else 1)
        try:
            found = self._session.run([OUTPUTS[output]], arrays)
        except _failures() as error:
            raise ProviderError(f"ONNX Runtime failed on {len(items)} texts: {error}") from error
        return np.asarray(found[0], dtype=np.float32)

    def describe(self) -> dict[str, Any]:
        """Return what runs the model."""
        return {"backend": "onnx", "precision": "fp32", "threads": self._threads or "all"}


def _failures() -> tuple[type[Exception], ...]:
    """What the runtime raises: its classes share no base of their own."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    classes = [each for each in vars(state).values() if isinstance(each, type)]
    return tuple(each for each in classes if issubclass(each, Exception))


def convert(module: Any, example: Mapping[str, Any], folder: Path, outputs: Sequence[str]) -> None:
    """Write a torch module as a graph. Raises: ModuleNotFoundError where torch cannot."""
    import torch

    sizes = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    torch.onnx.export(
        module,
        tuple(example.values()),
        folder / GRAPH,
        input_names=list(example),
        output_names=list(outputs),
        dynamic_shapes={"arrays": tuple(sizes for _ in example)},
        dynamo=True,
        verbose=False,
    )
