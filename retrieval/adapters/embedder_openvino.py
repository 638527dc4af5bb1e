"""OpenVINO runs the encoder: passages in bf16 (or in int8, where asked), questions in fp32."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from queue import LifoQueue
from threading import Lock
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from retrieval.adapters.embedder_batches import LENGTH_STEP, Item, Kind, Padding
from retrieval.adapters.embedder_int8 import GROUP, in_int8
from retrieval.errors import ProviderError

GRAPH = "model.xml"
BATCH_TOKENS = 512
WARM_UP = Item("", [0, 0])
Precision = Literal["fp32", "bf16", "int8"]


class OpenvinoRuntime:
    """One graph, compiled on first use for each kind of text; all copies share the weights' file.

    Passages: one single-threaded stream a core, since that wastes least. Questions: all threads
    for one question. Threads are not pinned: processes that share a machine would meet on a core.
    """

    def __init__(self, folder: Path, padding: Padding, threads: int, precision: Precision) -> None:
        """Read the graph. `threads` 0 means all cores. Raises: ProviderError."""
        import openvino

        self._core = openvino.Core()
        try:
            graph = self._core.read_model(folder / GRAPH)
        except RuntimeError as error:
            raise ProviderError(f"OpenVINO cannot read {folder}; remove it: {error}") from error
        # Each output by itself, so that nobody pays for the other.
        self._graphs = [openvino.Model([each], graph.get_parameters()) for each in graph.results]
        self._padding = padding
        self._precision = precision
        self.streams = threads or _cores()
        self.batch_tokens = BATCH_TOKENS
        self._lock = Lock()
        self._requests: dict[tuple[Kind, int], LifoQueue[Any]] = {}

    def run(self, items: Sequence[Item], kind: Kind) -> NDArray[np.float32]:
        """Return one row an item, in order."""
        return self._inferred(items, kind, 0)

    def tokens(self, items: Sequence[Item], kind: Kind) -> list[NDArray[np.float32]]:
        """Return for each item one row a token."""
        return self._padding.taken_off(self._inferred(items, kind, 1), items)

    def _inferred(self, items: Sequence[Item], kind: Kind, output: int) -> NDArray[np.float32]:
        arrays = self._padding.arrays(items, LENGTH_STEP if kind == "passage" else 1)
        try:
            free = self._compiled(kind, output)
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
        return {"backend": "openvino", "precision": self._precision, "threads": self.streams}

    def _compiled(self, kind: Kind, output: int) -> "LifoQueue[Any]":
        with self._lock:
            if (kind, output) not in self._requests:
                passages = kind == "passage"
                graph = self._graphs[output]
                if passages and self._precision == "int8":
                    graph = in_int8(graph)
                compiled = self._core.compile_model(graph, "CPU", self._options(kind))
                free: LifoQueue[Any] = LifoQueue()
                for _ in range(self.streams if passages else 1):
                    request = compiled.create_infer_request()
                    # The first inferences of two threads at a time can wait for each other.
                    request.infer(self._padding.arrays([WARM_UP]))
                    free.put(request)
                self._requests[kind, output] = free
            return self._requests[kind, output]

    def _options(self, kind: Kind) -> Mapping[str, str]:
        common = {"ENABLE_CPU_PINNING": "NO", "INFERENCE_NUM_THREADS": str(self.streams)}
        if kind == "query":
            return common | {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
        half = self._precision == "bf16" or (self._precision == "int8" and has("bf16"))
        own = {"INFERENCE_PRECISION_HINT": "bf16" if half else "f32"}
        if self._precision == "int8":
            own["DYNAMIC_QUANTIZATION_GROUP_SIZE"] = str(GROUP)
        return common | own | {"NUM_STREAMS": str(self.streams)}


def _cores() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def has(precision: Precision) -> bool:
    """Return whether the processor computes natively in a precision."""
    import openvino

    can = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return precision == "fp32" or precision.upper() in can


def convert(module: Any, example: Mapping[str, Any], folder: Path, outputs: Sequence[str]) -> None:
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
    for name, place in zip(outputs, graph.outputs, strict=True):
        place.get_tensor().set_names({name})
    openvino.save_model(graph, folder / GRAPH, compress_to_fp16=False)
