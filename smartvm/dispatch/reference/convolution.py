"""Convolution by its definition: one loop an index."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from smartvm.dispatch.tensor import Tensor
from smartvm.shapes import ConvShape
from smartvm.words import Spatial, wrap


def convolve(x: Tensor, weights: Tensor, shape: ConvShape) -> Tensor:
    """See `Backend.convolve`; shapes checked, gas paid.

    Each triple of an input item, a weight and the output item that their product belongs to is
    visited once; which triples those are is all that tells the transposed from the plain one.
    """
    items, kernels = x.to_ints(), weights.to_ints()
    sums = [0] * shape.out_items
    visit = _spread if shape.transposed else _collect
    for out, cell, weight in visit(shape):
        sums[out] += items[cell] * kernels[weight]
    return Tensor.from_ints(wrap(total) for total in sums)


def _collect(shape: ConvShape) -> Iterator[tuple[int, int, int]]:
    """Output p of an axis takes the cell p·stride − before + k·dilation with the weight k."""
    for batch, group, out_channel, in_channel in _channels(shape):
        channel_out = group * (shape.out_channels // shape.groups) + out_channel
        channel_in = group * (shape.in_channels // shape.groups) + in_channel
        for position in _cells(shape.out_size):
            for k in _cells(shape.kernel):
                cell = _shifted(shape, position, k)
                if _inside(cell, shape.size):
                    yield (
                        _index(batch, shape.out_channels, channel_out, shape.out_size, position),
                        _index(batch, shape.in_channels, channel_in, shape.size, cell),
                        _index(
                            channel_out, shape.in_channels // shape.groups, in_channel,
                            shape.kernel, k,
                        ),
                    )  # fmt: skip


def _spread(shape: ConvShape) -> Iterator[tuple[int, int, int]]:
    """Cell q of an axis goes to the output q·stride − before + k·dilation with the weight k."""
    for batch, group, out_channel, in_channel in _channels(shape):
        channel_out = group * (shape.out_channels // shape.groups) + out_channel
        channel_in = group * (shape.in_channels // shape.groups) + in_channel
        for cell in _cells(shape.size):
            for k in _cells(shape.kernel):
                position = _shifted(shape, cell, k)
                if _inside(position, shape.out_size):
                    yield (
                        _index(batch, shape.out_channels, channel_out, shape.out_size, position),
                        _index(batch, shape.in_channels, channel_in, shape.size, cell),
                        _index(
                            channel_in, shape.out_channels // shape.groups, out_channel,
                            shape.kernel, k,
                        ),
                    )  # fmt: skip


def _channels(shape: ConvShape) -> Iterator[tuple[int, ...]]:
    """(batch, group, output channel of the group, input channel of the group)."""
    return product(
        range(shape.batch),
        range(shape.groups),
        range(shape.out_channels // shape.groups),
        range(shape.in_channels // shape.groups),
    )


def _cells(size: Spatial) -> Iterator[tuple[int, ...]]:
    return product(range(size[0]), range(size[1]), range(size[2]))


def _shifted(shape: ConvShape, start: tuple[int, ...], k: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(
        start[axis] * shape.stride[axis] - shape.padding[axis][0] + k[axis] * shape.dilation[axis]
        for axis in range(3)
    )


def _inside(cell: tuple[int, ...], size: Spatial) -> bool:
    return all(0 <= cell[axis] < size[axis] for axis in range(3))


def _index(outer: int, channels: int, channel: int, size: Spatial, cell: tuple[int, ...]) -> int:
    """The flat index of (outer, channel, *cell) in an array of (…, channels, *size)."""
    plane = (cell[0] * size[1] + cell[1]) * size[2] + cell[2]
    return (outer * channels + channel) * size[0] * size[1] * size[2] + plane
