"""BUF_VIEW, BUF_CAT, BUF_GATHER, BUF_REDUCE, MAT_BMM: moving, reducing, batches of products.

The extension page (docs/isa.md §8). A map is seen as an array of as many axes as the operands say.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from math import prod

from smartvm import gas, words
from smartvm.dispatch.movement import LAST, Reduction
from smartvm.exceptions import OperandError, ShapeError
from smartvm.opcodes.frame import (
    KEPT_DECODINGS,
    Frame,
    at_least_one,
    charge_growth,
    named_fields,
)
from smartvm.opcodes.matrices import charge_product, product_shape
from smartvm.opcodes.tensors import buy
from smartvm.words import limbs_for


def buf_view(frame: Frame) -> None:
    """Take the items of a strided view of the top map."""
    # STACK
    offset, *axes = frame.stack_pop_ints(5)
    # SHAPE
    dims, strides = _axes(*axes)
    _check_inside(frame, offset, dims, strides)
    items, limbs = prod(dims), frame.buffer.top.limbs
    # GAS
    frame.consume_gas(gas.elementwise(items, limbs), "view")
    charge_growth(frame, items, limbs)
    # OPERATION
    frame.buffer.replace(frame.kernels.view(frame.buffer.top, offset, dims, strides))


def buf_cat(frame: Frame) -> None:
    """Join the top maps along an axis."""
    # STACK
    word = frame.stack_pop1_int()
    # SHAPE
    count, outer = named_fields(word, 2, "maps")
    if count < 2:
        raise OperandError("maps", "at least 2", count)
    frame.buffer.peek(count - 1, "maps")
    outer = outer or 1
    parts = [frame.buffer.peek(depth, "maps") for depth in reversed(range(count))]
    for part in parts:
        if len(part) % outer:
            raise ShapeError("outer", f"a divisor of the {len(part)} items of each map", outer)
    items, limbs = sum(map(len, parts)), max(part.limbs for part in parts)
    # GAS
    frame.consume_gas(count * gas.JOINED_MAP + gas.elementwise(items, limbs), "join")
    charge_growth(frame, items, limbs)
    # OPERATION
    joined = frame.kernels.concatenate(parts, outer)
    for _ in parts[1:]:
        frame.buffer.drop(0)
    frame.buffer.replace(joined)


def buf_gather(frame: Frame) -> None:
    """Replace each index by the row of a tensor that it names."""
    # STACK
    word = frame.stack_pop1_int()
    # SHAPE
    place = words.address(word, "data")
    if place.transposed:
        raise OperandError("data", "an address that is not transposed", hex(word))
    rows, columns = at_least_one(place.rows, "rows"), place.columns or 1
    indices = frame.buffer.top
    items = len(indices) * columns
    # GAS
    frame.consume_gas(gas.elementwise(len(indices), indices.limbs), "indices")
    data = buy(frame, place, "data", rows * columns)
    frame.consume_gas(gas.elementwise(items, data.limbs), "rows")
    charge_growth(frame, items, data.limbs)
    # OPERATION
    frame.buffer.replace(frame.kernels.gather(indices, data.tensor, columns))


def buf_reduce(frame: Frame) -> None:
    """Sum, compare or find the extreme along an axis."""
    # STACK
    word = frame.stack_pop1_int()
    # SHAPE
    kind, axis, inner = _reduction(word)
    items, limbs = len(frame.buffer.top), frame.buffer.top.limbs
    if items % (axis * inner):
        raise ShapeError("axis, inner", f"a divisor of the map's {items} items", axis * inner)
    # GAS
    if kind == Reduction.SUM:
        limbs = gas.sum_limbs(limbs, axis)
    frame.consume_gas(gas.elementwise(items, limbs), "reduce")
    if kind & ~LAST >= Reduction.ARG_MAX:
        limbs = limbs_for(0, axis - 1)
    charge_growth(frame, items // axis, limbs)
    # OPERATION
    frame.buffer.replace(frame.kernels.reduce(frame.buffer.top, kind, axis, inner))


@lru_cache(KEPT_DECODINGS)
def _reduction(word: int) -> tuple[int, int, int]:
    kind, axis, inner = named_fields(word, 3, "kind")
    if kind not in list(Reduction):
        raise OperandError("kind", "0 to 4, 11 or 12", kind)
    return kind, at_least_one(axis, "axis"), inner or 1


def mat_bmm(frame: Frame) -> None:
    """Multiply a batch of pairs of matrices and push the products; the operands stay."""
    # STACK
    a_word, b_word, batch_word = frame.stack_pop_ints(3)
    # SHAPE
    a, b = words.address(a_word, "a"), words.address(b_word, "b")
    batch = words.plain(batch_word, "batch") or 1
    shape = replace(product_shape(a, b), batch=batch)
    # GAS
    left = buy(frame, a, "a", batch * a.rows * a.columns)
    right = buy(frame, b, "b", batch * b.rows * b.columns, shape.rows, left.limbs)
    charge_product(frame, shape, gas.product_limbs(left.limbs, right.limbs, shape.inner))
    # OPERATION
    frame.buffer.push(frame.kernels.matmul(left.tensor, right.tensor, shape))


def _axes(
    inner_dims: int, inner_strides: int, outer_dims: int, outer_strides: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The lengths and strides of the eight axes, the fastest last; a length of 0 is 1."""
    dims = (*words.fields(inner_dims), *words.fields(outer_dims))
    strides = (*words.signed_fields(inner_strides), *words.signed_fields(outer_strides))
    return tuple(length or 1 for length in reversed(dims)), strides[::-1]


def _check_inside(
    frame: Frame, offset: int, dims: tuple[int, ...], strides: tuple[int, ...]
) -> None:
    reaches = [(length - 1) * stride for length, stride in zip(dims, strides, strict=True)]
    low = offset + sum(min(reach, 0) for reach in reaches)
    high = offset + sum(max(reach, 0) for reach in reaches)
    length = len(frame.buffer.top)
    if low < 0 or high >= length:
        raise ShapeError("offset", f"indices of the map's {length} items", f"{low} to {high}")
