"""Resize: along each axis a linear map with known factors, whatever its mode.

The factors are read off ONNX's own reference: what it makes of the identity matrix is the map.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from smartvm.compiler.float_model import Node
from smartvm.compiler.integer_graph import Value
from smartvm.compiler.lowering.arithmetic import plus_constant
from smartvm.compiler.lowering.builder import Lowering
from smartvm.compiler.lowering.registry import lowers, require
from smartvm.compiler.lowering.shape import picked
from smartvm.compiler.operations import Convolution
from smartvm.shapes import ConvShape

ROI, SCALES, SIZES = 1, 2, 3
"""The inputs of Resize behind the map."""
FACTOR_BITS = 6
"""By how many bits factors that are no binary fractions are finer than weights."""


@lowers("Resize")
def resize(lowering: Lowering, node: Node) -> None:
    """Resize in any mode, each axis by itself."""
    for name in filter(None, node.inputs[1:]):
        require(lowering.constant(name) is not None, "its sizes depend on the values of the inputs")
    value, shape = lowering.value(node.inputs[0]), lowering.shape(node.inputs[0])
    rank = len(shape)
    axes = [axis % rank for axis in node.attributes.get("axes", range(rank))]
    steps = _scales(lowering, node, axes)
    for index, axis in enumerate(axes):
        roi = _roi(lowering, node, index, len(axes))
        if steps[index] != 1.0 or roi not in (None, (0.0, 1.0)):
            value = resized(lowering, value, node, axis, steps[index], roi)
    lowering.output(node, value)


def _scales(lowering: Lowering, node: Node, axes: Sequence[int]) -> list[float]:
    """The scale along each axis."""
    before, after = lowering.shape(node.inputs[0]), lowering.shape(node.outputs[0])
    array = lowering.constant(node.input(SCALES)) if node.input(SCALES) else None
    if array is not None and array.size:
        return [float(scale) for scale in array]
    scales = [after[axis] / before[axis] for axis in axes]
    policy = node.attributes.get("keep_aspect_ratio_policy", "stretch")
    if policy == "stretch":
        return scales
    sizes = np.asarray(lowering.constant(node.input(SIZES)))
    ratios = [int(size) / before[axis] for size, axis in zip(sizes, axes, strict=True)]
    common = min(ratios) if policy == "not_larger" else max(ratios)
    return [common] * len(axes)


def _roi(lowering: Lowering, node: Node, index: int, count: int) -> tuple[float, float] | None:
    """The part of an axis that is resized, where the mode knows parts."""
    if node.attributes.get("coordinate_transformation_mode") != "tf_crop_and_resize":
        return None
    array = np.asarray(lowering.constant(node.input(ROI)))
    return float(array[index]), float(array[count + index])


def resized(
    lowering: Lowering,
    value: str,
    node: Node,
    axis: int,
    scale: float,
    roi: tuple[float, float] | None,
) -> str:
    """A value resized along one axis."""
    shape, length = lowering.shape_of(value), lowering.shape(node.outputs[0])[axis]
    basis = np.vstack([np.zeros(shape[axis]), np.eye(shape[axis])])
    rows = reference_resize(basis, node.attributes, scale, roi)
    require(rows.shape[1] == length, "a length that is rounded up by the aspect ratio's policy")
    offset, matrix = rows[0], (rows[1:] - rows[0]).T
    if (matrix.max(axis=1) == 1).all() and ((matrix != 0).sum(axis=1) == 1).all():
        value = picked(lowering, value, axis, matrix.argmax(axis=1))
    else:
        value = mapped_along(lowering, value, axis, matrix)
    return plus_constant(lowering, value, offset.reshape(-1, *(1 for _ in shape[axis + 1 :])))


def reference_resize(
    rows: np.ndarray, attributes: Any, scale: float, roi: tuple[float, float] | None
) -> np.ndarray:
    """The rows of a matrix resized by ONNX's reference evaluator."""
    from onnx import TensorProto, helper
    from onnx.reference import ReferenceEvaluator

    own = ("axes", "keep_aspect_ratio_policy")
    kept = {name: entry for name, entry in attributes.items() if name not in own}
    node = helper.make_node("Resize", ["x", "roi", "scales"], ["y"], **kept)
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
        for name in ("x", "roi", "scales")
    ]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)]
    graph = helper.make_graph([node], "resize", inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", RESIZE_OPSET)])
    low, high = roi or (0.0, 1.0)
    feeds = {
        "x": rows.astype(np.float32),
        "roi": np.array([0, low, 1, high], np.float32),
        "scales": np.array([1, scale], np.float32),
    }
    (result,) = ReferenceEvaluator(model).run(None, feeds)
    return np.asarray(result, np.float64)


RESIZE_OPSET = 19


def mapped_along(lowering: Lowering, value: str, axis: int, matrix: np.ndarray) -> str:
    """A matrix (new length, old length) of factors, applied along an axis.

    It is a convolution of one cell: its channels are the items along the axis, its plane the axes
    behind, its batch those before. The result is at a scale of its own.
    """
    shape, scale = lowering.shape_of(value), matrix_scale(matrix, lowering.weight_scale)
    conv = ConvShape(
        batch=prod(shape[:axis]),
        in_channels=shape[axis],
        out_channels=len(matrix),
        groups=1,
        size=(1, 1, prod(shape[axis + 1 :])),
        kernel=(1, 1, 1),
    )
    whole = (*shape[:axis], len(matrix), *shape[axis + 1 :])
    gives = Value(whole, lowering.scale_of(value) * scale)
    return lowering.add(Convolution, value, lowering.weight(matrix, scale), gives=gives, shape=conv)


def matrix_scale(matrix: np.ndarray, weight_scale: int) -> int:
    """The least power of two at which all factors are whole, or one finer than the weights'."""
    most = weight_scale.bit_length() + FACTOR_BITS
    exact = (bits for bits in range(most) if (matrix * (1 << bits) % 1 == 0).all())
    return 1 << next(exact, most)
