"""Narrow numbers: the dtype that holds a range, the way to a tensor, and exact division."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from smartvm.dispatch.numpy_backend.limbs import Array
from smartvm.dispatch.tensor import NARROW, Tensor

INT16, INT32, INT64 = NARROW


def narrow_dtype(low: int, high: int) -> np.dtype[np.signedinteger] | None:
    """The narrowest dtype of a tensor that holds [low, high]; None beyond 64 bits."""
    if low >= -(1 << 15) and high < 1 << 15:
        return INT16
    if low >= -(1 << 31) and high < 1 << 31:
        return INT32
    return INT64 if low >= -(1 << 63) and high < 1 << 63 else None


def to_tensor(result: Array) -> Tensor:
    """The tensor of a kernel's result: integers, as such or in floats, or (…, 16) limbs.

    It may take the array over, which nobody may write to any more.
    """
    if result.dtype == np.uint16:
        return Tensor.from_wide(np.ascontiguousarray(result).reshape(-1, result.shape[-1]))
    if not result.size:
        return Tensor.zeros(0)
    bounds = int(result.min()), int(result.max())
    dtype = narrow_dtype(*bounds)
    return Tensor(result.astype(dtype, order="C", copy=False).reshape(-1), bounds)


def divide_narrow(data: Array, divisor: int | NDArray[np.uint64], nearest: bool) -> Array:
    """(n,) integers of up to 64 bits over a divisor in [1, 2⁶⁴), one or (n,).

    Truncated, or to the nearest with ties to even. Quotients of magnitudes are exact in the
    unsigned type of the same width, which holds the magnitude of the least number too.
    """
    if isinstance(divisor, int):
        if divisor >> 8 * data.itemsize:
            return np.zeros(len(data), dtype=np.int16)  # more than twice any magnitude
        magnitude = np.abs(data).view(f"u{data.itemsize}")
        over = magnitude.dtype.type(divisor)
    else:
        magnitude, over = np.abs(data.astype(np.int64)).view(np.uint64), divisor
    quotient = magnitude // over
    if nearest:
        remainder = magnitude - quotient * over
        rest = over - remainder
        quotient += (remainder > rest) | ((remainder == rest) & (quotient & 1 != 0))
    signed = quotient.view(f"i{quotient.itemsize}")
    return np.asarray(np.where(data < 0, -signed, signed))
