"""Kernels that take each item by itself; what needs more than 64 bits is left to numpy.

Multiplying, dividing by one number, clipping and ReLU do not change the order of items, or
reverse it: the bounds of the result are those of the map, multiplied, divided or clipped.
"""

from __future__ import annotations

import numpy as np

from smartvm.dispatch.native.compiled import kernels
from smartvm.dispatch.native.forms import narrow_dtype, written
from smartvm.dispatch.numpy_backend import elementwise, elementwise_tensor
from smartvm.dispatch.reference.elementwise import nearest_even, truncated
from smartvm.dispatch.tensor import Tensor

LEAST_INT64, GREATEST_INT64 = -(1 << 63), (1 << 63) - 1
GREATEST_INT32 = (1 << 31) - 1


def add(x: Tensor, addend: Tensor, plane: int) -> Tensor:
    """See `Backend.add`; shapes checked, gas paid."""
    data, terms = x.data, addend.data
    (low, high), (least, greatest) = x.bounds, addend.bounds
    dtype = narrow_dtype(low + least, high + greatest)
    if dtype is None or data.ndim == 2 or terms.ndim == 2:
        return elementwise.add(x, addend, plane)
    return _combined(data, terms, plane, dtype, False)


def multiply_by(x: Tensor, factors: Tensor, plane: int) -> Tensor:
    """See `Backend.multiply_by`; shapes checked, gas paid."""
    data, terms = x.data, factors.data
    ends = [a * b for a in x.bounds for b in factors.bounds]
    dtype = narrow_dtype(min(ends), max(ends))
    if dtype is None or data.ndim == 2 or terms.ndim == 2:
        return elementwise_tensor.multiply_by(x, factors, plane)
    return _combined(data, terms, plane, dtype, True)


def _combined(
    data: np.ndarray, terms: np.ndarray, plane: int, dtype: np.dtype, product: bool
) -> Tensor:
    """Sums or products that fit `dtype`; sums are likely to need no more than their terms."""
    widest = data.dtype if data.itemsize >= terms.itemsize else terms.dtype
    result = dtype if dtype.itemsize > widest.itemsize else widest
    out = result if product else widest
    return written(len(data), out, kernels.combine, data, terms, plane, result.itemsize, product)


def multiply(x: Tensor, factor: int) -> Tensor:
    """See `Backend.multiply`; shapes checked, gas paid."""
    low, high = x.bounds[0] * factor, x.bounds[1] * factor
    if factor < 0:
        low, high = high, low
    dtype, data = narrow_dtype(low, high), x.data
    if dtype is None or data.ndim == 2 or not LEAST_INT64 <= factor <= GREATEST_INT64:
        return elementwise.multiply(x, factor)
    if low == high == 0:
        return Tensor.zeros(len(data))
    out = np.empty(len(data), dtype)
    kernels.multiply(out, data, factor)
    return Tensor(out, (low, high))


def divide(x: Tensor, divisor: int, nearest: bool) -> Tensor:
    """See `Backend.divide`; shapes checked, gas paid."""
    data = x.data
    if divisor == 1:
        return x
    if data.ndim == 2:
        return elementwise.divide(x, divisor, nearest)
    low, high = x.bounds
    quotient = nearest_even if nearest else truncated
    low, high = quotient(low, divisor), quotient(high, divisor)
    if low == high == 0:
        return Tensor.zeros(len(data))
    out = np.empty(len(data), narrow_dtype(low, high))
    kernels.divide(out, data, divisor, nearest)
    return Tensor(out, (low, high))


def divide_by(x: Tensor, divisors: Tensor, plane: int, nearest: bool) -> Tensor:
    """See `Backend.divide_by`; shapes checked, gas paid."""
    data, least = x.data, divisors.bounds[0]
    low, high = x.bounds
    if least <= 0:  # a divisor may be 0, and signs may change
        elementwise_tensor.check_divisors(divisors)
        low, high = min(low, -high), max(high, -low)
        least = 1
    quotient = nearest_even if nearest else truncated
    dtype = narrow_dtype(quotient(low, least), quotient(high, least))
    if dtype is None or data.ndim == 2 or divisors.data.ndim == 2:
        return elementwise_tensor.divide_by(x, divisors, plane, nearest)
    return written(len(data), dtype, kernels.divide_by, data, divisors.data, plane, nearest)


def clip(x: Tensor, low: int, high: int) -> Tensor:
    """See `Backend.clip`; shapes checked, gas paid."""
    least, greatest = x.bounds
    data = x.data
    if low <= least and greatest <= high:
        return x
    if data.ndim == 2 or low >= greatest or high <= least:
        return elementwise_tensor.clip(x, low, high)
    bounds = max(low, least), min(high, greatest)
    out = np.empty(len(data), narrow_dtype(*bounds))
    kernels.clip(out, data, *bounds)
    return Tensor(out, bounds)


def relu(x: Tensor, cap: int, slope: tuple[int, int]) -> Tensor:
    """See `Backend.relu`; shapes checked, gas paid."""
    (low, high), (numerator, denominator) = x.bounds, slope
    if x.data.ndim == 2:
        return elementwise.relu(x, cap, slope)
    if low >= 0 or not numerator:
        return clip(x, 0, cap or max(high, 0))
    if denominator == 1:  # a division by 2 needs no case of its own
        numerator, denominator = 2 * numerator, 2
    high = min(high, cap or high)
    largest = max(-low * numerator, denominator, high)
    if largest > GREATEST_INT64:
        return elementwise.relu(x, cap, slope)
    return _leaky(x, numerator, denominator, high, 4 if largest <= GREATEST_INT32 else 8)


def _leaky(x: Tensor, numerator: int, denominator: int, high: int, product_bytes: int) -> Tensor:
    """ReLU with a slope of a map that has items below zero and none above `high` that stays."""
    bounds = truncated(x.bounds[0] * numerator, denominator), high
    if high < 0:
        bounds = bounds[0], truncated(high * numerator, denominator)
    dtype = narrow_dtype(*bounds)
    out = np.empty(len(x), dtype)
    kernels.leaky(out, x.data, product_bytes, numerator, denominator, max(high, 0))
    return Tensor(out, bounds)
