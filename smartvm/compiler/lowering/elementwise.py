"""Arithmetic item by item, with broadcasting."""

from __future__ import annotations

from functools import reduce

import numpy as np

from smartvm.compiler.float_model import Node
from smartvm.compiler.lowering.arithmetic import (
    MOST,
    clipped,
    expanded,
    greater,
    lesser,
    magnitude,
    minus,
    negative,
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
from smartvm.compiler.lowering.registry import lowers, require
from smartvm.compiler.operations import ERF, EXP, LOG, SQRT, Clip, Function, MultiplyConstant

FINE_BITS = 8
"""By how many bits the scale of values on the way to a result is finer."""
MOST_FACTORS = 8
"""The greatest whole exponent that is computed by multiplication."""
VANISHING = 64
"""e to the power of less than minus this is nothing at any scale in use."""


@lowers("Add", "Sum")
def add(lowering: Lowering, node: Node) -> None:
    """The sum of all inputs: constants are added as they are."""
    known = [lowering.constant(name) for name in node.inputs]
    values = [
        lowering.value(n) for n, array in zip(node.inputs, known, strict=True) if array is None
    ]
    require(bool(values), "all of its inputs are constants")
    total = reduce(lambda a, b: plus(lowering, a, b), values)
    for array in known:
        if array is not None:
            total = plus_constant(lowering, total, array)
    lowering.output(node, total)


@lowers("Sub")
def subtract(lowering: Lowering, node: Node) -> None:
    """a − b."""
    a, b = node.inputs
    left, right = lowering.constant(a), lowering.constant(b)
    if right is not None:
        result = plus_constant(lowering, lowering.value(a), -right)
    elif left is not None:
        result = plus_constant(lowering, negative(lowering, lowering.value(b)), left)
    else:
        result = minus(lowering, lowering.value(a), lowering.value(b))
    lowering.output(node, result)


@lowers("Mul")
def multiply(lowering: Lowering, node: Node) -> None:
    """a · b."""
    a, b = node.inputs
    if lowering.constant(a) is not None:
        a, b = b, a
    array = lowering.constant(b)
    if array is None:
        result = times(lowering, lowering.value(a), lowering.value(b))
    else:
        result = times_constant(lowering, lowering.value(a), array)
    lowering.output(node, result)


@lowers("Div")
def divide(lowering: Lowering, node: Node) -> None:
    """a / b of real numbers; a computed divisor of zero halts."""
    a, b = node.inputs
    require(lowering.model.is_float(a), "a division of integers is not supported")
    numerator, divisor = lowering.constant(a), lowering.constant(b)
    if divisor is not None:
        require(bool(divisor.all()), "it divides by a constant of zero")
        inverse = 1 / divisor.astype(np.float64)
        result = times_constant(lowering, lowering.value(a), inverse)
    elif numerator is not None:
        result = constant_over(lowering, numerator, lowering.value(b))
    else:
        result = over(lowering, lowering.value(a), lowering.value(b), lowering.scale)
    lowering.output(node, result)


def constant_over(lowering: Lowering, numerator: np.ndarray | float, divisor: str) -> str:
    """A constant over a value."""
    array, scale = np.asarray(numerator), lowering.scale
    if array.size > 1:
        return over(lowering, lowering.load(array, scale), divisor, scale)
    zeros = lowering.like(MultiplyConstant, divisor, factor=0)
    zeros = lowering.alias(zeros, scale=scale * lowering.scale_of(divisor))
    return over(lowering, plus_constant(lowering, zeros, array), divisor, scale)


@lowers("Reciprocal")
def reciprocal(lowering: Lowering, node: Node) -> None:
    """1 / x."""
    lowering.output(node, constant_over(lowering, 1.0, lowering.value(node.inputs[0])))


@lowers("Neg")
def negate(lowering: Lowering, node: Node) -> None:
    """−x."""
    lowering.output(node, negative(lowering, lowering.value(node.inputs[0])))


@lowers("Abs")
def absolute(lowering: Lowering, node: Node) -> None:
    """|x|."""
    lowering.output(node, magnitude(lowering, lowering.value(node.inputs[0])))


@lowers("Max")
def maximum(lowering: Lowering, node: Node) -> None:
    """The greatest of all inputs."""
    values, bounds = values_and_numbers(lowering, node)
    result = reduce(lambda a, b: greater(lowering, a, b), values)
    lowering.output(node, clipped(lowering, result, max(bounds, default=None), None))


@lowers("Min")
def minimum(lowering: Lowering, node: Node) -> None:
    """The least of all inputs."""
    values, bounds = values_and_numbers(lowering, node)
    result = reduce(lambda a, b: lesser(lowering, a, b), values)
    lowering.output(node, clipped(lowering, result, None, min(bounds, default=None)))


def values_and_numbers(lowering: Lowering, node: Node) -> tuple[list[str], list[float]]:
    """The inputs, those apart that are one known number, which broadcasts to any shape."""
    known = {name: lowering.constant(name) for name in node.inputs}
    rank = len(lowering.shape(node.outputs[0]))
    numbers = {
        name: array.item()
        for name, array in known.items()
        if array is not None and array.size == 1 and array.ndim <= rank
    }
    values = [lowering.value(name) for name in node.inputs if name not in numbers]
    require(bool(values), "all of its inputs are constants")
    return values, list(numbers.values())


@lowers("Mean")
def mean(lowering: Lowering, node: Node) -> None:
    """The mean of all inputs."""
    total = reduce(lambda a, b: plus(lowering, a, b), map(lowering.value, node.inputs))
    scale = lowering.scale_of(total) * len(node.inputs)
    lowering.output(node, lowering.alias(total, scale=scale))


def function(lowering: Lowering, value: str, which: int) -> str:
    """exp, log, sqrt or erf of a value, at its scale."""
    return lowering.like(Function, value, scale=lowering.scale_of(value), function=which)


@lowers("Exp")
def exponential(lowering: Lowering, node: Node) -> None:
    """e^x; a result beyond 2²⁵⁵ halts."""
    lowering.output(node, function(lowering, lowering.value(node.inputs[0]), EXP))


def decay(lowering: Lowering, value: str) -> str:
    """e^x for numbers that are not positive, which interval analysis may not know of them."""
    low = -VANISHING * lowering.scale_of(value)
    return function(lowering, lowering.like(Clip, value, low=low, high=0), EXP)


@lowers("Log")
def logarithm(lowering: Lowering, node: Node) -> None:
    """log x; a number that is not positive halts."""
    lowering.output(node, function(lowering, lowering.value(node.inputs[0]), LOG))


@lowers("Erf")
def error_function(lowering: Lowering, node: Node) -> None:
    """erf x."""
    lowering.output(node, function(lowering, lowering.value(node.inputs[0]), ERF))


@lowers("Sqrt")
def square_root(lowering: Lowering, node: Node) -> None:
    """√x; a negative number counts as zero, which is what rounding may have made of it."""
    lowering.output(node, root(lowering, lowering.value(node.inputs[0])))


def root(lowering: Lowering, value: str) -> str:
    """√max(x, 0), at the value's scale."""
    return function(lowering, positive_part(lowering, value), SQRT)


@lowers("Pow")
def power(lowering: Lowering, node: Node) -> None:
    """x^p: for one constant p by products where it is whole, else for positive x alone."""
    require(lowering.model.is_float(node.inputs[0]), "powers of integers are not supported")
    value, exponents = lowering.value(node.inputs[0]), lowering.constant(node.inputs[1])
    if exponents is not None and (exponents == exponents.flat[0]).all():
        value = expanded(lowering, value, lowering.shape(node.outputs[0]))
        result = raised(lowering, value, float(exponents.flat[0]))
    else:
        result = power_of_values(lowering, value, node.inputs[1])
    lowering.output(node, result)


def raised(lowering: Lowering, value: str, exponent: float) -> str:
    """x^p; a fractional power of zero or less is that of the least positive number."""
    if exponent < 0:
        return constant_over(lowering, 1.0, raised(lowering, value, -exponent))
    if exponent == 0:
        return plus_constant(lowering, lowering.like(MultiplyConstant, value, factor=0), 1.0)
    if exponent == 0.5:
        return root(lowering, value)
    if exponent == int(exponent) and exponent <= MOST_FACTORS:
        return reduce(lambda a, b: times(lowering, a, b), [value] * int(exponent))
    return fractional_power(lowering, value, exponent)


def fractional_power(lowering: Lowering, value: str, exponent: float) -> str:
    """e^(p·log x), at a scale finer than the value's, the more so the greater the power."""
    scale = lowering.scale_of(value) << FINE_BITS + int(exponent).bit_length()
    value = lowering.rescale(lowering.like(Clip, value, low=1, high=MOST), scale)
    log = times_ratio(lowering, function(lowering, value, LOG), ratio_of(exponent))
    return function(lowering, lowering.rescale(log, scale), EXP)


def power_of_values(lowering: Lowering, value: str, exponents: str) -> str:
    """e^(y·log x) for a tensor of exponents; x that is not positive halts."""
    scale = lowering.scale_of(value) << FINE_BITS
    log = function(lowering, lowering.rescale(value, scale), LOG)
    array = lowering.constant(exponents)
    if array is None:
        log = times(lowering, log, lowering.value(exponents))
    else:
        log = times_constant(lowering, log, array.astype(np.float64))
    return function(lowering, lowering.rescale(log, scale), EXP)
