"""Activations: piecewise linear ones by ACT_RL and BUF_CLIP, the others correctly rounded.

Those of several steps compute at a scale that is FINE_BITS finer and round once at the end.
"""

from __future__ import annotations

from fractions import Fraction
from math import pi, sqrt

import numpy as np

from smartvm.compiler.float_model import Node
from smartvm.compiler.lowering.arithmetic import (
    clipped,
    greater,
    lesser,
    magnitude,
    negative,
    negative_part,
    over,
    plus,
    plus_constant,
    positive_part,
    ratio_of,
    times,
    times_constant,
    times_ratio,
)
from smartvm.compiler.lowering.builder import Lowering
from smartvm.compiler.lowering.elementwise import FINE_BITS, decay, function
from smartvm.compiler.lowering.registry import lowers
from smartvm.compiler.operations import ERF, LOG, Rectify, Sigmoid, Tanh

SELU = (1.67326319217681884765625, 1.05070102214813232421875)
"""Alpha and gamma of Selu where the node has none."""


@lowers("Relu")
def relu(lowering: Lowering, node: Node) -> None:
    """max(x, 0)."""
    lowering.output(node, positive_part(lowering, lowering.value(node.inputs[0])))


@lowers("LeakyRelu")
def leaky_relu(lowering: Lowering, node: Node) -> None:
    """x, or alpha·x where it is negative, truncated."""
    value = lowering.value(node.inputs[0])
    slope = ratio_of(node.attributes.get("alpha", 0.01))
    if slope >= 0:
        result = lowering.like(Rectify, value, slope=slope.as_integer_ratio())
    else:
        below = times_ratio(lowering, negative_part(lowering, value), slope)
        result = plus(lowering, positive_part(lowering, value), below)
    lowering.output(node, result)


@lowers("PRelu")
def parametric_relu(lowering: Lowering, node: Node) -> None:
    """x, or slope·x where it is negative; the slopes broadcast."""
    value, slopes = lowering.value(node.inputs[0]), lowering.constant(node.inputs[1])
    below = negative_part(lowering, value)
    if slopes is not None:
        below = times_constant(lowering, below, slopes)
    else:
        below = times(lowering, below, lowering.value(node.inputs[1]))
    below = lowering.rescale(below, lowering.scale_of(value))
    lowering.output(node, plus(lowering, positive_part(lowering, value), below))


@lowers("Clip")
def clip(lowering: Lowering, node: Node) -> None:
    """x between two bounds, each of which may be left out or computed."""
    value = lowering.value(node.inputs[0])
    arrays = [lowering.constant(name) if name else np.array(None) for name in padded(node, 3)[1:]]
    if any(array is None for array in arrays):
        result = clipped_by_values(lowering, node, value)
    else:
        bounds = [array.item() if array is not None else None for array in arrays]
        result = clipped(lowering, value, *bounds)
    lowering.output(node, result)


def padded(node: Node, count: int) -> list[str]:
    """The names of the node's inputs, those that are left out empty."""
    return [node.input(index) for index in range(count)]


def clipped_by_values(lowering: Lowering, node: Node, value: str) -> str:
    """x between bounds of which at least one is computed."""
    _, low, high = padded(node, 3)
    if low:
        value = greater(lowering, value, lowering.value(low))
    return lesser(lowering, value, lowering.value(high)) if high else value


@lowers("Sigmoid")
def sigmoid(lowering: Lowering, node: Node) -> None:
    """1 / (1 + e^−x)."""
    value = lowering.rescale(lowering.value(node.inputs[0]), lowering.scale)
    lowering.output(node, lowering.like(Sigmoid, value, scale=lowering.scale))


@lowers("Tanh")
def tanh(lowering: Lowering, node: Node) -> None:
    """The hyperbolic tangent."""
    value = lowering.rescale(lowering.value(node.inputs[0]), lowering.scale)
    lowering.output(node, lowering.like(Tanh, value, scale=lowering.scale))


@lowers("HardSigmoid")
def hard_sigmoid(lowering: Lowering, node: Node) -> None:
    """alpha·x + beta between 0 and 1."""
    slope = ratio_of(node.attributes.get("alpha", 0.2))
    line = times_ratio(lowering, lowering.value(node.inputs[0]), slope)
    line = plus_constant(lowering, line, node.attributes.get("beta", 0.5))
    lowering.output(node, clipped(lowering, line, 0.0, 1.0))


@lowers("HardSwish")
def hard_swish(lowering: Lowering, node: Node) -> None:
    """x · clip(x + 3, 0, 6) / 6."""
    value = lowering.value(node.inputs[0])
    gate = clipped(lowering, plus_constant(lowering, value, 3.0), 0.0, 6.0)
    lowering.output(node, times_ratio(lowering, times(lowering, value, gate), Fraction(1, 6)))


@lowers("Gelu")
def gelu(lowering: Lowering, node: Node) -> None:
    """x · Φ(x), by erf or by its approximation with tanh."""
    value, fine = lowering.value(node.inputs[0]), lowering.scale << FINE_BITS
    if node.attributes.get("approximate", "none") == "tanh":
        inner = lowering.rescale(gelu_cubic(lowering, value), fine)
        gate = lowering.like(Tanh, inner, scale=fine)
    else:
        inner = lowering.rescale(times_ratio(lowering, value, ratio_of(sqrt(0.5))), fine)
        gate = function(lowering, inner, ERF)
    product = times(lowering, plus_constant(lowering, gate, 1.0), value)
    lowering.output(node, times_ratio(lowering, product, Fraction(1, 2)))


def gelu_cubic(lowering: Lowering, value: str) -> str:
    """√(2/π)·(x + 0.044715·x³), at a scale of its own."""
    square = times_ratio(lowering, times(lowering, value, value), ratio_of(0.044715))
    line = plus_constant(lowering, square, 1.0)
    line = lowering.rescale(line, lowering.scale << FINE_BITS)
    return times_ratio(lowering, times(lowering, line, value), ratio_of(sqrt(2 / pi)))


@lowers("Elu")
def elu(lowering: Lowering, node: Node) -> None:
    """x, or alpha·(e^x − 1) where it is negative."""
    value, alpha = lowering.value(node.inputs[0]), node.attributes.get("alpha", 1.0)
    lowering.output(node, exponential_unit(lowering, value, alpha, 1.0))


@lowers("Celu")
def celu(lowering: Lowering, node: Node) -> None:
    """x, or alpha·(e^(x/alpha) − 1) where it is negative."""
    value, alpha = lowering.value(node.inputs[0]), node.attributes.get("alpha", 1.0)
    lowering.output(node, exponential_unit(lowering, value, alpha, 1 / alpha))


@lowers("Selu")
def selu(lowering: Lowering, node: Node) -> None:
    """gamma times an Elu."""
    alpha, gamma = (
        node.attributes.get(n, d) for n, d in zip(("alpha", "gamma"), SELU, strict=True)
    )
    unit = exponential_unit(lowering, lowering.value(node.inputs[0]), alpha, 1.0)
    lowering.output(node, times_ratio(lowering, unit, ratio_of(gamma)))


def exponential_unit(lowering: Lowering, value: str, alpha: float, rate: float) -> str:
    """max(x, 0) + alpha·(e^(rate·min(x, 0)) − 1), at a finer scale."""
    fine = lowering.scale_of(value) << FINE_BITS
    exponent = times_ratio(lowering, value, ratio_of(rate))
    power = decay(lowering, lowering.rescale(exponent, fine))
    below = times_ratio(lowering, plus_constant(lowering, power, -1.0), ratio_of(alpha))
    above = lowering.rescale(positive_part(lowering, value), fine)
    return plus(lowering, above, lowering.rescale(below, fine))


@lowers("Softplus")
def softplus(lowering: Lowering, node: Node) -> None:
    """log(1 + e^x)."""
    lowering.output(node, soft_positive_part(lowering, lowering.value(node.inputs[0])))


def soft_positive_part(lowering: Lowering, value: str) -> str:
    """max(x, 0) + log(1 + e^−|x|), which is log(1 + e^x), at a finer scale."""
    fine = lowering.scale_of(value) << FINE_BITS
    value = lowering.rescale(value, fine)
    power = decay(lowering, negative(lowering, magnitude(lowering, value)))
    log = function(lowering, plus_constant(lowering, power, 1.0), LOG)
    return plus(lowering, log, positive_part(lowering, value))


@lowers("Mish")
def mish(lowering: Lowering, node: Node) -> None:
    """x · tanh(log(1 + e^x))."""
    value = lowering.value(node.inputs[0])
    inner = soft_positive_part(lowering, value)
    gate = lowering.like(Tanh, inner, scale=lowering.scale_of(inner))
    lowering.output(node, times(lowering, gate, value))


@lowers("Softsign")
def softsign(lowering: Lowering, node: Node) -> None:
    """x / (1 + |x|)."""
    value = lowering.value(node.inputs[0])
    divisor = plus_constant(lowering, magnitude(lowering, value), 1.0)
    lowering.output(node, over(lowering, value, divisor, lowering.scale))
