"""Sums, extremes and their indices along an axis."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from smartvm.dispatch.movement import LAST, Reduction
from smartvm.dispatch.numpy_backend.elementwise_tensor import FEW_WIDE
from smartvm.dispatch.numpy_backend.forms import to_tensor
from smartvm.dispatch.numpy_backend.limbs import Array, Limbs, Planes, limb, limb_view, pack
from smartvm.dispatch.reference import movement as reference
from smartvm.dispatch.tensor import Tensor

LARGEST_INT64 = (1 << 63) - 1


def reduce(x: Tensor, kind: int, axis: int, inner: int) -> Tensor:
    """See `Backend.reduce`; shapes checked, gas paid."""
    beyond = kind == Reduction.SUM and x.magnitude * axis > LARGEST_INT64
    if (x.is_wide or beyond) and len(x) <= FEW_WIDE:
        return reference.reduce(x, kind, axis, inner)
    items = x.data.reshape(-1, axis, inner, *x.data.shape[1:])
    if beyond:
        return to_tensor(_limb_sums(x, items))
    if kind == Reduction.SUM:
        return to_tensor(items.sum(axis=1, dtype=np.int64))
    greatest = kind & ~LAST in (Reduction.MAX, Reduction.ARG_MAX)
    if kind in (Reduction.MAX, Reduction.MIN) and not x.is_wide:
        return to_tensor(items.max(axis=1) if greatest else items.min(axis=1))
    best, is_best = _wide_extreme(items, greatest) if x.is_wide else _extreme(items, greatest)
    if kind in (Reduction.MAX, Reduction.MIN):
        return to_tensor(best)
    if kind & LAST:
        return to_tensor(axis - 1 - is_best[:, ::-1].argmax(axis=1))
    return to_tensor(is_best.argmax(axis=1))


def _limb_sums(x: Tensor, items: Array) -> Limbs:
    """The sums along axis 1 of (outer, axis, inner[, 16]), limb by limb."""
    limbs = limb_view(x.data).reshape(*items.shape[:3], -1)
    count = limbs.shape[-1]
    planes: Planes = np.empty((count, items.shape[0], items.shape[2]), dtype=np.int64)
    for index in range(count):
        limb(limbs, index, count).sum(axis=1, dtype=np.int64, out=planes[index])
    return pack(planes)


def _extreme(items: Array, greatest: bool) -> tuple[Array, NDArray[np.bool_]]:
    """The extremes along axis 1 of (outer, axis, inner), and which items they are."""
    best = (np.max if greatest else np.min)(items, axis=1)
    return best, items == best[:, None]


def _wide_extreme(items: Array, greatest: bool) -> tuple[Array, NDArray[np.bool_]]:
    """The same of (outer, axis, inner, 16) limbs, by words of 64 bits from the highest.

    An item is out once a word of it is not the extreme among those that are still in.
    """
    words = items.view("<u8")
    best = np.empty((words.shape[0], words.shape[2], 4), dtype="<u8")
    still: NDArray[np.bool_] = np.ones(words.shape[:3], dtype=bool)
    pick: Any = np.max if greatest else np.min
    for index in (3, 2, 1, 0):
        word = words[..., index].view("<i8") if index == 3 else words[..., index]
        limits = np.iinfo(word.dtype)
        word = np.where(still, word, limits.min if greatest else limits.max)
        extreme = pick(word, axis=1)
        still &= word == extreme[:, None]
        best[..., index] = extreme.view("<u8")
    return best.view("<u2"), still
