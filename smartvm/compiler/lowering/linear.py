"""Convolutions, fully connected layers and products of matrices."""

from __future__ import annotations

from math import prod
from typing import NamedTuple

import numpy as np

from smartvm.compiler.float_model import Node, Shape
from smartvm.compiler.integer_graph import Value
from smartvm.compiler.lowering.arithmetic import (
    expanded,
    plus,
    plus_constant,
    ratio_of,
    times_ratio,
    view,
    with_integers,
)
from smartvm.compiler.lowering.builder import Lowering
from smartvm.compiler.lowering.registry import lowers
from smartvm.compiler.lowering.windows import transposed_window, window_of
from smartvm.compiler.operations import Convolution, Divide, FullyConnected, MatrixProduct
from smartvm.shapes import ConvShape, MatmulShape

MOST_MULTIPLIER_BITS = 15


class Weights(NamedTuple):
    """A weight tensor as an operand.

    Attributes:
        name: of the constant, or of the value where the weights are computed.
        scale: of each item, the channel's multiplier left out.
        multipliers: by which the scale of each output channel is finer; None where all are 1.
    """

    name: str
    scale: int
    multipliers: np.ndarray | None = None


def weights_of(lowering: Lowering, tensor: str, form: Shape, channel_axes: Shape) -> Weights:
    """The weights of a tensor of the model.

    Args:
        lowering: whose scales they get.
        tensor: its name.
        form: a shape of it in which axes are those of output channels alone, or of none.
        channel_axes: the axes of output channels in that form.
    """
    array = lowering.constant(tensor)
    if array is None:
        value = lowering.value(tensor)
        return Weights(value, lowering.scale_of(value))
    return quantised_weights(lowering, array.reshape(form), channel_axes)


def quantised_weights(lowering: Lowering, array: np.ndarray, channel_axes: Shape) -> Weights:
    """A constant array as weights, per tensor or per output channel."""
    scale = lowering.weight_scale
    if not lowering.per_channel:
        return Weights(lowering.weight(array, scale), scale)
    multipliers = channel_multipliers(array, channel_axes)
    if (multipliers == 1).all():
        return Weights(lowering.weight(array, scale), scale)
    finer = array.astype(np.float64) * multipliers
    return Weights(lowering.weight(finer, scale), scale, multipliers.reshape(-1))


def channel_multipliers(array: np.ndarray, channel_axes: Shape) -> np.ndarray:
    """For each channel the greatest power of two by which it may grow to the widest channel.

    It broadcasts to the array, and is at most 2^15.
    """
    others = tuple(axis for axis in range(array.ndim) if axis not in channel_axes)
    magnitudes = np.abs(array).max(axis=others, initial=0, keepdims=True).astype(np.float64)
    widest = max(magnitudes.max(initial=0), np.finfo(np.float64).tiny)
    powers = np.floor(np.log2(widest / np.where(magnitudes > 0, magnitudes, widest)))
    multipliers: np.ndarray = 2 ** np.minimum(powers, MOST_MULTIPLIER_BITS).astype(np.int64)
    return multipliers


@lowers("Conv")
def convolution(lowering: Lowering, node: Node) -> None:
    """Conv of one, two or three axes."""
    shape, weight_shape = lowering.shape(node.inputs[0]), lowering.shape(node.inputs[1])
    groups = node.attributes.get("group", 1)
    window = window_of(node, shape, weight_shape[2:])
    conv = ConvShape(shape[0], shape[1], weight_shape[0], groups, **window._asdict())
    weights = weights_of(lowering, node.inputs[1], weight_shape, (0,))
    convolve(lowering, node, weights, conv)


@lowers("ConvTranspose")
def transposed_convolution(lowering: Lowering, node: Node) -> None:
    """ConvTranspose of one, two or three axes; what the output lacks becomes padding."""
    shape, weight_shape = lowering.shape(node.inputs[0]), lowering.shape(node.inputs[1])
    groups = node.attributes.get("group", 1)
    window = transposed_window(node, shape, weight_shape[2:], lowering.shape(node.outputs[0]))
    out_channels = weight_shape[1] * groups
    conv = ConvShape(shape[0], shape[1], out_channels, groups, **window._asdict(), transposed=True)
    form = (groups, shape[1] // groups, weight_shape[1], *weight_shape[2:])
    weights = weights_of(lowering, node.inputs[1], form, (0, 2))
    convolve(lowering, node, weights, conv)


def convolve(lowering: Lowering, node: Node, weights: Weights, conv: ConvShape) -> None:
    """The convolution, its bias (input 2) and the division by the scale of the weights."""
    value, shape = lowering.value(node.inputs[0]), lowering.shape(node.outputs[0])
    gives = Value(shape, lowering.scale_of(value) * weights.scale)
    sums = lowering.add(Convolution, value, weights.name, gives=gives, shape=conv)
    channels = (conv.out_channels, *(1 for _ in shape[2:]))
    bias = addend(lowering, node.input(2), channels)
    lowering.output(node, finished(lowering, sums, weights, bias, channels))


def addend(
    lowering: Lowering, tensor: str, shape: Shape | None = None, factor: float = 1.0
) -> np.ndarray | str | None:
    """A bias times a factor, in another shape: an array, a value, or None where it is left out."""
    if not tensor:
        return None
    array = lowering.constant(tensor)
    if array is not None:
        return np.asarray(array * factor).reshape(array.shape if shape is None else shape)
    value = times_ratio(lowering, lowering.value(tensor), ratio_of(factor))
    return lowering.alias(value, shape=shape)


def finished(
    lowering: Lowering,
    sums: str,
    weights: Weights,
    bias: np.ndarray | str | None,
    channels: Shape,
) -> str:
    """Sums of products with their bias, divided where channels have multipliers.

    Args:
        lowering: where it is appended.
        sums: the accumulators, at the scale of the map times that of the weights.
        weights: those that were multiplied.
        bias: an array or a value that broadcasts to the sums.
        channels: the shape in which one number an output channel broadcasts to the sums.
    """
    multipliers = np.ones(1, int) if weights.multipliers is None else weights.multipliers
    finer = multipliers.reshape(channels if multipliers.size > 1 else ())
    if isinstance(bias, np.ndarray):
        sums = plus_constant(lowering, sums, bias * finer)
    if weights.multipliers is not None:
        scale = lowering.scale_of(sums) // weights.scale
        sums = with_integers(lowering, Divide, sums, finer * weights.scale, scale)
    return plus(lowering, sums, bias) if isinstance(bias, str) else sums


@lowers("Gemm")
def general_product(lowering: Lowering, node: Node) -> None:
    """Gemm: alpha·A·B + beta·C."""
    a, b = node.inputs[:2]
    take = node.attributes.get
    left = transposed_value(lowering, a) if take("transA", 0) else lowering.value(a)
    transpose_b, alpha = bool(take("transB", 0)), take("alpha", 1.0)
    (rows, inner), (_, columns) = lowering.shape_of(left), lowering.shape(node.outputs[0])
    shape = MatmulShape(rows, inner, columns, transpose_b=transpose_b)
    weights = matrix(lowering, b, transpose_b, alpha)
    gives = Value((rows, columns), lowering.scale_of(left) * weights.scale)
    sums = lowering.add(FullyConnected, left, weights.name, gives=gives, shape=shape)
    if lowering.constant(b) is None:
        sums = times_ratio(lowering, sums, ratio_of(alpha))
    bias = addend(lowering, node.input(2), factor=take("beta", 1.0))
    lowering.output(node, finished(lowering, sums, weights, bias, (columns,)))


def matrix(lowering: Lowering, tensor: str, transposed: bool, factor: float = 1.0) -> Weights:
    """A matrix of the model as weights; a constant one is multiplied by the factor.

    Args:
        lowering: whose scales it gets.
        tensor: its name, of shape (inner, columns), or (columns, inner) if `transposed`.
        transposed: whether its rows are those of output features.
        factor: of the product.
    """
    array = lowering.constant(tensor)
    if array is None:
        value = lowering.value(tensor)
        return Weights(value, lowering.scale_of(value))
    if factor != 1.0:
        array = array * np.float64(factor)
    return quantised_weights(lowering, array, (0,) if transposed else (array.ndim - 1,))


def transposed_value(lowering: Lowering, tensor: str) -> str:
    """The transpose of a matrix of the model."""
    rows, columns = lowering.shape(tensor)
    return view(lowering, lowering.value(tensor), (columns, rows), (1, columns))


@lowers("MatMul")
def matrix_product(lowering: Lowering, node: Node) -> None:
    """MatMul of vectors, matrices and batches of them, which broadcast."""
    right = node.inputs[1]
    if lowering.constant(right) is not None and len(lowering.shape(right)) == 2:
        rows_times_matrix(lowering, node)
    else:
        batched_product(lowering, node)


def rows_times_matrix(lowering: Lowering, node: Node) -> None:
    """A stack of rows times one constant matrix: FULL_CON."""
    value, (inner, columns) = lowering.value(node.inputs[0]), lowering.shape(node.inputs[1])
    weights = matrix(lowering, node.inputs[1], transposed=False)
    shape = MatmulShape(prod(lowering.shape_of(value)) // inner, inner, columns)
    gives = Value(lowering.shape(node.outputs[0]), lowering.scale_of(value) * weights.scale)
    sums = lowering.add(FullyConnected, value, weights.name, gives=gives, shape=shape)
    lowering.output(node, finished(lowering, sums, weights, None, (columns,)))


def batched_product(lowering: Lowering, node: Node) -> None:
    """Products of matrices, batch by batch: MAT_BMM."""
    a, b = (lowering.shape(tensor) for tensor in node.inputs)
    a = (1, *a) if len(a) == 1 else a
    b = (*b, 1) if len(b) == 1 else b
    batch = np.broadcast_shapes(a[:-2], b[:-2])
    left = factor_of_product(lowering, node.inputs[0], a, batch)
    right = factor_of_product(lowering, node.inputs[1], b, batch)
    shape = MatmulShape(a[-2], a[-1], b[-1], batch=prod(batch))
    gives = Value(lowering.shape(node.outputs[0]), left.scale * right.scale)
    product = lowering.add(MatrixProduct, left.name, right.name, gives=gives, shape=shape)
    lowering.output(node, product)


def factor_of_product(lowering: Lowering, tensor: str, shape: Shape, batch: Shape) -> Weights:
    """A tensor seen as matrices of a shape, broadcast to the batch."""
    array, whole = lowering.constant(tensor), (*batch, *shape[-2:])
    if array is None:
        value = lowering.alias(lowering.value(tensor), shape=shape)
        return Weights(expanded(lowering, value, whole), lowering.scale_of(value))
    scale = lowering.weight_scale
    return Weights(lowering.weight(np.broadcast_to(array.reshape(shape), whole), scale), scale)
