"""BUF_SCL0, BUF_SCL1, BUF_BIAS: arithmetic on each item of the top map (paper, Table 1)."""

from __future__ import annotations

from smartvm import gas, words
from smartvm.exceptions import DivisionByZero, OperandError, ShapeError
from smartvm.opcodes.frame import Frame, charge_growth, named_fields, up_to
from smartvm.opcodes.tensors import buy
from smartvm.words import Address, limbs_for, to_signed

NEAREST = 1


def buf_scl0(frame: Frame) -> None:
    """Multiply each item."""
    # STACK
    factor = to_signed(frame.stack_pop1_int())
    # SHAPE
    items, limbs_x, limbs_f = (
        len(frame.buffer.top),
        frame.buffer.top.limbs,
        limbs_for(factor, factor),
    )
    # GAS
    frame.consume_gas(gas.elementwise(items, limbs_x * limbs_f), "multiply")
    charge_growth(frame, items, gas.product_limbs(limbs_x, limbs_f))
    # OPERATION
    frame.buffer.replace(frame.kernels.multiply(frame.buffer.top, factor))


def buf_scl1(frame: Frame) -> None:
    """Divide each item."""
    # STACK
    word = frame.stack_pop1_int()
    # SHAPE
    divisor, rounding = named_fields(word, 2, "divisor")
    up_to(rounding, NEAREST, "rounding")
    if divisor == 0:
        raise DivisionByZero("divisor", "at least 1", 0)
    items, limbs = len(frame.buffer.top), frame.buffer.top.limbs
    # GAS
    frame.consume_gas(gas.divide(items, limbs), "divide")
    charge_growth(frame, items, limbs)
    # OPERATION
    frame.buffer.replace(frame.kernels.divide(frame.buffer.top, divisor, rounding == NEAREST))


def buf_bias(frame: Frame) -> None:
    """Add a tensor, an item of it to each plane of the map."""
    # STACK
    word = frame.stack_pop1_int()
    # SHAPE
    place, channels, plane = broadcast_place(frame, word)
    items = len(frame.buffer.top)
    # GAS
    addend = buy(frame, place, "address", channels)
    limbs = gas.sum_limbs(max(frame.buffer.top.limbs, addend.limbs), 2)
    frame.consume_gas(gas.elementwise(items, limbs), "add")
    charge_growth(frame, items, limbs)
    # OPERATION
    frame.buffer.replace(frame.kernels.add(frame.buffer.top, addend.tensor, plane))


def broadcast_place(frame: Frame, word: int) -> tuple[Address, int, int]:
    """A tensor's place, its channels and the plane of the map that each of them is for."""
    place = words.address(word, "address")
    if place.transposed:
        raise OperandError("address", "an address that is not transposed", hex(word))
    items, plane = len(frame.buffer.top), place.columns or 1
    channels = place.rows or items // plane
    if channels * plane == 0 or items % (channels * plane):
        raise ShapeError("channels, plane", f"a divisor of {items} items", channels * plane)
    return place, channels, plane
