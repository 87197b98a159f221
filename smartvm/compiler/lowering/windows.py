"""The attributes that convolutions and pools share: kernel, stride, dilation and padding.

ONNX names one, two or three spatial axes; the instructions have depth, height and width. Axes
that a node lacks have the length 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast

from smartvm.compiler.float_model import Node, Shape
from smartvm.compiler.lowering.registry import require
from smartvm.words import Padding, Spatial

SPATIAL_AXES = 3


class Window(NamedTuple):
    """The spatial part of a convolution or a pool, along depth, height and width."""

    size: Spatial
    kernel: Spatial
    stride: Spatial
    dilation: Spatial
    padding: Padding


def window_of(node: Node, shape: Shape, kernel: Sequence[int]) -> Window:
    """The window of a node whose input has a shape (batch, channels, *size)."""
    size = shape[2:]
    require(1 <= len(size) <= SPATIAL_AXES, f"{len(size)} spatial axes, expected 1, 2 or 3")
    stride = node.attributes.get("strides", (1,) * len(size))
    dilation = node.attributes.get("dilations", (1,) * len(size))
    padding = padding_of(node, size, kernel, stride, dilation)
    return Window(
        spatial(size), spatial(kernel), spatial(stride), spatial(dilation), on_all_axes(padding)
    )


def transposed_window(node: Node, shape: Shape, kernel: Sequence[int], out_shape: Shape) -> Window:
    """The window of a transposed convolution.

    The padding after a plane is whatever the known length of the output leaves, so that
    `output_padding` and `output_shape` need no more than that.
    """
    bare = window_of(node, shape, kernel)
    full = [
        (length - 1) * step + apart * (cells - 1) + 1
        for length, cells, step, apart in zip(*bare[:4], strict=True)
    ]
    total = [whole - out for whole, out in zip(full, spatial(out_shape[2:]), strict=True)]
    before = [pads[0] for pads in bare.padding]
    if "output_shape" in node.attributes or node.attributes.get("auto_pad", "").startswith("SAME"):
        extra = spatial(node.attributes.get("output_padding", (0,) * (len(shape) - 2)), missing=0)
        mode = node.attributes.get("auto_pad", "NOTSET")
        before = [halves(cut + more, mode)[0] for cut, more in zip(total, extra, strict=True)]
    padding = tuple((first, cut - first) for first, cut in zip(before, total, strict=True))
    return bare._replace(padding=cast(Padding, padding))


def spatial(lengths: Sequence[int], missing: int = 1) -> Spatial:
    """Lengths along the axes that there are as (depth, height, width)."""
    return cast(Spatial, (missing,) * (SPATIAL_AXES - len(lengths)) + tuple(lengths))


def on_all_axes(padding: tuple[tuple[int, int], ...]) -> Padding:
    """Padding of the axes that there are as that of depth, height and width."""
    return cast(Padding, ((0, 0),) * (SPATIAL_AXES - len(padding)) + padding)


def padding_of(
    node: Node,
    size: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
) -> tuple[tuple[int, int], ...]:
    """(before, after) for each axis, from `pads` or from what `auto_pad` asks for."""
    mode = node.attributes.get("auto_pad", "NOTSET")
    if mode == "NOTSET":
        return explicit_padding(node, len(size))
    if mode == "VALID":
        return ((0, 0),) * len(size)
    return tuple(
        halves(max(0, (-(-length // step) - 1) * step + apart * (cells - 1) + 1 - length), mode)
        for length, cells, step, apart in zip(size, kernel, stride, dilation, strict=True)
    )


def explicit_padding(node: Node, axes: int) -> tuple[tuple[int, int], ...]:
    """(before, after) for each axis from the attribute `pads`."""
    pads = node.attributes.get("pads", (0,) * 2 * axes)
    return tuple(zip(pads[:axes], pads[axes:], strict=True))


def halves(total: int, mode: str) -> tuple[int, int]:
    """A padding cut in two, the odd cell after the plane for SAME_UPPER, else before it."""
    less, more = total // 2, total - total // 2
    return (less, more) if mode == "SAME_UPPER" else (more, less)
