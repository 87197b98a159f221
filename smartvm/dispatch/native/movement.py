"""Strided views, joined maps and rows looked up; wide maps are left to numpy."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from smartvm.dispatch.movement import check_indices, with_items
from smartvm.dispatch.native.compiled import kernels
from smartvm.dispatch.native.forms import narrow_dtype, written
from smartvm.dispatch.numpy_backend import movement
from smartvm.dispatch.tensor import Tensor


def view(x: Tensor, offset: int, dims: Sequence[int], strides: Sequence[int]) -> Tensor:
    """See `Backend.view`; shapes checked, gas paid."""
    data, length = x.data, prod(dims)
    if data.ndim == 2 or not length:
        return movement.view(x, offset, dims, strides)
    return written(length, data.dtype, kernels.view, data, offset, dims, strides)


def concatenate(parts: list[Tensor], outer: int) -> Tensor:
    """See `Backend.concatenate`; shapes checked, gas paid."""
    parts = with_items(parts)
    low, high = min(p.bounds[0] for p in parts), max(p.bounds[1] for p in parts)
    dtype = narrow_dtype(low, high)
    if dtype is None or outer == 1:
        return movement.concatenate(parts, outer)
    pitch, start = sum(map(len, parts)) // outer, 0
    out = np.empty(outer * pitch, dtype)
    for part in parts:
        row = len(part) // outer
        kernels.place(out, part.data, row, start, pitch)
        start += row
    return Tensor(out, (low, high))


def gather(indices: Tensor, data: Tensor, columns: int) -> Tensor:
    """See `Backend.gather`; shapes checked, gas paid."""
    check_indices(indices, data, columns)
    at, items = indices.data, data.data
    if items.ndim == 2:
        return movement.gather(indices, data, columns)
    length = len(at) * columns
    return written(length, items.dtype, kernels.gather, at, items, columns)
