"""OpenVINO runs the encoder: passages in bf16 where the processor has it, questions in fp32."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from queue import LifoQueue
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.adapters.embedder_batches import LENGTH_STEP, Item, Kind, Padding
from retrieval.errors import ProviderError

GRAPH = "model.xml"
BATCH_TOKENS = 512
WARM_UP = Item("", [0, 0])


class OpenvinoRuntime:
    """One graph, compiled twice on first use; both copies share the weights' file.

    Passages: one single-threaded stream a core, since that wastes least. Questions: all threads
    for one question. Threads are not pinned: processes that share a machine would meet on a core.
    """

    def __init__(self, folder: Path, padding: Padding, threads: int, bf16: bool) -> None:
        """Read the graph. `threads` 0 means all cores. Raises: ProviderError."""
        import openvino

        self._core = openvino.Core()
        try:
            self._graph = self._core.read_model(folder / GRAPH)
        except RuntimeError as error:
            raise ProviderError(f"OpenVINO cannot read {folder}; remove it: {error}") from error
        self._padding = padding
        self._bf16 = bf16
        self.streams = threads or _cores()
        self.batch_tokens = BATCH_TOKENS
        self._lock = Lock()
        self._requests: dict[Kind, LifoQueue[Any]] = {}

    def run(self, items: Sequence[Item], kind: Kind) -> NDArray[np.float32]:
        """Return one row an item, in order."""
        arrays = self._padding.arrays(items, LENGTH_STEP if kind == "passage" else 1)
        try:
            free = self._compiled(kind)
            request = free.get()
            try:
                found = request.infer(arrays)
            finally:
                free.put(request)
        except RuntimeError as error:
            raise ProviderError(f"OpenVINO failed on {len(items)} texts: {error}") from error
        return np.asarray(found[0], dtype=np.float32)

    def describe(self) -> dict[str, Any]:
        """Return what runs the model."""
        precision = "bf16" if self._bf16 else "fp32"
        return {"backend": "openvino", "precision": precision, "threads": self.streams}

    def _compiled(self, kind: Kind) -> "LifoQueue[Any]":
        with self._lock:
            if kind not in self._requests:
                passages = kind == "passage"
                compiled = self._core.compile_model(self._graph, "CPU", self._options(kind))
                free: LifoQueue[Any] = LifoQueue()
                for _ in range(self.streams if passages else 1):
                    request = compiled.create_infer_request()
                    # The first inferences of two threads at a time can wait for each other.
                    request.infer(self._padding.arrays([WARM_UP]))
                    free.put(request)
                self._requests[kind] = free
            return self._requests[kind]

    def _options(self, kind: Kind) -> Mapping[str, str]:
        common = {"ENABLE_CPU_PINNING": "NO", "INFERENCE_NUM_THREADS": str(self.streams)}
        if kind == "query":
            return common | {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
        precision = "bf16" if self._bf16 else "f32"
        return common | {"INFERENCE_PRECISION_HINT": precision, "NUM_STREAMS": str(self.streams)}


def _cores() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def has_bf16() -> bool:
    """Return whether the processor computes in bf16 natively."""
    import openvino

    return "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def convert(module: Any, example: Mapping[str, Any], folder: Path) -> None:
    """Write a torch module as a graph with weights in fp32.

    This is what `openvino.convert_model` does, which also reports its use to its maker.
    """
    import openvino
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    decoder = TorchScriptPythonDecoder(module, example_input=tuple(example.values()))
    frontend = FrontEndManager().load_by_framework("pytorch")
    graph = frontend.convert(frontend.load(decoder))
    for name, place in zip(example, graph.inputs, strict=True):
        place.get_tensor().set_names({name})
    openvino.save_model(graph, folder / GRAPH, compress_to_fp16=False)
