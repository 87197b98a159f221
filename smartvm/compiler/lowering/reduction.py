"""Reductions along axes, and the softmax family, whose axis is one of them."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from smartvm.compiler.float_model import Node
from smartvm.compiler.integer_graph import Value
from smartvm.compiler.lowering.arithmetic import magnitude, minus, times
from smartvm.compiler.lowering.builder import Lowering
from smartvm.compiler.lowering.elementwise import decay, function
from smartvm.compiler.lowering.registry import lowers, require
from smartvm.compiler.lowering.shape import permuted, with_axis_at, with_axis_last
from smartvm.compiler.operations import LOG, SQRT, Function, Reduce, Reduction, Softmax

LOG_BITS = 16
"""By how many bits the scale is finer at which exponentials are summed for a logarithm."""


def axes_of(lowering: Lowering, node: Node) -> list[int]:
    """The axes that a node reduces, in order; all of them where it names none."""
    rank = len(lowering.shape(node.inputs[0]))
    axes = node.attributes.get("axes")
    if node.input(1):
        array = lowering.constant(node.inputs[1])
        require(array is not None, "its axes depend on the values of the inputs")
        axes = np.asarray(array).tolist()
    if not axes:
        return [] if node.attributes.get("noop_with_empty_axes", 0) else list(range(rank))
    return sorted(axis % rank for axis in axes)


def reduced(lowering: Lowering, value: str, axes: Sequence[int], kind: Reduction) -> str:
    """A value reduced along axes, which stay as axes of one item."""
    shape = lowering.shape_of(value)
    kept = [axis for axis in range(len(shape)) if axis not in axes]
    count, inner = prod(shape[axis] for axis in axes), 1
    if axes and axes[-1] - axes[0] == len(axes) - 1:
        inner = prod(shape[axes[-1] + 1 :])
    else:
        value = permuted(lowering, value, [*kept, *axes])
    whole = tuple(1 if axis in axes else length for axis, length in enumerate(shape))
    if count == 1:
        return lowering.alias(value, shape=whole)
    gives = Value(whole, lowering.scale_of(value))
    return lowering.add(Reduce, value, gives=gives, kind=kind, axis=count, inner=inner)


def reduce_node(lowering: Lowering, node: Node, kind: Reduction) -> None:
    """A node that is one reduction."""
    value = lowering.value(node.inputs[0])
    lowering.output(node, reduced(lowering, value, axes_of(lowering, node), kind))


@lowers("ReduceSum")
def reduce_sum(lowering: Lowering, node: Node) -> None:
    """The sum along axes."""
    reduce_node(lowering, node, Reduction.SUM)


@lowers("ReduceMax")
def reduce_max(lowering: Lowering, node: Node) -> None:
    """The greatest along axes."""
    reduce_node(lowering, node, Reduction.MAX)


@lowers("ReduceMin")
def reduce_min(lowering: Lowering, node: Node) -> None:
    """The least along axes."""
    reduce_node(lowering, node, Reduction.MIN)


@lowers("ReduceMean")
def reduce_mean(lowering: Lowering, node: Node) -> None:
    """The mean along axes, to nearest."""
    require(lowering.model.is_float(node.inputs[0]), "a mean of integers is not supported")
    value = lowering.value(node.inputs[0])
    lowering.output(node, mean(lowering, value, axes_of(lowering, node)))


def mean(lowering: Lowering, value: str, axes: Sequence[int]) -> str:
    """The mean along axes: the sum, at a scale that is finer by their length."""
    count = prod(lowering.shape_of(value)[axis] for axis in axes)
    total = reduced(lowering, value, axes, Reduction.SUM)
    return lowering.alias(total, scale=lowering.scale_of(total) * count)


@lowers("ReduceL1")
def reduce_l1(lowering: Lowering, node: Node) -> None:
    """The sum of magnitudes along axes."""
    value = magnitude(lowering, lowering.value(node.inputs[0]))
    lowering.output(node, reduced(lowering, value, axes_of(lowering, node), Reduction.SUM))


@lowers("ReduceSumSquare")
def reduce_sum_square(lowering: Lowering, node: Node) -> None:
    """The sum of squares along axes."""
    lowering.output(node, sum_of_squares(lowering, node))


@lowers("ReduceL2")
def reduce_l2(lowering: Lowering, node: Node) -> None:
    """The root of the sum of squares: the integer root of what is at the square of the scale."""
    squares = sum_of_squares(lowering, node)
    gives = Value(lowering.shape_of(squares), lowering.scale)
    lowering.output(node, lowering.add(Function, squares, gives=gives, scale=1, function=SQRT))


def sum_of_squares(lowering: Lowering, node: Node) -> str:
    """The sum of squares along axes, at the square of the scale."""
    require(lowering.model.is_float(node.inputs[0]), "squares of integers are not supported")
    value = lowering.rescale(lowering.value(node.inputs[0]), lowering.scale)
    squares = times(lowering, value, value)
    return reduced(lowering, squares, axes_of(lowering, node), Reduction.SUM)


@lowers("ArgMax")
def arg_max(lowering: Lowering, node: Node) -> None:
    """The index of the greatest along an axis."""
    arg_extreme(lowering, node, Reduction.ARG_MAX, Reduction.LAST_ARG_MAX)


@lowers("ArgMin")
def arg_min(lowering: Lowering, node: Node) -> None:
    """The index of the least along an axis."""
    arg_extreme(lowering, node, Reduction.ARG_MIN, Reduction.LAST_ARG_MIN)


def arg_extreme(lowering: Lowering, node: Node, first: Reduction, last: Reduction) -> None:
    """The index of an extreme along an axis, the first or the last where there are several."""
    value, shape = lowering.value(node.inputs[0]), lowering.shape(node.inputs[0])
    axis = node.attributes.get("axis", 0) % len(shape)
    kind = last if node.attributes.get("select_last_index", 0) else first
    fields = {"kind": kind, "axis": shape[axis], "inner": prod(shape[axis + 1 :])}
    gives = Value(lowering.shape(node.outputs[0]), 1)
    lowering.output(node, lowering.add(Reduce, value, gives=gives, **fields))


@lowers("Softmax")
def softmax(lowering: Lowering, node: Node) -> None:
    """Softmax along an axis, which is moved behind the others for it."""
    value, axis = scaled_input(lowering, node)
    last = with_axis_last(lowering, value, axis)
    group = lowering.shape_of(last)[-1]
    result = lowering.like(Softmax, last, scale=lowering.scale, group=group)
    lowering.output(node, with_axis_at(lowering, result, axis))


@lowers("LogSoftmax")
def log_softmax(lowering: Lowering, node: Node) -> None:
    """x − max − log Σ e^(x − max) along an axis."""
    value, axis = scaled_input(lowering, node)
    last = with_axis_last(lowering, value, axis)
    rest = minus(
        lowering, last, reduced(lowering, last, [len(lowering.shape_of(last)) - 1], Reduction.MAX)
    )
    result = minus(lowering, rest, log_sum(lowering, rest))
    lowering.output(node, with_axis_at(lowering, result, axis))


def log_sum(lowering: Lowering, value: str) -> str:
    """log Σ e^x along the last axis, for numbers of which the greatest is 0, at their scale."""
    fine = lowering.rescale(value, lowering.scale_of(value) << LOG_BITS)
    powers = decay(lowering, fine)
    axis = len(lowering.shape_of(value)) - 1
    total = function(lowering, reduced(lowering, powers, [axis], Reduction.SUM), LOG)
    return lowering.rescale(total, lowering.scale_of(value))


def scaled_input(lowering: Lowering, node: Node) -> tuple[str, int]:
    """The input at the scale of the network, and the axis."""
    value = lowering.rescale(lowering.value(node.inputs[0]), lowering.scale)
    return value, node.attributes.get("axis", -1) % len(lowering.shape(node.inputs[0]))
