"""Convolution: on the tensor cores where they have a way, else on the ordinary ones.

What leaves 64 bits is worked out in 256.
"""

from __future__ import annotations

from math import prod
from typing import Any

from smartvm.dispatch.cupy_backend import direct, product, wide_product
from smartvm.dispatch.cupy_backend.calls import Call
from smartvm.dispatch.cupy_backend.epilogue import NO_STAGES, Epilogue
from smartvm.dispatch.cupy_backend.packing import (
    STEP,
    Side,
    ceil_div,
    geometry,
    pack_planes,
    pack_weights,
    pack_windows,
)
from smartvm.dispatch.cupy_backend.product import (
    MOST_ITEMS,
    Product,
    Strides,
    fits_grid,
    product_domains,
    run_product,
)
from smartvm.dispatch.cupy_backend.sums import convolution_sums
from smartvm.dispatch.tensor import Tensor
from smartvm.shapes import ConvShape

__all__ = ["convolve", "fused"]

_LEAST_CHANNELS = 8
"""Of a group, in and out, below which the tensor cores would mostly multiply zeros."""
_FEW_TERMS = 512
"""Of a sum: what one thread adds up in no time."""
_MOST_WINDOW = 2048
"""Terms of a sum for which the windows are laid out."""
_MOST_EXTENT = 1 << 30
"""Of a padded plane, whose cells the kernels count in 32 bits."""


def convolve(call: Call, x: Tensor, weights: Tensor, shape: ConvShape) -> Tensor | None:
    """See `Backend.convolve`; shapes checked, gas paid."""
    found = fused(call, x, weights, shape, NO_STAGES)
    return found[-1] if found else wide_product.convolve(call, x, weights, shape)


def fused(
    call: Call,
    x: Tensor,
    weights: Tensor,
    shape: ConvShape,
    epilogue: Epilogue,
    *arguments: Any,
) -> list[Tensor] | None:
    """A convolution and the stages behind it: the result of each (`Epilogue.run`)."""
    found = on_tensor_cores(call, x, weights, shape, epilogue, *arguments)
    return found or direct.convolve_fused(call, x, weights, shape, epilogue, *arguments)


def on_tensor_cores(
    call: Call,
    x: Tensor,
    weights: Tensor,
    shape: ConvShape,
    epilogue: Epilogue,
    *arguments: Any,
) -> list[Tensor] | None:
    """See `fused`; None where the tensor cores have no way."""
    if shape.transposed or not _is_worth_it(shape) or not _fits(shape):
        return None
    limbs = product_domains(call, x, weights, convolution_sums(weights, shape), epilogue)
    if limbs is None:
        return None
    return run_product(call, _product(call, x, weights, shape, limbs), epilogue, *arguments)


def _is_worth_it(shape: ConvShape) -> bool:
    """Whether packing and the tensor cores take less time than the ordinary cores."""
    least = min(shape.in_channels, shape.out_channels) // shape.groups
    few = shape.macs < product.LEAST_MACS and shape.terms <= _FEW_TERMS
    return not few and (shape.groups == 1 or least >= _LEAST_CHANNELS)


def _fits(shape: ConvShape) -> bool:
    extents = (
        size + abs(before) + abs(after)
        for size, (before, after) in zip(shape.size, shape.padding, strict=True)
    )
    channels = shape.batch * shape.groups * (shape.in_channels // shape.groups + STEP)
    return (
        prod(extents) * channels < _MOST_EXTENT
        and max(_window_bytes(shape), shape.out_items) <= MOST_ITEMS
        and fits_grid(shape.out_channels // shape.groups, shape.groups, _most_terms(shape))
    )


def _most_terms(shape: ConvShape) -> int:
    """Terms of a sum, the channels of each cell of the kernel rounded up to whole steps."""
    return ceil_div(shape.in_channels // shape.groups, STEP) * STEP * prod(shape.kernel)


def _window_bytes(shape: ConvShape) -> int:
    """Bytes of one limb of all windows, if they are laid out."""
    if not _lays_windows_out(shape):
        return 0
    pixels = shape.batch * shape.groups * prod(shape.out_size)
    return pixels * ceil_div(shape.terms, STEP) * STEP


def _lays_windows_out(shape: ConvShape) -> bool:
    """Whether windows fill the steps much better than the channels of each cell do."""
    by_cells = ceil_div(shape.in_channels // shape.groups, STEP) * prod(shape.kernel)
    by_windows = ceil_div(shape.terms, STEP)
    return shape.terms <= _MOST_WINDOW and 2 * by_windows <= by_cells


def _product(
    call: Call, x: Tensor, weights: Tensor, shape: ConvShape, limbs: tuple[int, int]
) -> Product:
    """The product, its operands packed."""
    groups, channels = shape.groups, shape.in_channels // shape.groups
    rows, cells, taps = shape.out_channels // groups, prod(shape.out_size), prod(shape.kernel)
    strides = Strides(rows * cells, cells, shape.out_channels * cells, 1, rows)
    axes: tuple[int, ...]
    if _lays_windows_out(shape):
        planes = pack_windows(call, x, limbs[0], shape)
        counts, side = (groups, rows, shape.terms, 1), Side(rows * shape.terms, shape.terms, 1)
        axes = (1, 1, cells, *(1, 1, 1), *(1, 1, 1), *(0, 0, 0), *(1, 1, 1), 1, 1, cells)
    else:
        plane = prod(shape.size)
        maps = shape.batch * groups, channels, plane
        planes = pack_planes(call, x, limbs[0], maps, Side(channels * plane, 1, plane))
        counts = groups, rows, channels, taps
        side = Side(rows * shape.terms, shape.terms, taps, 1)
        axes = geometry(shape)
    fragments = pack_weights(call, weights, limbs[1], counts, side)
    return Product(planes, fragments, shape.batch, groups, rows, axes, strides)
