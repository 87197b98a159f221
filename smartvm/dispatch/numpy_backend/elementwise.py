"""Addition, scaling and ReLU: in the narrowest integers that hold all results, else in limbs.

A few wide numbers are left to the reference backend: Python integers have done them before the
numpy calls of one limb operation have.
"""

from __future__ import annotations

import numpy as np

from smartvm.dispatch.numpy_backend import limbs
from smartvm.dispatch.numpy_backend.forms import divide_narrow, narrow_dtype, to_tensor
from smartvm.dispatch.numpy_backend.limbs import Array
from smartvm.dispatch.reference import elementwise as reference
from smartvm.dispatch.tensor import Tensor
from smartvm.words import MAX_LIMBS

FEW = 64
"""Items up to which a limb operation costs more than the same on Python integers."""
FEW_LONG = 192
"""The same for a division by 32 bits or more."""
FEW_SLOPED = 512
"""The same for a ReLU with a slope, which is four limb operations."""


def add(x: Tensor, addend: Tensor, plane: int) -> Tensor:
    """See `Backend.add`; shapes checked, gas paid."""
    low, high = (a + b for a, b in zip(x.bounds, addend.bounds, strict=True))
    dtype = narrow_dtype(low, high)
    if dtype is None or x.is_wide or addend.is_wide:
        if len(x) <= FEW:
            return reference.add(x, addend, plane)
        wide = x.wide().reshape(-1, len(addend), plane, MAX_LIMBS)
        return to_tensor(limbs.add(wide, addend.wide()[:, None]))
    left, right = x.data.reshape(-1, len(addend), plane), addend.data[:, None]
    return to_tensor(np.add(left, right, dtype=dtype))


def multiply(x: Tensor, factor: int) -> Tensor:
    """See `Backend.multiply`; shapes checked, gas paid."""
    ends = (x.bounds[0] * factor, x.bounds[1] * factor, factor)
    dtype = narrow_dtype(min(ends), max(ends))
    if dtype is None or x.is_wide:
        if len(x) <= FEW:
            return reference.multiply(x, factor)
        return to_tensor(limbs.multiply(limbs.limb_view(x.data), x.limbs, factor))
    return to_tensor(np.multiply(x.data, dtype.type(factor), dtype=dtype))


def divide(x: Tensor, divisor: int, nearest: bool) -> Tensor:
    """See `Backend.divide`; shapes checked, gas paid."""
    if x.is_wide:
        if len(x) <= (FEW_LONG if divisor >> 32 else FEW):
            return reference.divide(x, divisor, nearest)
        return to_tensor(limbs.divide(x.data, divisor, nearest))
    return to_tensor(divide_narrow(x.data, divisor, nearest))


def relu(x: Tensor, cap: int, slope: tuple[int, int]) -> Tensor:
    """See `Backend.relu`; shapes checked, gas paid.

    The sum of what becomes of the values above zero and of those below, each zero elsewhere.
    """
    numerator, denominator = slope
    is_wide = x.is_wide or narrow_dtype(min(x.bounds[0], 0) * numerator, 0) is None
    if is_wide and len(x) <= (FEW_SLOPED if numerator else FEW):
        return reference.relu(x, cap, slope)
    positive = to_tensor(_positive(x, cap))
    if not numerator or x.bounds[0] >= 0:
        return positive
    negative = divide(multiply(to_tensor(_negative(x)), numerator), denominator, nearest=False)
    return add(positive, negative, 1) if x.bounds[1] > 0 else negative


def _positive(x: Tensor, cap: int) -> Array:
    """The values above zero, at most `cap` unless it is 0; zero elsewhere."""
    capped = 0 < cap < x.bounds[1]
    if not x.is_wide:
        narrow: Array = np.maximum(x.data, 0)
        return np.minimum(narrow, cap, out=narrow) if capped else narrow
    kept = np.where(limbs.negative(x.data)[:, None], np.uint16(0), x.data)
    if capped:
        words = kept.view("<u8")
        beyond = (words[:, 1:] != 0).any(axis=1) | (words[:, 0] > np.uint64(cap))
        kept[beyond] = limbs.factor_limbs(cap)
    return kept


def _negative(x: Tensor) -> Array:
    """The values below zero; zero elsewhere."""
    if not x.is_wide:
        narrow: Array = np.minimum(x.data, 0)
        return narrow
    return np.where(limbs.negative(x.data)[:, None], x.data, np.uint16(0))
