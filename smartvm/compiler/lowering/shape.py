"""Operators that move items or only call them by another shape."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from math import prod

import numpy as np

from smartvm.compiler.float_model import Node, Shape
from smartvm.compiler.integer_graph import Value
from smartvm.compiler.lowering.arithmetic import expanded, row_major, view
from smartvm.compiler.lowering.builder import Lowering
from smartvm.compiler.lowering.registry import lowers, require
from smartvm.compiler.operations import Concatenate, Gather


@lowers("Identity", "Dropout", "Reshape", "Flatten", "Squeeze", "Unsqueeze")
def same_items(lowering: Lowering, node: Node) -> None:
    """The items stay where they are; only the shape has another name."""
    require(not node.output(1), "the mask of a Dropout is not supported")
    value = lowering.value(node.inputs[0])
    lowering.output(node, lowering.alias(value, shape=lowering.shape(node.outputs[0])))


@lowers("Cast", "CastLike")
def cast(lowering: Lowering, node: Node) -> None:
    """Between types of real numbers nothing changes; integers become real numbers."""
    source, target = (lowering.model.dtypes[name] for name in (node.inputs[0], node.outputs[0]))
    to_real = lowering.model.is_float(node.outputs[0])
    to_wider = source.kind in "iub" and target.name in ("int32", "int64")
    require(to_real or to_wider, f"a cast from {source} to {target} is not supported")
    lowering.output(node, lowering.value(node.inputs[0]))


@lowers("Transpose")
def transpose(lowering: Lowering, node: Node) -> None:
    """The axes in another order."""
    value = lowering.value(node.inputs[0])
    axes = range(len(lowering.shape_of(value)))
    lowering.output(node, permuted(lowering, value, node.attributes.get("perm", axes[::-1])))


def permuted(lowering: Lowering, value: str, order: Sequence[int]) -> str:
    """A value with its axes in another order."""
    shape = lowering.shape_of(value)
    strides = row_major(shape)
    return view(lowering, value, [shape[i] for i in order], [strides[i] for i in order])


def with_axis_last(lowering: Lowering, value: str, axis: int) -> str:
    """A value with one axis moved behind all others."""
    others = [i for i in range(len(lowering.shape_of(value))) if i != axis]
    return permuted(lowering, value, [*others, axis])


def with_axis_at(lowering: Lowering, value: str, axis: int) -> str:
    """A value with its last axis moved to a place: the way back from `with_axis_last`."""
    order = list(range(len(lowering.shape_of(value)) - 1))
    order.insert(axis, len(order))
    return permuted(lowering, value, order)


@lowers("Expand")
def expand(lowering: Lowering, node: Node) -> None:
    """Broadcast to the shape of the output."""
    value = lowering.value(node.inputs[0])
    lowering.output(node, expanded(lowering, value, lowering.shape(node.outputs[0])))


@lowers("Tile")
def tile(lowering: Lowering, node: Node) -> None:
    """Each axis repeated: an axis of stride zero before it."""
    value, shape = lowering.value(node.inputs[0]), lowering.shape(node.inputs[0])
    whole = lowering.shape(node.outputs[0])
    dims = [n for new, old in zip(whole, shape, strict=True) for n in (new // old, old)]
    strides = [step for own in row_major(shape) for step in (0, own)]
    lowering.output(node, view(lowering, value, dims, strides, shape=whole))


@lowers("DepthToSpace")
def depth_to_space(lowering: Lowering, node: Node) -> None:
    """Blocks of channels become blocks of the plane."""
    value, (batch, channels, height, width) = node_map(lowering, node)
    block = node.attributes["blocksize"]
    depth = channels // block**2
    if depth_first(node):
        shape, order = (batch, block, block, depth, height, width), (0, 3, 4, 1, 5, 2)
    else:
        shape, order = (batch, depth, block, block, height, width), (0, 1, 4, 2, 5, 3)
    lowering.output(node, permuted(lowering, lowering.alias(value, shape=shape), order))


@lowers("SpaceToDepth")
def space_to_depth(lowering: Lowering, node: Node) -> None:
    """Blocks of the plane become blocks of channels, in either order."""
    value, (batch, channels, height, width) = node_map(lowering, node)
    block = node.attributes["blocksize"]
    shape = (batch, channels, height // block, block, width // block, block)
    order = (0, 3, 5, 1, 2, 4) if depth_first(node) else (0, 1, 3, 5, 2, 4)
    lowering.output(node, permuted(lowering, lowering.alias(value, shape=shape), order))


def depth_first(node: Node) -> bool:
    """Whether channels are the slowest of a block's axes (DCR) or the fastest (CRD)."""
    return bool(node.attributes.get("mode", "DCR") == "DCR")


def node_map(lowering: Lowering, node: Node) -> tuple[str, Shape]:
    """The first input of a node and its shape."""
    return lowering.value(node.inputs[0]), lowering.shape(node.inputs[0])


@lowers("Concat")
def concat(lowering: Lowering, node: Node) -> None:
    """The inputs joined along an axis; those without items are left out."""
    names = [name for name in node.inputs if prod(lowering.shape(name))]
    axis = node.attributes["axis"] % len(lowering.shape(node.outputs[0]))
    lowering.output(node, joined(lowering, [lowering.value(name) for name in names], axis))


def joined(lowering: Lowering, values: Sequence[str], axis: int) -> str:
    """Values of one scale joined along an axis."""
    if len(values) == 1:
        return values[0]
    scale = max(map(lowering.scale_of, values))
    values = [lowering.rescale(value, scale) for value in values]
    shapes = [lowering.shape_of(value) for value in values]
    length = sum(shape[axis] for shape in shapes)
    whole = (*shapes[0][:axis], length, *shapes[0][axis + 1 :])
    return lowering.add(Concatenate, *values, gives=Value(whole, scale), outer=prod(whole[:axis]))


@lowers("Split")
def split(lowering: Lowering, node: Node) -> None:
    """A run of an axis for each output."""
    value, shape = node_map(lowering, node)
    axis = node.attributes.get("axis", 0) % len(shape)
    lengths = [lowering.shape(name)[axis] if name else 0 for name in node.outputs]
    for index, start in enumerate(accumulate([0, *lengths[:-1]])):
        if node.outputs[index]:
            part = run_of(lowering, value, axis, start, lengths[index])
            lowering.output(node, part, index)


def run_of(
    lowering: Lowering, value: str, axis: int, start: int, length: int, step: int = 1
) -> str:
    """`length` items along an axis from `start` on, every `step`-th; backwards if negative."""
    dims = list(lowering.shape_of(value))
    strides = list(row_major(dims))
    offset = start * strides[axis]
    dims[axis], strides[axis] = length, strides[axis] * step
    return view(lowering, value, dims, strides, offset)


@lowers("Slice")
def slice_axes(lowering: Lowering, node: Node) -> None:
    """Runs of several axes, with any steps."""
    value, shape = node_map(lowering, node)
    known = [lowering.constant(name) if name else None for name in node.inputs[1:]]
    require(len(known) > 1 and known[0] is not None and known[1] is not None, NOT_CONSTANT)
    require(
        all(a is not None for a, n in zip(known, node.inputs[1:], strict=True) if n), NOT_CONSTANT
    )
    starts, ends = (np.asarray(array).tolist() for array in known[:2])
    axes = known[2].tolist() if len(known) > 2 and known[2] is not None else range(len(starts))
    steps = known[3].tolist() if len(known) > 3 and known[3] is not None else [1] * len(starts)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        places = range(shape[axis])[start:end:step]
        value = run_of(lowering, value, axis % len(shape), places.start, len(places), step)
    lowering.output(node, value)


NOT_CONSTANT = "where it cuts depends on the values of the inputs"


@lowers("Gather")
def gather(lowering: Lowering, node: Node) -> None:
    """Items along an axis by their indices."""
    data, indices = node.inputs
    axis = node.attributes.get("axis", 0) % len(lowering.shape(data))
    known = lowering.constant(indices)
    if known is not None:
        result = picked(lowering, lowering.value(data), axis, known)
    else:
        result = looked_up(lowering, data, lowering.value(indices), axis)
    lowering.output(node, result)


def picked(lowering: Lowering, value: str, axis: int, indices: np.ndarray) -> str:
    """The items at known indices along an axis: a view if they are evenly spaced."""
    shape = lowering.shape_of(value)
    whole = (*shape[:axis], *indices.shape, *shape[axis + 1 :])
    places = np.where(indices < 0, indices + shape[axis], indices).reshape(-1)
    steps = np.diff(places)
    if len(places) == 1 or (steps == steps[0]).all():
        step = int(steps[0]) if len(steps) else 1
        run = run_of(lowering, value, axis, int(places[0]), len(places), step)
        return lowering.alias(run, shape=whole)
    repeats = _repeats(places)
    if repeats > 1:
        once = picked(lowering, value, axis, places[::repeats])
        return lowering.alias(_repeated(lowering, once, axis, repeats), shape=whole)
    outer, columns = prod(shape[:axis]), prod(shape[axis + 1 :])
    rows = np.arange(outer)[:, None] * shape[axis] + places
    loaded = lowering.load(rows, 1)
    gives = Value(whole, lowering.scale_of(value))
    fields = {"rows": outer * shape[axis], "columns": columns}
    return lowering.add(Gather, loaded, value, gives=gives, **fields)


def _repeats(places: np.ndarray) -> int:
    """How often each place comes in a row, if all come equally often."""
    changes = np.flatnonzero(np.diff(places)) + 1
    count = int(np.gcd.reduce(np.append(changes, len(places))))
    return count


def _repeated(lowering: Lowering, value: str, axis: int, repeats: int) -> str:
    """A value with each item along an axis so many times in a row."""
    shape = lowering.shape_of(value)
    strides = list(row_major(shape))
    dims = (*shape[: axis + 1], repeats, *shape[axis + 1 :])
    return view(lowering, value, dims, [*strides[: axis + 1], 0, *strides[axis + 1 :]])


def looked_up(lowering: Lowering, data: str, indices: str, axis: int) -> str:
    """The rows of a tensor of the model at computed indices."""
    shape, own = lowering.shape(data), lowering.shape_of(indices)
    rest = (*shape[:axis], *shape[axis + 1 :])
    array = lowering.constant(data)
    if array is not None:
        scale = lowering.tensor_scale(data)
        rows = lowering.weight(np.moveaxis(array, axis, 0), scale)
    else:
        order = [axis, *(i for i in range(len(shape)) if i != axis)]
        rows = permuted(lowering, lowering.value(data), order)
        scale = lowering.scale_of(rows)
    gives = Value((*own, *rest), scale)
    fields = {"rows": shape[axis], "columns": prod(rest)}
    found = lowering.add(Gather, indices, rows, gives=gives, **fields)
    places = list(range(len(own), len(own) + axis))
    order = [*places, *range(len(own)), *range(len(own) + axis, len(own) + len(rest))]
    return permuted(lowering, found, order)
