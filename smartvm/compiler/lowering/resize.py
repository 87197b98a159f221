"""Resize: along each axis a linear map with known factors, whatever its mode.

The factors are read off ONNX's own reference: what it makes of the identity matrix is the map.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from smartvm.compiler.float_model import Node
from smartvm.compiler.integer_graph import Value
from smartvm.compiler.lowering.arithmetic import plus_constant
from smartvm.compiler.lowering.builder import Lowering
from smartvm.compiler.lowering.registry import lowers, require
from smartvm.compiler.lowering.shape import picked
from smartvm.compiler.operations import Convolution
from smartvm.shapes import ConvShape

RESIZE_OPSET = 19
WHOLE = (0.0, 1.0)
"""The part of an axis that is all of it."""
ROI, SCALES, SIZES = 1, 2, 3
"""The inputs of Resize behind the map."""
FACTOR_BITS = 6
"""By how many bits factors that are no binary fractions are finer than weights."""


class Axis(NamedTuple):
    """How one axis is resized: by a scale, or to a length where the scale is None."""

    length: int
    scale: float | None
    roi: tuple[float, float] = WHOLE

    def target(self, rows: int) -> dict[str, np.ndarray]:
        """The input of a Resize of so many rows that asks for it."""
        if self.scale is None:
            return {"sizes": np.array([rows, self.length])}
        return {"scales": np.array([1.0, self.scale])}


@lowers("Resize")
def resize(lowering: Lowering, node: Node) -> None:
    """Resize in any mode, each axis by itself."""
    for name in filter(None, node.inputs[1:]):
        require(lowering.constant(name) is not None, "its sizes depend on the values of the inputs")
    value, shape = lowering.value(node.inputs[0]), lowering.shape(node.inputs[0])
    for number, axis in axes_of(lowering, node).items():
        if axis.length != shape[number] or axis.scale not in (None, 1.0) or axis.roi != WHOLE:
            value = resized(lowering, value, node, number, axis)
    lowering.output(node, value)


def axes_of(lowering: Lowering, node: Node) -> dict[int, Axis]:
    """The axes that a node names, and what becomes of them."""
    before, after = lowering.shape(node.inputs[0]), lowering.shape(node.outputs[0])
    numbers = [axis % len(before) for axis in node.attributes.get("axes", range(len(before)))]
    scales = scales_of(lowering, node, [before[axis] for axis in numbers])
    rois = rois_of(lowering, node, len(numbers))
    return {
        axis: Axis(after[axis], scale, roi)
        for axis, scale, roi in zip(numbers, scales, rois, strict=True)
    }


def scales_of(lowering: Lowering, node: Node, lengths: Sequence[int]) -> Sequence[float | None]:
    """The scale along each axis; None where lengths are asked for instead."""
    scales = lowering.constant(node.input(SCALES)) if node.input(SCALES) else None
    if scales is not None and scales.size:
        return [float(scale) for scale in scales]
    policy = node.attributes.get("keep_aspect_ratio_policy", "stretch")
    if policy == "stretch":
        return [None] * len(lengths)
    sizes = np.asarray(lowering.constant(node.input(SIZES))).tolist()
    ratios = [size / length for size, length in zip(sizes, lengths, strict=True)]
    return [min(ratios) if policy == "not_larger" else max(ratios)] * len(lengths)


def rois_of(lowering: Lowering, node: Node, count: int) -> list[tuple[float, float]]:
    """The part of each axis that is resized, where the mode knows parts."""
    if node.attributes.get("coordinate_transformation_mode") != "tf_crop_and_resize":
        return [WHOLE] * count
    items = np.asarray(lowering.constant(node.input(ROI))).tolist()
    return list(zip(items[:count], items[count:], strict=True))


def resized(lowering: Lowering, value: str, node: Node, axis: int, target: Axis) -> str:
    """A value resized along one axis."""
    shape = lowering.shape_of(value)
    basis = np.vstack([np.zeros(shape[axis]), np.eye(shape[axis])])
    rows = reference_resize(basis, node.attributes, target)
    fits = rows.shape[1] == target.length
    require(fits, "a length that is rounded up to keep the aspect ratio is not supported")
    offset, matrix = rows[0], (rows[1:] - rows[0]).T
    if (matrix.max(axis=1) == 1).all() and ((matrix != 0).sum(axis=1) == 1).all():
        value = picked(lowering, value, axis, matrix.argmax(axis=1))
    else:
        value = mapped_along(lowering, value, axis, matrix)
    return plus_constant(lowering, value, offset.reshape(-1, *(1 for _ in shape[axis + 1 :])))


def reference_resize(rows: np.ndarray, attributes: Mapping[str, Any], axis: Axis) -> np.ndarray:
    """The rows of a matrix resized by ONNX's reference evaluator."""
    from onnx import TensorProto, helper
    from onnx.reference import ReferenceEvaluator

    feeds = {
        "x": rows.astype(np.float32),
        "roi": np.array([0, axis.roi[0], 1, axis.roi[1]], np.float32),
        **axis.target(len(rows)),
    }
    own = ("axes", "keep_aspect_ratio_policy")
    kept = {name: entry for name, entry in attributes.items() if name not in own}
    names = [name if name in feeds else "" for name in ("x", "roi", "scales", "sizes")]
    node = helper.make_node("Resize", names, ["y"], **kept)
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in feeds]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)]
    graph = helper.make_graph([node], "resize", inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", RESIZE_OPSET)])
    (result,) = ReferenceEvaluator(model).run(None, feeds)
    return np.asarray(result, np.float64)


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
