"""Addition, scaling and ReLU: in the narrowest integers that hold all results, else in limbs."""

from __future__ import annotations

import numpy as np

from smartvm.dispatch.numpy_backend import limbs
from smartvm.dispatch.numpy_backend.forms import divide_narrow, narrow_dtype, to_tensor
from smartvm.dispatch.numpy_backend.limbs import Array
from smartvm.dispatch.tensor import Tensor


def add(x: Tensor, addend: Tensor, plane: int) -> Tensor:
    """See `Backend.add`; shapes checked, gas paid."""
    low, high = (a + b for a, b in zip(x.bounds, addend.bounds, strict=True))
    dtype = narrow_dtype(low, high)
    if dtype is None or x.is_wide or addend.is_wide:
        left = x.wide().reshape(-1, len(addend), plane, 16)
        return to_tensor(limbs.add(left, addend.wide()[:, None]))
    left, right = x.data.reshape(-1, len(addend), plane), addend.data[:, None]
    return to_tensor(np.add(left, right, dtype=dtype))


def multiply(x: Tensor, factor: int) -> Tensor:
    """See `Backend.multiply`; shapes checked, gas paid."""
    ends = (x.bounds[0] * factor, x.bounds[1] * factor, factor)
    dtype = narrow_dtype(min(ends), max(ends))
    if dtype is None or x.is_wide:
        return to_tensor(limbs.multiply(limbs.limb_view(x.data), x.limbs, factor))
    return to_tensor(np.multiply(x.data, dtype.type(factor), dtype=dtype))


def divide(x: Tensor, divisor: int, nearest: bool) -> Tensor:
    """See `Backend.divide`; shapes checked, gas paid."""
    if x.is_wide:
        return to_tensor(limbs.divide(x.data, divisor, nearest))
    return to_tensor(divide_narrow(x.data, divisor, nearest))


def relu(x: Tensor, cap: int, slope: tuple[int, int]) -> Tensor:
    """See `Backend.relu`; shapes checked, gas paid.

    The sum of what becomes of the values above zero and of those below, each zero elsewhere.
    """
    positive = to_tensor(_positive(x, cap))
    numerator, denominator = slope
    if not numerator or x.bounds[0] >= 0:
        return positive
    negative = divide(multiply(to_tensor(_negative(x)), numerator), denominator, nearest=False)
    return add(positive, negative, 1) if x.bounds[1] > 0 else negative


def _positive(x: Tensor, cap: int) -> Array:
    """The values above zero, at most `cap` unless it is 0; zero elsewhere."""
    capped = 0 < cap < x.bounds[1]
    if not x.is_wide:
        kept = np.maximum(x.data, 0)
        return np.minimum(kept, cap) if capped else kept
    kept = np.where(limbs.negative(x.data)[:, None], np.uint16(0), x.data)
    if capped:
        words = kept.view("<u8")
        beyond = (words[:, 1:] != 0).any(axis=1) | (words[:, 0] > np.uint64(cap))
        kept[beyond] = limbs.factor_limbs(cap)
    return kept


def _negative(x: Tensor) -> Array:
    """The values below zero; zero elsewhere."""
    if not x.is_wide:
        return np.minimum(x.data, 0)
    return np.where(limbs.negative(x.data)[:, None], x.data, np.uint16(0))
