"""BUF_MUL, BUF_DIV, BUF_CLIP, ACT_FUN: arithmetic on each item (extension page, docs/isa.md §8)."""

from __future__ import annotations

from math import isqrt

from smartvm import gas
from smartvm.dispatch.functions import LARGEST_EXPONENT, Function
from smartvm.exceptions import DivisionByZero, OperandError
from smartvm.opcodes.arithmetic import NEAREST, broadcast_place
from smartvm.opcodes.frame import Frame, charge_growth, named_fields, up_to
from smartvm.opcodes.tensors import buy
from smartvm.words import MAX_LIMBS, SIGN_BIT, limbs_for, to_signed


def buf_mul(frame: Frame) -> None:
    """Multiply by a tensor, an item of it each plane of the map."""
    # STACK
    word = frame.stack_pop1_int()
    # SHAPE
    items, limbs_x = len(frame.buffer.top), frame.buffer.top.limbs
    place, channels, plane = broadcast_place(items, word)
    # GAS
    factors = buy(frame, place, "address", channels)
    limbs = gas.product_limbs(limbs_x, factors.limbs)
    frame.consume_gas(gas.elementwise(items, limbs_x * factors.limbs), "multiply")
    frame.consume_gas(gas.elementwise(items, limbs), "products")
    charge_growth(frame, items, limbs)
    # OPERATION
    frame.buffer.replace(frame.kernels.multiply_by(frame.buffer.top, factors.tensor, plane))


def buf_div(frame: Frame) -> None:
    """Divide by a tensor, an item of it each plane of the map."""
    # STACK
    address_word, rounding_word = frame.stack_pop_ints(2)
    # SHAPE
    items, magnitude = len(frame.buffer.top), frame.buffer.top.magnitude
    place, channels, plane = broadcast_place(items, address_word)
    (rounding,) = named_fields(rounding_word, 1, "rounding")
    nearest = up_to(rounding, NEAREST, "rounding") == NEAREST
    # A quotient by −1 may need a limb more than the least item.
    limbs = min(MAX_LIMBS, limbs_for(-magnitude, magnitude))
    # GAS
    divisors = buy(frame, place, "address", channels)
    frame.consume_gas(gas.divide(items, limbs + divisors.limbs), "divide")
    charge_growth(frame, items, limbs)
    # OPERATION
    result = frame.kernels.divide_by(frame.buffer.top, divisors.tensor, plane, nearest)
    frame.buffer.replace(result)


def buf_clip(frame: Frame) -> None:
    """Bring each item between two numbers."""
    # STACK
    low, high = map(to_signed, frame.stack_pop_ints(2))
    # SHAPE
    if low > high:
        raise OperandError("low", f"at most high, {high}", low)
    items = len(frame.buffer.top)
    # GAS
    limbs = max(frame.buffer.top.limbs, limbs_for(low, high))
    frame.consume_gas(gas.elementwise(items, limbs), "clip")
    charge_growth(frame, items, limbs)
    # OPERATION
    frame.buffer.replace(frame.kernels.clip(frame.buffer.top, low, high))


def act_fun(frame: Frame) -> None:
    """Exponential, logarithm, square root or error function of each item."""
    # STACK
    word = frame.stack_pop1_int()
    # SHAPE
    scale, function = named_fields(word, 2, "scale")
    up_to(function, max(Function), "function")
    if scale == 0:
        raise DivisionByZero("scale", "1 to 2^64 - 1", 0)
    items, highest = len(frame.buffer.top), frame.buffer.top.bounds[1]
    greatest = _greatest(highest, scale, function)
    hardest = _root(highest, scale) if function == Function.LOG else greatest
    # GAS
    frame.consume_gas(gas.function(items, max(hardest, scale).bit_length()), "function")
    charge_growth(frame, items, limbs_for(-greatest, greatest))
    # OPERATION
    frame.buffer.replace(frame.kernels.function(frame.buffer.top, scale, function))


def _greatest(highest: int, scale: int, function: int) -> int:
    """No result is of a greater magnitude, `highest` being the greatest item."""
    if function == Function.EXP:  # e < 2^1.5
        exponent = min(max(highest, 0), LARGEST_EXPONENT * scale)
        return min(scale << 3 * exponent // (2 * scale) + 1, SIGN_BIT - 1)
    if function == Function.LOG:
        return LARGEST_EXPONENT * scale
    if function == Function.SQRT:
        return _root(highest, scale)
    return scale


def _root(highest: int, scale: int) -> int:
    """More than √(highest·scale), for a square root the result, for a logarithm its difficulty."""
    return isqrt(max(highest, 0) * scale) + 1
