"""FULL_CON and MAT_MUL: matrix products (paper, Table 1)."""

from __future__ import annotations

from functools import lru_cache

from smartvm import gas, words
from smartvm.dispatch.steps import Step
from smartvm.dispatch.tensor import Tensor
from smartvm.exceptions import OperandError, ShapeError
from smartvm.opcodes.frame import (
    KEPT_DECODINGS,
    Frame,
    at_least_one,
    batch_of,
    charge_growth,
    plain_address,
)
from smartvm.opcodes.fusion import Wanted, apply_fused
from smartvm.opcodes.tensors import Operand, buy
from smartvm.shapes import MatmulShape
from smartvm.words import Address


def full_con(frame: Frame) -> None:
    """Multiply each row of the map by the weights and add the bias."""
    # STACK
    weights, bias, in_features, out_features, rows = frame.stack_pop_ints(5)
    # SHAPE
    place = plain_address(weights, "weights", transposable=True)
    items = len(frame.buffer.top)
    shape = _dense_shape(items, place.transposed, in_features, out_features, rows)
    # GAS
    limbs_x = frame.buffer.top.limbs
    matrix = buy(frame, place, "weights", shape.inner * shape.columns, shape.rows, limbs_x)
    vector = _buy_bias(frame, bias, shape.columns)
    limbs = gas.product_limbs(limbs_x, matrix.limbs, shape.inner)
    if bias:
        limbs = gas.sum_limbs(max(limbs, vector.limbs), 2)
    charge_product(frame, shape, limbs)
    # OPERATION
    steps = [Step("matmul", (matrix.tensor, shape))]
    if bias:
        steps.append(Step("add", (vector.tensor, 1)))
    apply_fused(frame, steps, shape.out_items, limbs)


def reads_full_con(
    weights: int, bias: int, in_features: int, out_features: int, rows: int
) -> list[Wanted]:
    """FULL_CON to come: its weights and its bias."""
    place = plain_address(weights, "weights", transposable=True)
    matrix = Wanted(place, in_features * out_features)
    return [matrix, Wanted(_bias_place(bias, out_features), out_features)] if bias else [matrix]


def mat_mul(frame: Frame) -> None:
    """Multiply two matrices and push the product; the operands stay."""
    # STACK
    a_word, b_word = frame.stack_pop_ints(2)
    # SHAPE
    a, b = words.address(a_word, "a"), words.address(b_word, "b")
    shape = product_shape(a, b)
    # GAS
    left = buy(frame, a, "a", a.rows * a.columns)
    right = buy(frame, b, "b", b.rows * b.columns, shape.rows, left.limbs)
    charge_product(frame, shape, gas.product_limbs(left.limbs, right.limbs, shape.inner))
    # OPERATION
    frame.buffer.push(frame.kernels.matmul(left.tensor, right.tensor, shape))


def reads_mat_mul(*operands: int) -> list[Wanted]:
    """MAT_MUL to come: both matrices."""
    places = [words.address(word, name) for word, name in zip(operands, "ab", strict=True)]
    return [Wanted(place, place.rows * place.columns) for place in places]


@lru_cache(KEPT_DECODINGS)
def _dense_shape(
    length: int, transposed: bool, in_word: int, out_word: int, rows_word: int
) -> MatmulShape:
    in_features = at_least_one(words.plain(in_word, "in_features"), "in_features")
    out_features = at_least_one(words.plain(out_word, "out_features"), "out_features")
    rows = batch_of(length, in_features, "in_features")
    if words.plain(rows_word, "rows") not in (0, rows):
        raise ShapeError("rows", f"{rows}, the map over in_features, or 0", rows_word)
    return MatmulShape(rows, in_features, out_features, transpose_b=not transposed)


def _buy_bias(frame: Frame, word: int, out_features: int) -> Operand:
    if not word:
        return Operand(Tensor.zeros(0), 1)
    return buy(frame, _bias_place(word, out_features), "bias", out_features)


@lru_cache(KEPT_DECODINGS)
def _bias_place(word: int, out_features: int) -> Address:
    place = words.address(word, "bias")
    if place.rows not in (0, out_features) or place.columns or place.transposed:
        raise OperandError("bias", f"a vector of {out_features} items", hex(word))
    return place


def product_shape(a: Address, b: Address) -> MatmulShape:
    """The product of two matrices whose addresses say how they are stored."""
    for name, place in (("a", a), ("b", b)):
        at_least_one(place.rows, f"{name} rows")
        at_least_one(place.columns, f"{name} columns")
    rows, inner = (a.columns, a.rows) if a.transposed else (a.rows, a.columns)
    inner_b, columns = (b.columns, b.rows) if b.transposed else (b.rows, b.columns)
    if inner != inner_b:
        raise ShapeError("b", f"{inner} rows, as a has columns", inner_b)
    return MatmulShape(rows, inner, columns, a.transposed, b.transposed)


def charge_product(frame: Frame, shape: MatmulShape, limbs: int) -> None:
    """Pay for writing the products and for holding them."""
    frame.consume_gas(gas.elementwise(shape.out_items, limbs), "product")
    charge_growth(frame, shape.out_items, limbs)
