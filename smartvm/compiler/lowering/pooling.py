"""Pools: POOL_MAX and POOL_AVG; the average is exact to nearest.

POOL_AVG truncates. Before it the map is multiplied by the least common multiple of the counts of
cells by which windows are divided, so that every quotient is exact, and afterwards it is divided
by that to nearest.
"""

from __future__ import annotations

from itertools import product
from math import lcm, prod

from smartvm.compiler.float_model import Node, Shape
from smartvm.compiler.integer_graph import Value
from smartvm.compiler.lowering.builder import Lowering
from smartvm.compiler.lowering.registry import lowers, require
from smartvm.compiler.lowering.windows import window_of
from smartvm.compiler.operations import AveragePool, MaxPool, MultiplyConstant
from smartvm.shapes import UNIT, PoolShape

AXES = range(3)


@lowers("MaxPool")
def max_pool(lowering: Lowering, node: Node) -> None:
    """MaxPool without the indices of the greatest cells."""
    require(not node.output(1), "the indices of the greatest cells are not supported")
    whole = lowering.shape(node.outputs[0])
    lowering.output(node, greatest(lowering, node, pool_shape(lowering, node), whole))


@lowers("GlobalMaxPool")
def global_max_pool(lowering: Lowering, node: Node) -> None:
    """The greatest item of each channel."""
    whole = lowering.shape(node.outputs[0])
    lowering.output(node, greatest(lowering, node, whole_plane(lowering, node), whole))


@lowers("AveragePool")
def average_pool(lowering: Lowering, node: Node) -> None:
    """AveragePool, with or without the padding counted."""
    whole = lowering.shape(node.outputs[0])
    lowering.output(node, average(lowering, node, pool_shape(lowering, node), whole))


@lowers("GlobalAveragePool")
def global_average_pool(lowering: Lowering, node: Node) -> None:
    """The average of each channel."""
    whole = lowering.shape(node.outputs[0])
    lowering.output(node, average(lowering, node, whole_plane(lowering, node), whole))


def pool_shape(lowering: Lowering, node: Node) -> PoolShape:
    """The shape of a pool from the node's attributes."""
    shape = lowering.shape(node.inputs[0])
    window = window_of(node, shape, node.attributes["kernel_shape"])
    steps = {window.dilation[axis] for axis in AXES if window.kernel[axis] > 1}
    require(len(steps) <= 1, f"its dilations differ: {window.dilation}")
    step = max(steps, default=1)
    window = window._replace(dilation=(step, step, step))
    pool = PoolShape(
        planes=shape[0] * shape[1],
        ceil_mode=bool(node.attributes.get("ceil_mode", 0)),
        count_padding=bool(node.attributes.get("count_include_pad", 0)),
        **window._asdict(),
    )
    require(not any(map(pool.misses_plane, AXES)), "some window lies in the padding altogether")
    items = prod(lowering.shape(node.outputs[0]))
    require(pool.out_items == items, f"it gives {pool.out_items} items where ONNX has {items}")
    return pool


def whole_plane(lowering: Lowering, node: Node) -> PoolShape:
    """The shape of a pool over all items of each channel, of any rank."""
    shape = lowering.shape(node.inputs[0])
    plane = (1, 1, prod(shape[2:]))
    return PoolShape(planes=shape[0] * shape[1], size=plane, kernel=plane, stride=UNIT)


def greatest(lowering: Lowering, node: Node, pool: PoolShape, whole: Shape) -> str:
    """The greatest cell of each window of the node's input."""
    value = lowering.value(node.inputs[0])
    gives = Value(whole, lowering.scale_of(value))
    return lowering.add(MaxPool, value, gives=gives, shape=pool, channels=whole[1])


def average(lowering: Lowering, node: Node, pool: PoolShape, whole: Shape) -> str:
    """The average of each window of the node's input, at a finer scale at which it is exact."""
    value = lowering.value(node.inputs[0])
    factor = lcm(*(prod(counts) for counts in product(*(_counts(pool, axis) for axis in AXES))))
    scale = lowering.scale_of(value) * factor
    if factor > 1:
        gives = Value(lowering.shape_of(value), scale)
        value = lowering.add(MultiplyConstant, value, gives=gives, factor=factor)
    gives = Value(whole, scale)
    return lowering.add(AveragePool, value, gives=gives, shape=pool, channels=whole[1])


def _counts(pool: PoolShape, axis: int) -> set[int]:
    """By how many cells of an axis windows are divided."""
    return {counted for _, _, counted in pool.windows(axis)}
