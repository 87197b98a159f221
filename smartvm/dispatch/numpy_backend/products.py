"""Exact matrix products: the bound that chooses the arithmetic, and the tiles.

The bound is max|x|·Σ|w|, the sum over the weights of an output, the greatest of all outputs: no
partial sum, in any order, is larger, so that what fits a float format's integers is exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product
from math import prod
from typing import Any

import numpy as np

from smartvm.dispatch.numpy_backend.arithmetic import FLOAT32, FLOAT64, Arithmetic, Split
from smartvm.dispatch.numpy_backend.limbs import Array
from smartvm.dispatch.tensor import Tensor

FLOAT32_EXACT = 1 << 24
FLOAT64_EXACT = 1 << 53
TIGHT_BOUND_USES = 16
"""Uses of each weight that are worth a pass over the weights, to bound them tightly."""
FEW_PRODUCTS = 32
"""Products of limbs up to which Python integers have done before numpy has begun."""
MEMO_BYTES = 1 << 20
"""The largest laid out weights that are kept: beyond, laying them out hides behind the product."""

Box = tuple[slice, ...]


def choose(bound: int, left: Tensor, right: Tensor) -> Arithmetic:
    """The cheapest arithmetic in which products are exact under a `bound_of` them."""
    if bound <= FLOAT32_EXACT:
        return FLOAT32
    if bound <= FLOAT64_EXACT:
        return FLOAT64
    return Split(left.limbs, right.limbs, narrow=bound < 1 << 63)


def bound_of(x: Tensor, weights: Tensor, rows: Array, uses: int) -> int:
    """A bound of every operand, and of the magnitudes of an output's products, summed.

    Args:
        x: the map.
        weights: the weights.
        rows: their items as (G, rows, …), each row the weights that one output sums.
        uses: how often each weight is multiplied.
    """
    greatest = max(x.magnitude, 1)
    heaviest = max(weights.magnitude, 1) * prod(rows.shape[2:])
    bound = greatest * heaviest
    if bound <= FLOAT32_EXACT or heaviest > FLOAT64_EXACT:
        return bound
    if uses < TIGHT_BOUND_USES and bound <= FLOAT64_EXACT:
        return bound
    return greatest * _heaviest_row(weights, rows)


def _heaviest_row(weights: Tensor, rows: Array) -> int:
    """The greatest sum of magnitudes of a row, at least 1; it must be at most 2⁵³."""
    key = ("numpy", "heaviest row", rows.shape, rows.strides)
    memo = {} if weights.memo is None else weights.memo
    if key not in memo:
        limit = FLOAT64.tile_items // prod(rows.shape[2:])
        memo[key] = max(_heaviest(rows[box]) for box in boxes(rows.shape[:2], limit))
    return int(memo[key])


def _heaviest(rows: Array) -> int:
    magnitudes = np.abs(rows.astype(np.float64))
    return max(1, int(magnitudes.sum(axis=tuple(range(2, rows.ndim))).max()))


def boxes(sizes: tuple[int, ...], limit: int) -> Iterator[Box]:
    """Cut an index space into boxes of at most `limit` cells (at least one), outer axes first."""
    cuts, rest = [], prod(sizes)
    for size in sizes:
        step = size
        if rest > limit:
            rest //= size
            step = max(1, limit // rest)
            rest *= step
        cuts.append([slice(start, min(start + step, size)) for start in range(0, size, step)])
    return product(*cuts)


def lengths(box: Iterable[slice]) -> tuple[int, ...]:
    """The sizes of a box."""
    return tuple(part.stop - part.start for part in box)


def multiply(
    arithmetic: Arithmetic,
    left: Array,
    right: Array,
    memo: dict[Any, Any] | None,
    raw: bool = False,
) -> Array:
    """The product of views (G, M, *inner) and (G, *inner, *outer).

    Operands are laid out a tile at a time: `arithmetic.tile_items` items of either and of their
    product at most, each item in 8 bytes, or 8 a limb. That is up to 16 MiB each, so that beside
    the operands and the result it takes 64 MiB at most, whatever the shapes.

    Args:
        arithmetic: as `choose` gave it.
        left: the weights.
        right: the map, an axis for each inner axis of `left`, then the outer ones.
        memo: where the layout of `left` is kept, if it is small: the weights' own, or None.
        raw: whether to leave the sums unfinished.

    Returns:
        (G, M, *outer), with a last axis of 16 limbs if that is what the arithmetic gives; raw
        (planes, G, M, *outer).
    """
    inner = left.shape[2 : left.ndim - arithmetic.limb_axes]
    outer = right.shape[1 + len(inner) : right.ndim - arithmetic.limb_axes]
    groups, rows = left.shape[:2]
    terms, columns = prod(inner), prod(outer)
    if groups * max(rows * terms, terms * columns, rows * columns) <= arithmetic.tile_items:
        laid = _kept_left(arithmetic, left, memo)
        total = arithmetic.multiply(laid, arithmetic.lay_right(right, len(inner)))
        total = total.reshape(len(total), groups, rows, *outer)
        return total if raw else arithmetic.finish(total)
    tiles = _tiles(arithmetic, left, right, inner, outer)
    if raw:
        return assemble((groups, rows, *outer), tiles, 1)
    finished = ((box, arithmetic.finish(total)) for box, total in tiles)
    return assemble((groups, rows, *outer), finished)


def assemble(sizes: tuple[int, ...], tiles: Iterable[tuple[Box, Array]], lead: int = 0) -> Array:
    """Tiles put together by their boxes in `sizes`; a tile has `lead` axes before, any after."""
    result = np.empty(0)
    for box, tile in tiles:
        if lengths(box) == sizes:
            return tile
        if not result.size:
            after = tile.shape[lead + len(sizes) :]
            result = np.empty((*tile.shape[:lead], *sizes, *after), dtype=tile.dtype)
        result[(slice(None),) * lead + box] = tile
    return result


def _kept_left(arithmetic: Arithmetic, left: Array, memo: dict[Any, Any] | None) -> Array:
    """The left operand laid out; from the memo, if it is small enough to be kept there."""
    if memo is None or left.size * 8 > MEMO_BYTES:
        return arithmetic.lay_left(left)
    key = ("numpy", arithmetic.key, left.shape, left.strides)
    if key not in memo:
        memo[key] = arithmetic.lay_left(left)
    kept: Array = memo[key]
    return kept


def _tiles(
    arithmetic: Arithmetic,
    left: Array,
    right: Array,
    inner: tuple[int, ...],
    outer: tuple[int, ...],
) -> Iterator[tuple[Box, Array]]:
    """The sums of each tile of the product, with its box in (G, M, *outer)."""
    most, every = arithmetic.tile_items, (slice(None),) * len(inner)
    terms = min(prod(inner), most)
    for group, *columns in boxes((len(left), *outer), most // terms):
        width = max(terms, prod(lengths(columns))) * lengths((group,))[0]
        for (rows,) in boxes(left.shape[1:2], most // width):
            box = (group, rows, *columns)
            part = right[(group, *every, *columns)]
            total = _sums(arithmetic, left[group, rows], part, list(boxes(inner, most)))
            yield box, total.reshape(len(total), *lengths(box))


def _sums(arithmetic: Arithmetic, left: Array, right: Array, pieces: list[Box]) -> Array:
    """The sums of one tile, the inner axes cut into pieces."""
    every = (slice(None),)
    total: Array | None = None
    for piece in pieces:
        a = arithmetic.lay_left(left[every * 2 + piece])
        b = arithmetic.lay_right(right[every + piece], len(piece))
        if total is None:
            total = arithmetic.multiply(a, b)
        else:
            arithmetic.accumulate(total, arithmetic.multiply(a, b))
    assert total is not None
    return total
