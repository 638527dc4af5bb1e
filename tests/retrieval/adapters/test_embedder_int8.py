"""Weights in int8: how they are rounded, and which parts of a graph have them."""

from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from retrieval.adapters.embedder_int8 import GROUP, in_int8, quantized


def test_a_group_is_rounded_by_its_largest() -> None:
    weights = np.zeros((1, 2 * GROUP), dtype=np.float32)
    weights[0, :3] = [1.27, -0.635, 0.004]
    weights[0, GROUP] = -254.0
    numbers, scales = quantized(weights)
    assert (numbers.shape, numbers.dtype) == ((1, 2, GROUP), np.int8)
    assert scales[0, :, 0] == pytest.approx([0.01, 2.0])
    assert numbers[0, 0, :4].tolist() == [127, -64, 0, 0]  # -63.5: half to even
    assert numbers[0, 1, 0] == -127


def test_no_weight_is_off_by_more_than_half_a_step() -> None:
    weights = np.random.default_rng(0).normal(size=(8, 4 * GROUP)).astype(np.float32)
    numbers, scales = quantized(weights)
    off = np.abs(numbers * scales - weights.reshape(8, 4, GROUP))
    assert (off <= scales * 0.5 * (1 + 1e-5)).all()


def test_zeros_stay_zeros() -> None:
    numbers, scales = quantized(np.zeros((2, GROUP), dtype=np.float32))
    assert not (numbers * scales).any()


@pytest.mark.skipif(not find_spec("openvino"), reason="openvino is not installed")
def test_only_products_with_whole_groups_of_weights_change() -> None:
    import openvino
    from openvino import opset13 as ops

    random = np.random.default_rng(1)
    wide, narrow = random.normal(size=(5, GROUP)), random.normal(size=(3, 5))
    given = ops.parameter([-1, GROUP], np.float32)
    first = ops.matmul(given, ops.constant(wide.astype(np.float32)), False, True)
    second = ops.matmul(first, ops.constant(narrow.astype(np.float32)), False, True)
    third = ops.matmul(second, second, False, True)
    graph = openvino.Model([first, second, third], [given])
    small = in_int8(graph)

    def constants(model: openvino.Model) -> list[Any]:
        found = [each for each in model.get_ordered_ops() if each.get_type_name() == "Constant"]
        return sorted(each.get_data().dtype for each in found if each.get_data().ndim > 1)

    assert np.dtype(np.int8) not in constants(graph)
    assert constants(small).count(np.dtype(np.int8)) == 1
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    core, rows = openvino.Core(), random.normal(size=(7, GROUP)).astype(np.float32)
    truth = list(core.compile_model(graph, "CPU", exact)(rows).values())
    found = list(core.compile_model(small, "CPU", exact)(rows).values())
    assert not np.allclose(found[0], truth[0], atol=1e-6)
    numbers, scales = quantized(wide.astype(np.float32))
    by_hand = rows @ (numbers * scales).reshape(5, GROUP).T
    assert found[0] == pytest.approx(by_hand, abs=0.02 * float(np.abs(by_hand).max()))
    assert found[1] == pytest.approx(found[0] @ narrow.T, abs=1e-4)
