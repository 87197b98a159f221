"""Two ways to compute an exact matrix product on floating-point BLAS.

Floating-point sums and products of integers are exact as long as every intermediate result is an
integer that the format holds: up to 2²⁴ in float32, up to 2⁵³ in float64. Every partial sum, in
any order, is at most the sum of the magnitudes of the products.

- `Whole` takes the numbers as they are.
- `Split` cuts them into limbs of 16 bits. Plane k of the result sums the products of limb i of
  the one and limb k−i of the other operand. With the limbs side by side, ascending in one operand
  and descending in the other, that is one product of longer rows: BLAS adds the pairs as well.

Both take views of integers, (G, M, *inner) and (G, *inner, *outer) for G groups of matrices, and
lay them out as (G, M, I) and (G, I, Q); a view for `Split` has a last axis of limbs.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from smartvm.dispatch.numpy_backend.limbs import Array, Planes, carry, limb, limb_view, pack
from smartvm.dispatch.tensor import Tensor
from smartvm.words import LIMB_BITS, MAX_LIMBS

TINY_PRODUCT = 512
"""Multiply-accumulates a group below which a call of BLAS costs more than it saves."""
LIMB_TILE = 1 << 19
"""Limbs of an operand that are laid out at a time; sums of 2¹⁹ products below 2³² are exact."""


class Whole:
    """Products of whole numbers in float32 or float64.

    Attributes:
        key: names the layout of the left operand.
        limb_axes: axes that a view has after its own.
        planes: int64 or float numbers that a sum takes.
        tile_items: items of an operand, or terms of a sum, that are laid out at a time.
    """

    limb_axes = 0
    planes = 1
    tile_items = 1 << 21

    def __init__(self, dtype: type[np.floating[Any]]) -> None:
        self.dtype = np.dtype(dtype)
        self.key = self.dtype.name

    def view(self, tensor: Tensor) -> Array:
        """The tensor's items, from which the operand views are made."""
        return tensor.data

    def lay_left(self, view: Array) -> Array:
        """(G, M, *inner) integers as (G, M, I) floats."""
        return view.astype(self.dtype).reshape(*view.shape[:2], -1)

    def lay_right(self, view: Array, inner: int) -> Array:
        """(G, *inner, *outer) integers, `inner` inner axes, as (G, I, Q) floats."""
        laid = np.empty(view.shape, dtype=self.dtype)
        np.copyto(laid, view)
        return laid.reshape(len(view), prod(view.shape[1 : 1 + inner]), -1)

    def multiply(self, left: Array, right: Array) -> Array:
        """The sums, (1, G, M, Q)."""
        return _matmul(left, right)[None]

    def zeros(self, shape: tuple[int, ...]) -> Array:
        """Sums of nothing, (1, *shape)."""
        return np.zeros((1, *shape), dtype=self.dtype)

    def accumulate(self, total: Array, part: Array) -> None:
        """Add `part` to `total`."""
        total += part

    def settle(self, total: Array) -> None:
        """Make room in sums to add more like them: the bound has it."""

    def finish(self, total: Array) -> Array:
        """The numbers that sums are: themselves."""
        numbers: Array = total[0]
        return numbers


class Split:
    """Products of numbers of `left` and `right` limbs in float64.

    Attributes:
        narrow: whether all results fit 64 bits, which makes them int64 and not limbs.
    """

    limb_axes = 1

    def __init__(self, left: int, right: int, narrow: bool) -> None:
        self.left, self.right, self.narrow = left, right, narrow
        self.planes = min(left + right - 1, MAX_LIMBS)
        self.tile_items = LIMB_TILE // max(left, right)
        self.key = f"limbs{left}"

    def view(self, tensor: Tensor) -> Array:
        """The tensor's items, from which the operand views are made: (n, limbs) uint16."""
        return limb_view(tensor.data)

    def lay_left(self, view: Array) -> Array:
        """(G, M, *inner, limbs) as (G, M, left·I) floats, the lowest limb first."""
        laid = np.empty((*view.shape[:2], self.left, *view.shape[2:-1]))
        for index in range(self.left):
            laid[:, :, index] = limb(view, index, self.left)
        return laid.reshape(*view.shape[:2], -1)

    def lay_right(self, view: Array, inner: int) -> Array:
        """(G, *inner, *outer, limbs) as (G, right·I, Q) floats, the highest limb first."""
        laid = np.empty((len(view), self.right, *view.shape[1:-1]))
        for index in range(self.right):
            laid[:, self.right - 1 - index] = limb(view, index, self.right)
        return laid.reshape(len(view), self.right * prod(view.shape[1 : 1 + inner]), -1)

    def multiply(self, left: Array, right: Array) -> Planes:
        """The sums, (planes, G, M, Q)."""
        terms = left.shape[2] // self.left
        planes = np.empty((self.planes, *left.shape[:2], right.shape[2]), dtype=np.int64)
        for index in range(self.planes):
            first, end = max(0, index - self.right + 1), min(index + 1, self.left)
            # Limb `first` of the left operand meets limb `index - first` of the right one.
            start = self.right - 1 - (index - first)
            planes[index] = _matmul(
                left[:, :, first * terms : end * terms],
                right[:, start * terms : (start + end - first) * terms],
            )
        return planes

    def zeros(self, shape: tuple[int, ...]) -> Planes:
        """Sums of nothing, (planes, *shape)."""
        return np.zeros((self.planes, *shape), dtype=np.int64)

    def accumulate(self, total: Planes, part: Planes) -> None:
        """Add `part` to `total`, and carry."""
        total += part
        carry(total)

    def settle(self, total: Planes) -> None:
        """Make room in sums to add more like them: carry."""
        carry(total)

    def finish(self, total: Planes) -> Array:
        """The numbers that sums are: int64 if narrow, else with a last axis of 16 limbs.

        The sums are used up.
        """
        if not self.narrow:
            return pack(total)
        result: Array = total[0].copy()
        for index in range(1, min(len(total), 4)):
            result += total[index] << (LIMB_BITS * index)
        return result


Arithmetic = Whole | Split
FLOAT32, FLOAT64 = Whole(np.float32), Whole(np.float64)


def _matmul(left: Array, right: Array) -> Array:
    """(G, M, I) · (G, I, Q) floats."""
    groups, rows, terms = left.shape
    if groups > 1 and rows * terms * right.shape[2] < TINY_PRODUCT:
        return np.asarray(np.einsum("gmi,giq->gmq", left, right))
    return np.asarray(np.matmul(left, right))
