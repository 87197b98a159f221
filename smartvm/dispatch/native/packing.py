"""Packed items on the compiled kernels: one pass that decodes and finds the bounds."""

from __future__ import annotations

import numpy as np

from smartvm.dispatch.native.compiled import kernels
from smartvm.dispatch.native.forms import INT16, INT32, INT64, Dtype, narrow_dtype, written
from smartvm.dispatch.tensor import Tensor


def pack(items: Tensor, item_bytes: int, big_endian: bool) -> bytes | None:
    """The packed items, which fit the width; None of a wide tensor."""
    data = items.data
    if data.ndim == 2:
        return None
    packed: bytes = kernels.pack(data, item_bytes, big_endian)
    return packed


def unpack(
    buffer: bytes | memoryview, item_bytes: int, big_endian: bool, signed: bool
) -> Tensor | None:
    """The items of a whole number of packed ones; None where one needs more than 64 bits."""
    length = len(buffer) // item_bytes
    if signed and not big_endian and item_bytes in (2, 4, 8):
        shared = _shared(np.frombuffer(buffer, f"<i{item_bytes}"))
        if shared is not None:
            return shared
    dtype = _likely_form(item_bytes if signed else item_bytes + 1, item_bytes)
    try:
        return written(length, dtype, kernels.unpack, buffer, item_bytes, big_endian, signed)
    except OverflowError:
        return None


def _shared(array: np.ndarray) -> Tensor | None:
    """The tensor of an array in its own memory, if that is a tensor's form and never changes."""
    if array.flags.writeable or not (array.flags.aligned and array.dtype.isnative):
        return None
    bounds: tuple[int, int] = kernels.bounds(array)
    return Tensor(array, bounds) if narrow_dtype(*bounds) == array.dtype else None


def _likely_form(needed: int, item_bytes: int) -> Dtype:
    """The form that holds `needed` bytes; long words mostly hold small numbers."""
    if needed <= 2 or item_bytes > 8:
        return INT16
    return INT32 if needed <= 4 else INT64
