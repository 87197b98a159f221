"""BUF_SCL0, BUF_SCL1, BUF_BIAS: arithmetic on each item of the top map (paper, Table 1)."""

from __future__ import annotations

from functools import lru_cache

from smartvm import gas, words
from smartvm.dispatch.steps import Step
from smartvm.exceptions import DivisionByZero, OperandError, ShapeError
from smartvm.opcodes.frame import KEPT_DECODINGS, Frame, charge_growth, named_fields, up_to
from smartvm.opcodes.fusion import Follower, Wanted, apply
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
    apply(frame, Step("multiply", (factor,)))


def follow_buf_scl0(items: int, word: int) -> Follower:
    """BUF_SCL0, of a map to come."""
    factor = to_signed(word)
    limbs = limbs_for(factor, factor)
    return Follower(Step("multiply", (factor,)), items, gas.elementwise(items, limbs), limbs)


def buf_scl1(frame: Frame) -> None:
    """Divide each item."""
    # STACK
    word = frame.stack_pop1_int()
    # SHAPE
    step = _division(word)
    items, limbs = len(frame.buffer.top), frame.buffer.top.limbs
    # GAS
    frame.consume_gas(gas.divide(items, limbs), "divide")
    charge_growth(frame, items, limbs)
    # OPERATION
    apply(frame, step)


def follow_buf_scl1(items: int, word: int) -> Follower:
    """BUF_SCL1, of a map to come."""
    return Follower(_division(word), items, gas.divide(items, 1))


@lru_cache(KEPT_DECODINGS)
def _division(word: int) -> Step:
    divisor, rounding = named_fields(word, 2, "divisor")
    up_to(rounding, NEAREST, "rounding")
    if divisor == 0:
        raise DivisionByZero("divisor", "at least 1", 0)
    return Step("divide", (divisor, rounding == NEAREST))


def buf_bias(frame: Frame) -> None:
    """Add a tensor, an item of it to each plane of the map."""
    # STACK
    word = frame.stack_pop1_int()
    # SHAPE
    items = len(frame.buffer.top)
    place, channels, plane = broadcast_place(items, word)
    # GAS
    addend = buy(frame, place, "address", channels)
    limbs = gas.sum_limbs(max(frame.buffer.top.limbs, addend.limbs), 2)
    frame.consume_gas(gas.elementwise(items, limbs), "add")
    charge_growth(frame, items, limbs)
    # OPERATION
    apply(frame, Step("add", (addend.tensor, plane)))


def reads_channels(word: int, *_: int) -> list[Wanted]:
    """BUF_BIAS, BUF_MUL or BUF_DIV to come: a tensor, where the operand says how long it is."""
    place = words.address(word, "address")
    return [Wanted(place, place.rows)]


def follow_buf_bias(items: int, word: int) -> Follower:
    """BUF_BIAS, of a map to come."""
    place, channels, plane = broadcast_place(items, word)
    step = Step("add", (plane,))
    return Follower(step, items, gas.elementwise(items, 1), 1, Wanted(place, channels))


@lru_cache(KEPT_DECODINGS)
def broadcast_place(items: int, word: int) -> tuple[Address, int, int]:
    """A tensor's place, its channels and the plane that each of them is for, of so many items."""
    place = words.address(word, "address")
    if place.transposed:
        raise OperandError("address", "an address that is not transposed", hex(word))
    plane = place.columns or 1
    channels = place.rows or items // plane
    if channels * plane == 0 or items % (channels * plane):
        raise ShapeError("channels, plane", f"a divisor of {items} items", channels * plane)
    return place, channels, plane
