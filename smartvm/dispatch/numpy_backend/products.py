"""Exact matrix products: the bound that chooses the arithmetic, and the tiles.

The bound is max|x|·Σ|w|, the sum over the weights of an output, the greatest of all outputs: no
partial sum, in any order, is larger, so that what fits a float format's integers is exact.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
MEMO_BYTES = 1 << 20
"""The largest laid out weights that are kept: beyond, laying them out hides behind the product."""

Box = tuple[slice, ...]


def choose(x: Tensor, weights: Tensor, rows: Array, uses: int) -> Arithmetic:
    """The cheapest arithmetic in which products of the weights (left) and x (right) are exact.

    Args:
        x: the map.
        weights: the weights.
        rows: their items as (G, rows, …), each row the weights that one output sums.
        uses: how often each weight is multiplied.
    """
    bound = _bound(x, weights, rows, uses)
    if bound <= FLOAT32_EXACT:
        return FLOAT32
    if bound <= FLOAT64_EXACT:
        return FLOAT64
    return Split(weights.limbs, x.limbs, narrow=bound < 1 << 63)


def _bound(x: Tensor, weights: Tensor, rows: Array, uses: int) -> int:
    """A bound of every operand, and of the magnitudes of an output's products, summed."""
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
    if key not in weights.memo:
        limit = FLOAT64.tile_items // prod(rows.shape[2:])
        weights.memo[key] = max(_heaviest(rows[box]) for box in boxes(rows.shape[:2], limit))
    return int(weights.memo[key])


def _heaviest(rows: Array) -> int:
    magnitudes = np.abs(rows.astype(np.float64))
    return max(1, int(magnitudes.sum(axis=tuple(range(2, rows.ndim))).max()))


def boxes(sizes: tuple[int, ...], limit: int) -> Iterator[Box]:
    """Cut an index space into boxes of at most `limit` cells (at least one), outer axes first."""
    lengths, rest = list(sizes), prod(sizes)
    for axis, size in enumerate(sizes):
        if rest <= limit:
            break
        rest //= size
        lengths[axis] = max(1, limit // rest)
    starts = (range(0, size, step) for size, step in zip(sizes, lengths, strict=True))
    for corner in product(*starts):
        yield tuple(
            slice(start, min(start + step, size))
            for start, step, size in zip(corner, lengths, sizes, strict=True)
        )


def multiply(
    arithmetic: Arithmetic, left: Array, right: Array, memo: dict[Any, Any], raw: bool = False
) -> Array:
    """The product of views (G, M, *inner) and (G, *inner, *outer).

    Operands are laid out a tile at a time. A tile of either, and their product, have at most
    `arithmetic.tile_items` items: at most 16 MiB in all limbs, so that temporary memory is
    bounded by 64 MiB, whatever the shapes.

    Args:
        arithmetic: as `choose` gave it.
        left: the weights.
        right: the map, an axis for each inner axis of `left`, then the outer ones.
        memo: the weights' own, where their layout is kept if it is small.
        raw: whether to leave the sums unfinished; a `Split` has planes as the first axis then.

    Returns:
        (G, M, *outer), with a last axis of 16 limbs if that is what the arithmetic gives.
    """
    lead = arithmetic.limb_axes if raw else 0
    sizes = (*left.shape[:2], *_axes(arithmetic, left, right)[1])
    result = np.empty(0)
    for box, total in _tiles(arithmetic, left, right, memo):
        tile = total if raw else arithmetic.finish(total)
        cut = tuple(part.stop - part.start for part in box)
        before, after = tile.shape[:lead], tile.shape[lead + 3 :]
        tile = tile.reshape(*before, *cut, *after)
        if cut == sizes:
            return tile
        if not result.size:
            result = np.empty((*before, *sizes, *after), dtype=tile.dtype)
        result[(slice(None),) * lead + box] = tile
    return result


def _axes(
    arithmetic: Arithmetic, left: Array, right: Array
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The sizes of the inner and of the outer axes."""
    inner = left.shape[2 : left.ndim - arithmetic.limb_axes]
    return inner, right.shape[1 + len(inner) : right.ndim - arithmetic.limb_axes]


def _tiles(
    arithmetic: Arithmetic, left: Array, right: Array, memo: dict[Any, Any]
) -> Iterator[tuple[Box, Array]]:
    """The sums of each tile of the product: its box in (G, M, *outer), and (…, G, M, Q)."""
    inner, outer = _axes(arithmetic, left, right)
    pieces = list(boxes(inner, min(arithmetic.tile_items, arithmetic.most_terms)))
    terms = _cells(pieces[0])
    kept = _kept_left(arithmetic, left, memo) if len(pieces) == 1 else None
    for group, *columns in boxes((len(left), *outer), arithmetic.tile_items // terms):
        size = _cells((group,)) * max(terms, _cells(columns))
        laid: Array | None = None
        for (rows,) in boxes(left.shape[1:2], arithmetic.tile_items // size):
            total: Array | None = None
            for piece in pieces:
                if laid is None or len(pieces) > 1:
                    laid = arithmetic.lay_right(right[(group, *piece, *columns)], len(inner))
                if kept is None:
                    part = arithmetic.multiply(
                        arithmetic.lay_left(left[(group, rows, *piece)]), laid
                    )
                else:
                    part = arithmetic.multiply(kept[group, rows], laid)
                if total is None:
                    total = part
                else:
                    arithmetic.accumulate(total, part)
            assert total is not None
            yield (group, rows, *columns), total


def _cells(box: Sequence[slice]) -> int:
    return prod(part.stop - part.start for part in box)


def _kept_left(arithmetic: Arithmetic, left: Array, memo: dict[Any, Any]) -> Array | None:
    """All of the left operand laid out, from the memo, if it is small enough to be kept there."""
    if left.size * 8 > MEMO_BYTES:
        return None
    key = ("numpy", arithmetic.key, left.shape, left.strides)
    if key not in memo:
        memo[key] = arithmetic.lay_left(left)
    kept: Array = memo[key]
    return kept
