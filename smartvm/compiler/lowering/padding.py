"""Pad: zeros by a convolution of one cell, whose padding they are; copies of items by views."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import prod
from typing import cast

import numpy as np

from smartvm.compiler.float_model import Node
from smartvm.compiler.integer_graph import Value
from smartvm.compiler.lowering.arithmetic import plus_constant
from smartvm.compiler.lowering.builder import Lowering
from smartvm.compiler.lowering.registry import lowers, require
from smartvm.compiler.lowering.shape import joined, run_of
from smartvm.compiler.operations import Convolution
from smartvm.shapes import ConvShape
from smartvm.words import Padding, Spatial

Sides = tuple[int, int]


@lowers("Pad")
def pad(lowering: Lowering, node: Node) -> None:
    """Pad of known widths in any mode; negative widths crop."""
    value, rank = lowering.value(node.inputs[0]), len(lowering.shape(node.inputs[0]))
    sides = widths(lowering, node, rank)
    mode = node.attributes.get("mode", "constant")
    if mode == "constant":
        result = padded_with(lowering, value, sides, filler(lowering, node))
    else:
        for axis, (before, after) in enumerate(sides):
            value = cropped(lowering, value, axis, min(before, 0), min(after, 0))
            value = copied(lowering, value, axis, max(before, 0), max(after, 0), mode)
        result = value
    lowering.output(node, result)


def widths(lowering: Lowering, node: Node, rank: int) -> list[Sides]:
    """(before, after) for every axis."""
    pads = lowering.constant(node.inputs[1])
    axes = lowering.constant(node.input(3)) if node.input(3) else np.arange(rank)
    require(pads is not None and axes is not None, "its widths depend on the values of the inputs")
    items, places = np.asarray(pads).tolist(), np.asarray(axes).tolist()
    sides: list[Sides] = [(0, 0)] * rank
    for index, axis in enumerate(places):
        sides[axis % rank] = (items[index], items[len(places) + index])
    return sides


def filler(lowering: Lowering, node: Node) -> float:
    """The number that a constant padding is filled with."""
    array = lowering.constant(node.input(2)) if node.input(2) else np.zeros(1)
    require(array is not None, "its filling is computed")
    return float(np.asarray(array).item())


def padded_with(lowering: Lowering, value: str, sides: Sequence[Sides], fill: float) -> str:
    """A value with a number around it: the value less that number, padded with zeros, plus it."""
    if not any(map(any, sides)):
        return value
    value = plus_constant(lowering, value, -fill)
    return plus_constant(lowering, padded_with_zeros(lowering, value, sides), fill)


def padded_with_zeros(lowering: Lowering, value: str, sides: Sequence[Sides]) -> str:
    """A value with zeros around it; up to three neighbouring groups of axes at a time."""
    shape = lowering.shape_of(value)
    axes = _groups(shape, sides)
    while any(any(pads) for _, pads in axes):
        last = max(index for index, (_, pads) in enumerate(axes) if any(pads))
        start, stop = max(0, last - 2), last + 1
        if stop < len(axes):  # the axis behind the last one belongs to the plane
            start, stop = max(0, last - 1), last + 2
        value = _pad_volume(lowering, value, axes, start, stop)
        axes[start:stop] = [(n + sum(pads), (0, 0)) for n, pads in axes[start:stop]]
        axes = _groups(*zip(*axes, strict=True))
    whole = tuple(n + sum(pads) for n, pads in zip(shape, sides, strict=True))
    return lowering.alias(value, shape=whole)


def _groups(shape: Sequence[int], sides: Sequence[Sides]) -> list[tuple[int, Sides]]:
    """(length, padding) of the axes, neighbours without padding joined."""
    axes: list[tuple[int, Sides]] = []
    for length, pads in zip(shape, sides, strict=True):
        if axes and not any(pads) and not any(axes[-1][1]):
            axes[-1] = (axes[-1][0] * length, (0, 0))
        else:
            axes.append((length, pads))
    return axes


def _pad_volume(
    lowering: Lowering, value: str, axes: Sequence[tuple[int, Sides]], start: int, stop: int
) -> str:
    """The axes from `start` to `stop`, at most three and the last of all, padded with zeros."""
    missing = 3 - (stop - start)
    size = (1,) * missing + tuple(length for length, _ in axes[start:stop])
    padding = ((0, 0),) * missing + tuple(pads for _, pads in axes[start:stop])
    conv = ConvShape(
        batch=prod(length for length, _ in axes[:start]),
        in_channels=1,
        out_channels=1,
        groups=1,
        size=cast(Spatial, size),
        kernel=(1, 1, 1),
        padding=cast(Padding, padding),
    )
    one = lowering.integers(np.ones(1, np.int64))
    gives = Value((conv.batch, *conv.out_size), lowering.scale_of(value))
    return lowering.add(Convolution, value, one, gives=gives, shape=conv)


def cropped(lowering: Lowering, value: str, axis: int, before: int, after: int) -> str:
    """A value without -before items at the start of an axis and -after at its end."""
    length = lowering.shape_of(value)[axis] + before + after
    return run_of(lowering, value, axis, -before, length)


def copied(lowering: Lowering, value: str, axis: int, before: int, after: int, mode: str) -> str:
    """A value padded along an axis with copies of its own items, by numpy's names of the modes."""
    length = lowering.shape_of(value)[axis]
    run = partial(run_of, lowering, value, axis)
    if mode == "edge":
        pieces = [run(0, before, 0), value, run(length - 1, after, 0)]
    elif mode == "reflect":
        require(max(before, after) < length, "it reflects more items than there are")
        pieces = [run(before, before, -1), value, run(length - 2, after, -1)]
    else:
        require(mode == "wrap" and max(before, after) <= length, f"mode {mode!r} of that width")
        pieces = [run(length - before, before), value, run(0, after)]
    kept = [piece for piece, n in zip(pieces, (before, 1, after), strict=True) if n]
    return joined(lowering, kept, axis)
