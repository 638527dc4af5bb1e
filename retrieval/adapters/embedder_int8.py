"""A graph's weights in int8, for processors that multiply small integers faster than floats.

Each row of a weight matrix is cut into groups of 64, each with a scale of its own, and the engine
quantizes what meets them in the same groups while it runs: nothing has to be calibrated.

Source: blocks with a scale each: Dettmers et al. 2021, arXiv 2110.02861 (block-wise quantization).
Differs: there for the states of an optimizer, in steps that are not linear; here for weights and
what meets them, linear and symmetric.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

GROUP = 64
LARGEST = 127


def in_int8(graph: Any) -> Any:
    """Return a copy of an OpenVINO graph with the weights of its matrix products in int8.

    Left as they are: products of two activations, and weights whose rows are no whole groups.
    """
    from openvino import opset13 as ops

    copy = graph.clone()
    for node in copy.get_ordered_ops():
        weights = _weights(node)
        if weights is None:
            continue
        numbers, scales = quantized(weights)
        scaled = ops.multiply(ops.convert(ops.constant(numbers), np.float32), ops.constant(scales))
        whole = ops.reshape(scaled, ops.constant(np.array(weights.shape)), special_zero=False)
        node.input(1).replace_source_output(whole.output(0))
    return copy


def quantized(weights: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return weights (rows, columns) as int8 (rows, groups, 64) and scales (rows, groups, 1)."""
    groups = weights.reshape(len(weights), -1, GROUP)
    scales = np.abs(groups).max(axis=2, keepdims=True) / LARGEST
    scales[scales == 0] = 1.0
    return np.round(groups / scales).astype(np.int8), scales.astype(np.float32)


def _weights(node: Any) -> NDArray[np.float32] | None:
    if node.get_type_name() != "MatMul" or not node.get_attributes()["transpose_b"]:
        return None
    source = node.input(1).get_source_output().get_node()
    if source.get_type_name() != "Constant":
        return None
    weights = np.asarray(source.get_data(), dtype=np.float32)
    return weights if weights.ndim == 2 and weights.shape[1] % GROUP == 0 else None
