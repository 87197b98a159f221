"""Shapes of the compute instructions: what each works out before it pays and computes.

Every shape has three spatial axes (depth, height, width); two-dimensional instructions have a
depth of one. The kernels get these objects whole and may rely on them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from math import prod
from typing import cast

from smartvm.exceptions import ShapeError
from smartvm.words import Padding, Spatial

NO_PADDING: Padding = ((0, 0), (0, 0), (0, 0))
UNIT: Spatial = (1, 1, 1)
AXES = ("depth", "height", "width")


def _extent(kernel: int, dilation: int) -> int:
    return dilation * (kernel - 1) + 1


def _padded(size: Spatial, padding: Padding) -> int:
    pairs = zip(size, padding, strict=True)
    return prod(max(length, length + before + after) for length, (before, after) in pairs)


@dataclass(frozen=True)
class ConvShape:
    """A convolution of (batch, in_channels, *size) by (out_channels, in_channels/groups, *kernel).

    With `transposed`, the weights are (in_channels, out_channels/groups, *kernel), as PyTorch
    and ONNX lay them out. The depthwise convolution is the one with groups = in_channels.
    """

    batch: int
    in_channels: int
    out_channels: int
    groups: int
    size: Spatial
    kernel: Spatial
    stride: Spatial = UNIT
    padding: Padding = NO_PADDING
    dilation: Spatial = UNIT
    transposed: bool = False

    @cached_property
    def out_size(self) -> Spatial:
        """(depth, height, width) of the result.

        Raises:
            ShapeError: the kernel is larger than the padded input.
        """
        return cast(Spatial, tuple(self._out_length(axis) for axis in range(3)))

    def _out_length(self, axis: int) -> int:
        before, after = self.padding[axis]
        extent = _extent(self.kernel[axis], self.dilation[axis])
        if self.transposed:
            length = (self.size[axis] - 1) * self.stride[axis] + extent - before - after
            if length < 1:
                raise ShapeError(f"padding ({AXES[axis]})", "an output of at least 1", length)
            return length
        padded = self.size[axis] + before + after
        if padded < extent:
            raise ShapeError(f"kernel ({AXES[axis]})", f"at most the padded size {padded}", extent)
        return (padded - extent) // self.stride[axis] + 1

    @cached_property
    def in_items(self) -> int:
        """Items of the input map, the batch included."""
        return self.batch * self.in_channels * prod(self.size)

    @cached_property
    def out_items(self) -> int:
        """Items of the result, the batch included."""
        return self.batch * self.out_channels * prod(self.out_size)

    @cached_property
    def padded_items(self) -> int:
        """Items of the largest plane that a kernel may lay out: padded, or not yet cropped."""
        if not self.transposed:
            return self.batch * self.in_channels * _padded(self.size, self.padding)
        full = (
            (n - 1) * s + _extent(k, d)
            for n, s, k, d in zip(self.size, self.stride, self.kernel, self.dilation, strict=True)
        )
        return self.batch * max(self.in_channels, self.out_channels) * prod(full)

    @cached_property
    def weight_items(self) -> int:
        """Items of the weight tensor."""
        return self.in_channels * self.out_channels // self.groups * prod(self.kernel)

    @cached_property
    def uses_per_weight(self) -> int:
        """How often each weight is multiplied, padding counted: the MACs over the weights."""
        return self.batch * prod(self.size if self.transposed else self.out_size)

    @cached_property
    def macs(self) -> int:
        """Multiply-accumulates, those with padding included."""
        return self.uses_per_weight * self.weight_items

    @cached_property
    def terms(self) -> int:
        """Most products that one output sums."""
        return self.in_channels // self.groups * prod(self.kernel)


@dataclass(frozen=True)
class PoolShape:
    """A pooling of `planes` (batch × channels) planes of `size`.

    `ceil_mode` rounds the output length up, but a window never starts in the padding after the
    plane (as PyTorch and ONNX have it). `count_padding` makes the average divide by the cells of
    the window that lie in the padded plane; otherwise by those in the plane itself.
    """

    planes: int
    size: Spatial
    kernel: Spatial
    stride: Spatial
    padding: Padding = NO_PADDING
    dilation: Spatial = UNIT
    ceil_mode: bool = False
    count_padding: bool = False

    @cached_property
    def out_size(self) -> Spatial:
        """(depth, height, width) of the result.

        Raises:
            ShapeError: the window is larger than the padded plane.
        """
        return cast(Spatial, tuple(self._out_length(axis) for axis in range(3)))

    def _out_length(self, axis: int) -> int:
        (before, after), stride = self.padding[axis], self.stride[axis]
        extent = _extent(self.kernel[axis], self.dilation[axis])
        span = self.size[axis] + before + after - extent
        if span < 0:
            raise ShapeError(
                f"kernel ({AXES[axis]})",
                f"at most the padded size {self.size[axis] + before + after}",
                extent,
            )
        if not self.ceil_mode:
            return span // stride + 1
        end = self.size[axis] + before + min(0, after)
        return max(1, min(-(-span // stride) + 1, -(-end // stride)))

    def windows(self, axis: int) -> Iterator[tuple[int, int, int]]:
        """For each output position of an axis: (first cell, cells in the plane, cells counted).

        The first cell may be negative; "counted" is the divisor's share of the axis for the
        average. Cells are `dilation` apart; a negative padding crops the plane.
        """
        before, after = self.padding[axis]
        low, high = self._plane(axis)
        for position in range(self.out_size[axis]):
            start = position * self.stride[axis] - before
            inside = self._between(axis, start, low, high)
            counted = (
                self._between(axis, start, -before, self.size[axis] + after)
                if self.count_padding
                else inside
            )
            yield start, inside, counted

    def misses_plane(self, axis: int) -> bool:
        """Whether some window of an axis has no cell of the plane; few of them are looked at.

        The outermost windows lie furthest outside. Between them a window has its first or last
        cell in the plane, or reaches over all of it; then a plane shorter than the dilation can
        fall between two cells. Which windows it does that to repeats, or befalls one in any
        length + 1 of them.
        """
        before, (low, high) = self.padding[axis][0], self._plane(axis)
        stride, step, last = self.stride[axis], self.dilation[axis], self.out_size[axis] - 1
        suspects = [range(1), range(last, last + 1)]
        if high - low < step:
            reach = (self.kernel[axis] - 1) * step
            first = max(0, -((reach - before - high) // stride))
            suspects.append(range(first, min(last, first + high - low) + 1))
        return any(
            self._between(axis, position * stride - before, low, high) == 0
            for position in chain.from_iterable(suspects)
        )

    @cached_property
    def has_empty_window(self) -> bool:
        """Whether some window has no cell of the plane."""
        return any(self.misses_plane(axis) for axis in range(3))

    def _plane(self, axis: int) -> tuple[int, int]:
        """The cells of the plane that a negative padding leaves: [low, high)."""
        before, after = self.padding[axis]
        return max(0, -before), self.size[axis] + min(0, after)

    def _between(self, axis: int, start: int, low: int, high: int) -> int:
        """How many cells of the window from `start` lie in [low, high)."""
        kernel, step = self.kernel[axis], self.dilation[axis]
        first, end = -((start - low) // step), -((start - high) // step)
        return max(0, min(end, kernel) - max(first, 0))

    @cached_property
    def in_items(self) -> int:
        """Items of the input map."""
        return self.planes * prod(self.size)

    @cached_property
    def out_items(self) -> int:
        """Items of the result."""
        return self.planes * prod(self.out_size)

    @cached_property
    def padded_items(self) -> int:
        """Items of the padded planes."""
        return self.planes * _padded(self.size, self.padding)

    @cached_property
    def window_items(self) -> int:
        """Cells of one window, the padding included."""
        return prod(self.kernel)


@dataclass(frozen=True)
class MatmulShape:
    """(rows × inner) · (inner × columns); a transposed operand is stored the other way round.

    `batch` products of as many matrices of each operand, one after the other.
    """

    rows: int
    inner: int
    columns: int
    transpose_a: bool = False
    transpose_b: bool = False
    batch: int = 1

    @cached_property
    def out_items(self) -> int:
        """Items of the products."""
        return self.batch * self.rows * self.columns

    @cached_property
    def macs(self) -> int:
        """Multiply-accumulates."""
        return self.batch * self.rows * self.inner * self.columns
