"""Normalisation: by known statistics, by those of each row, and by neighbouring channels.

A row is what is normalised together. With D the deviations from the row's mean at a scale d, the
variance is Σ D² / n, at d²; its root is taken at a scale ROOT_BITS finer than d, and D divided by
it, so that the result is within a unit or two of the scale.
"""

from __future__ import annotations

from math import prod

import numpy as np

from smartvm.compiler.float_model import Node, Shape
from smartvm.compiler.integer_graph import Value
from smartvm.compiler.lowering.arithmetic import (
    MOST,
    minus,
    over,
    plus,
    plus_constant,
    ratio_of,
    times,
    times_constant,
    times_ratio,
)
from smartvm.compiler.lowering.builder import Lowering
from smartvm.compiler.lowering.elementwise import FINE_BITS, constant_over, raised
from smartvm.compiler.lowering.reduction import mean
from smartvm.compiler.lowering.registry import lowers, require
from smartvm.compiler.operations import SQRT, Clip, Convolution, Function
from smartvm.shapes import UNIT, ConvShape

DEVIATION_BITS = 4
"""By how many bits the scale of deviations is finer than that of the map."""
ROOT_BITS = 8
"""By how many bits the scale of their root is finer than that."""


@lowers("BatchNormalization")
def batch_normalization(lowering: Lowering, node: Node) -> None:
    """A factor and a summand for each channel, from the statistics that training left."""
    arrays = [lowering.constant(name) for name in node.inputs[1:5]]
    require(all(array is not None for array in arrays), "its statistics are computed")
    gamma, beta, centre, variance = (np.asarray(array, np.float64) for array in arrays)
    factor = gamma / np.sqrt(variance + epsilon_of(node))
    value, shape = lowering.value(node.inputs[0]), lowering.shape(node.inputs[0])
    channels = channel_shape(shape)
    scaled = times_constant(lowering, value, factor.reshape(channels))
    lowering.output(
        node, plus_constant(lowering, scaled, (beta - centre * factor).reshape(channels))
    )


def channel_shape(shape: Shape) -> Shape:
    """The shape in which one number a channel broadcasts to (batch, channels, …)."""
    return (shape[1], *(1 for _ in shape[2:])) if len(shape) > 1 else (1,)


@lowers("LayerNormalization")
def layer_normalization(lowering: Lowering, node: Node) -> None:
    """Rows are all axes from `axis` on; their means and deviations are outputs too."""
    value, shape = lowering.value(node.inputs[0]), lowering.shape(node.inputs[0])
    axis = node.attributes.get("axis", -1) % len(shape)
    rows = lowering.alias(value, shape=(prod(shape[:axis]), prod(shape[axis:])))
    centre = centres(lowering, rows)
    deviations = minus(lowering, lowering.rescale(rows, lowering.scale_of(centre)), centre)
    root = deviation(lowering, deviations, epsilon_of(node))
    result = over(lowering, deviations, root, lowering.scale << FINE_BITS)
    result = lowering.alias(result, shape=shape)
    lowering.output(node, affine(lowering, result, *node_affine(node)))
    lowering.output(node, centre, 1)
    if node.output(2):
        lowering.output(node, constant_over(lowering, 1.0, root), 2)


@lowers("InstanceNormalization")
def instance_normalization(lowering: Lowering, node: Node) -> None:
    """Rows are the planes of each channel."""
    value, shape = lowering.value(node.inputs[0]), lowering.shape(node.inputs[0])
    rows = (prod(shape[:2]), prod(shape[2:]))
    result = standardised(lowering, value, rows, epsilon_of(node))
    result = lowering.alias(result, shape=shape)
    lowering.output(node, affine(lowering, result, *node_affine(node), channel_shape(shape)))


@lowers("RMSNormalization")
def rms_normalization(lowering: Lowering, node: Node) -> None:
    """As LayerNormalization, without a mean."""
    value, shape = lowering.value(node.inputs[0]), lowering.shape(node.inputs[0])
    axis = node.attributes.get("axis", -1) % len(shape)
    rows = lowering.alias(value, shape=(prod(shape[:axis]), prod(shape[axis:])))
    root = deviation(lowering, rows, epsilon_of(node))
    result = over(lowering, rows, root, lowering.scale << FINE_BITS)
    lowering.output(node, affine(lowering, lowering.alias(result, shape=shape), *node_affine(node)))


def epsilon_of(node: Node) -> float:
    """What is added to the variance."""
    return float(node.attributes.get("epsilon", 1e-5))


def node_affine(node: Node) -> tuple[str, str]:
    """The names of a node's factor and summand, empty where they are left out."""
    return node.input(1), node.input(2)


def affine(
    lowering: Lowering, value: str, factor: str, summand: str, shape: Shape | None = None
) -> str:
    """A value times a tensor plus a tensor of the model, both seen in a shape."""
    if factor:
        known = lowering.constant(factor)
        if known is not None:
            array = known.reshape(known.shape if shape is None else shape)
            value = times_constant(lowering, value, array)
        else:
            other = lowering.alias(lowering.value(factor), shape=shape)
            value = times(lowering, value, other)
    if not summand:
        return value
    known = lowering.constant(summand)
    if known is not None:
        return plus_constant(
            lowering, value, known.reshape(known.shape if shape is None else shape)
        )
    return plus(lowering, value, lowering.alias(lowering.value(summand), shape=shape))


def standardised(lowering: Lowering, value: str, rows: Shape, epsilon: float) -> str:
    """(x − mean) / √(variance + epsilon) of each row, at a scale FINE_BITS finer."""
    value = lowering.alias(value, shape=rows)
    centre = centres(lowering, value)
    deviations = minus(lowering, lowering.rescale(value, lowering.scale_of(centre)), centre)
    root = deviation(lowering, deviations, epsilon)
    return over(lowering, deviations, root, lowering.scale << FINE_BITS)


def centres(lowering: Lowering, rows: str) -> str:
    """The mean of each row, at a scale DEVIATION_BITS finer."""
    return lowering.rescale(mean(lowering, rows, [1]), lowering.scale_of(rows) << DEVIATION_BITS)


def deviation(lowering: Lowering, deviations: str, epsilon: float) -> str:
    """The root of each row's mean square plus epsilon, at a scale ROOT_BITS finer; never zero."""
    scale = lowering.scale_of(deviations)
    variance = mean(lowering, times(lowering, deviations, deviations), [1])
    variance = plus_constant(lowering, lowering.rescale(variance, scale * scale), epsilon)
    variance = lowering.like(Clip, variance, low=1, high=MOST)
    # √(v·f²) with v = (r·scale)² is r at the scale times f, which is 2^ROOT_BITS.
    gives = Value(lowering.shape_of(variance), scale << ROOT_BITS)
    fields = {"scale": 1 << 2 * ROOT_BITS, "function": SQRT}
    return lowering.add(Function, variance, gives=gives, **fields)


@lowers("LRN")
def local_response_normalization(lowering: Lowering, node: Node) -> None:
    """x / (bias + alpha/size · Σ x²)^beta, the sum over `size` channels around each."""
    value, shape = lowering.value(node.inputs[0]), lowering.shape(node.inputs[0])
    size, take = node.attributes["size"], node.attributes.get
    squares = neighbour_sums(lowering, times(lowering, value, value), shape, size)
    inner = times_ratio(lowering, squares, ratio_of(take("alpha", 1e-4) / size))
    inner = plus_constant(lowering, inner, take("bias", 1.0))
    inner = lowering.rescale(inner, lowering.scale << FINE_BITS)
    inner = lowering.like(Clip, inner, low=1, high=MOST)
    divisor = raised(lowering, inner, take("beta", 0.75))
    lowering.output(node, over(lowering, value, divisor, lowering.scale))


def neighbour_sums(lowering: Lowering, value: str, shape: Shape, size: int) -> str:
    """Sums over channels from ⌊(size − 1)/2⌋ before to ⌈(size − 1)/2⌉ behind each.

    A convolution of ones along the axis of channels, which stands in the place of the height.
    """
    before = (size - 1) // 2
    conv = ConvShape(
        batch=shape[0],
        in_channels=1,
        out_channels=1,
        groups=1,
        size=(1, shape[1], prod(shape[2:])),
        kernel=(1, size, 1),
        stride=UNIT,
        padding=((0, 0), (before, size - 1 - before), (0, 0)),
    )
    ones = lowering.integers(np.ones((1, 1, size, 1), np.int64))
    return lowering.add(
        Convolution, value, ones, gives=Value(shape, lowering.scale_of(value)), shape=conv
    )
