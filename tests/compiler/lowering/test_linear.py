"""Convolutions and products; numbers are whole at the scale, so that half a unit is all error."""

from __future__ import annotations

import numpy as np
import pytest

from smartvm.compiler.operations import Divide, FullyConnected, Load, MatrixProduct, View


def kinds(graph):
    return [type(operation) for operation in graph.operations]


@pytest.mark.parametrize(
    ("shape", "weights", "attributes"),
    [
        ((2, 3, 9), (4, 3, 3), {"pads": [1, 2], "strides": [2]}),
        ((1, 2, 7, 6), (4, 2, 3, 2), {"pads": [1, 0, 2, 1], "dilations": [2, 1]}),
        ((1, 4, 6, 6), (8, 1, 3, 3), {"group": 4, "strides": [2, 1]}),
        ((1, 2, 4, 5, 6), (2, 2, 2, 3, 2), {"pads": [1, 0, 1, 0, 1, 0], "strides": [1, 2, 2]}),
        ((1, 2, 7, 8), (3, 2, 3, 4), {"auto_pad": "SAME_UPPER", "strides": [2, 3]}),
        ((1, 2, 7, 8), (3, 2, 3, 4), {"auto_pad": "SAME_LOWER", "strides": [2, 3]}),
        ((1, 2, 7, 8), (3, 2, 3, 4), {"auto_pad": "VALID"}),
    ],
)
def test_convolution(check, node, grid, shape, weights, attributes) -> None:
    constants = {"w": grid(*weights), "b": grid(weights[0])}
    check(node("Conv", "x", "w", "b", **attributes), {"x": grid(*shape)}, constants)


def test_convolution_by_computed_weights(check, node, grid) -> None:
    inputs = {"x": grid(1, 2, 5, 5), "w": grid(3, 2, 3, 3), "b": grid(3)}
    check(node("Conv", "x", "w", "b"), inputs)


@pytest.mark.parametrize(
    ("shape", "weights", "attributes"),
    [
        ((1, 2, 5), (2, 3, 3), {"strides": [2], "pads": [1, 0], "output_padding": [1]}),
        ((2, 4, 3, 4), (4, 3, 3, 2), {"strides": [2, 3], "group": 2, "dilations": [1, 2]}),
        ((1, 2, 3, 3, 3), (2, 1, 2, 3, 2), {"strides": [2, 1, 2], "pads": [0, 1, 0, 1, 1, 0]}),
        ((1, 1, 3, 3), (1, 2, 3, 3), {"strides": [3, 2], "output_shape": [10, 8]}),
        ((1, 1, 3, 3), (1, 2, 3, 3), {"strides": [2, 2], "auto_pad": "SAME_UPPER"}),
        ((1, 1, 3, 3), (1, 2, 3, 3), {"strides": [2, 2], "auto_pad": "SAME_LOWER"}),
    ],
)
def test_transposed_convolution(check, node, grid, shape, weights, attributes) -> None:
    channels = weights[1] * attributes.get("group", 1)
    constants = {"w": grid(*weights), "b": grid(channels)}
    check(node("ConvTranspose", "x", "w", "b", **attributes), {"x": grid(*shape)}, constants)


@pytest.mark.parametrize("operator", ["Conv", "ConvTranspose"])
def test_a_scale_of_its_own_for_each_channel(check, node, grid, operator) -> None:
    """Channels of small weights gain precision, those of the widest keep the scale."""
    x, weights = grid(1, 4, 5, 5), grid(4, 4, 3, 3)
    small = (weights * np.array([1, 0.003, 0.1, 0]).reshape(4, 1, 1, 1)).astype("f4")
    if operator == "ConvTranspose":
        small = small.transpose(1, 0, 2, 3).copy()
    constants = {"w": small, "b": grid(4)}
    graph = check(node(operator, "x", "w", "b"), {"x": x}, constants, units=8, per_channel=True)
    assert kinds(graph)[-1] is Divide
    multipliers = graph.constants[graph.operations[-1].inputs[1]] // 1000
    assert multipliers.tolist()[0] == 1 and multipliers[1] >= 256 and multipliers[2] >= 8
    with pytest.raises(AssertionError):
        check(node(operator, "x", "w", "b"), {"x": x}, constants, units=1)


def test_groups_of_a_transposed_convolution_have_scales_of_their_own(check, node, grid) -> None:
    weights = grid(4, 2, 3) * np.float32(0.01)
    weights[:2, 0] *= 100
    check(node("ConvTranspose", "x", "w", group=2), {"x": grid(1, 4, 6)}, {"w": weights},
          units=4, per_channel=True)  # fmt: skip


@pytest.mark.parametrize("trans_a", [0, 1])
@pytest.mark.parametrize("trans_b", [0, 1])
@pytest.mark.parametrize("bias", [(3,), (4, 3), (4, 1), (1,), ()])
def test_gemm(check, node, grid, trans_a, trans_b, bias) -> None:
    a = grid(5, 4) if trans_a else grid(4, 5)
    b = grid(3, 5) if trans_b else grid(5, 3)
    it = node("Gemm", "a", "b", "c", transA=trans_a, transB=trans_b, alpha=0.5, beta=2.0)
    check(it, {"a": a}, {"b": 2 * b, "c": grid(*bias)})


def test_gemm_of_computed_matrices(check, node, grid) -> None:
    inputs = {"a": grid(4, 5), "b": grid(5, 3), "c": grid(3)}
    check(node("Gemm", "a", "b", "c", alpha=0.25, beta=0.5), inputs)
    check(node("Gemm", "a", "b"), {"b": inputs["b"]}, {"a": inputs["a"]})


def test_gemm_with_a_scale_for_each_feature(check, node, grid) -> None:
    weights = grid(3, 6) * np.array([[1], [0.01], [0.2]], np.float32)
    it = node("Gemm", "a", "b", "c", transB=1)
    constants = {"b": weights, "c": grid(3)}
    check(it, {"a": grid(2, 6)}, constants, units=4, per_channel=True)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((4, 5), (5, 3)),
        ((2, 4, 5), (5, 3)),
        ((2, 4, 5), (2, 5, 3)),
        ((2, 4, 5), (3, 1, 5, 2)),
        ((1, 4, 5), (3, 5, 2)),
        ((4, 5), (3, 5, 2)),
        ((5,), (5, 3)),
        ((4, 5), (5,)),
        ((5,), (5,)),
        ((3, 4, 5), (5,)),
    ],
)
def test_matrix_product(check, node, grid, a, b) -> None:
    left, right = grid(*a), grid(*b)
    it = node("MatMul", "a", "b")
    check(it, {"a": left}, {"b": right})
    check(it, {"b": right}, {"a": left})
    check(it, {"a": left, "b": right})


def test_rows_times_a_constant_matrix_are_one_instruction(check, node, grid) -> None:
    graph = check(node("MatMul", "a", "b"), {"a": grid(2, 4, 5)}, {"b": grid(5, 3)})
    assert kinds(graph)[0] is FullyConnected and View not in kinds(graph)


def test_a_batch_of_products_loads_no_constant(check, node, grid) -> None:
    graph = check(node("MatMul", "a", "b"), {"a": grid(2, 4, 5)}, {"b": grid(2, 5, 3)})
    assert kinds(graph)[0] is MatrixProduct and Load not in kinds(graph)


def test_weights_that_two_nodes_share_are_one_constant(model_of, node, grid) -> None:
    import onnx

    from smartvm.compiler.lowering import lower

    nodes = [
        onnx.helper.make_node("MatMul", ["x", "w"], ["h"]),
        onnx.helper.make_node("Relu", ["h"], ["r"]),
        node("MatMul", "r", "w"),
    ]
    model = model_of(nodes, {"x": grid(1, 4)}, {"w": grid(4, 4)})
    assert list(lower(model, {"x": (-2, 2)}).constants) == ["w"]
