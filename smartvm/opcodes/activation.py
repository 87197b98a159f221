"""ACT_SM0, ACT_SM1, ACT_RL, ACT_TANH: activations of the top map (paper, Table 1).

Softmax, sigmoid and tanh are correctly rounded for every scale and every input
(docs/activations.md), and are charged for their worst input.
"""

from __future__ import annotations

from functools import lru_cache

from smartvm import gas
from smartvm.dispatch.steps import Step
from smartvm.exceptions import DivisionByZero, ShapeError
from smartvm.opcodes.frame import KEPT_DECODINGS, Frame, charge_growth, named_fields
from smartvm.opcodes.fusion import Follower, apply

SLOPE_LIMBS = 5
"""Limbs of the numerator of a slope, an unsigned number of 64 bits."""


def act_sm0(frame: Frame) -> None:
    """Softmax over each group."""
    # STACK
    (word,) = frame.stack_pop_ints(1)
    # SHAPE
    scale, group = named_fields(word, 2, "scale")
    length = len(frame.buffer.top)
    group = group or length
    if length % group:
        raise ShapeError("group", f"a divisor of the map's {length} items", group)
    _check(scale)
    low, high = frame.buffer.top.bounds
    # GAS
    frame.consume_gas(gas.softmax(length, group, scale, high - low), "softmax")
    _charge_growth(frame, scale)
    # OPERATION
    frame.buffer.replace(frame.kernels.softmax(frame.buffer.top, scale, group))


def act_sm1(frame: Frame) -> None:
    """Sigmoid of each item."""
    # STACK
    (word,) = frame.stack_pop_ints(1)
    # SHAPE
    (scale,) = named_fields(word, 1, "scale")
    _check(scale)
    # GAS
    frame.consume_gas(gas.logistic(len(frame.buffer.top), scale), "sigmoid")
    _charge_growth(frame, scale)
    # OPERATION
    frame.buffer.replace(frame.kernels.sigmoid(frame.buffer.top, scale))


def act_tanh(frame: Frame) -> None:
    """Hyperbolic tangent of each item."""
    # STACK
    (word,) = frame.stack_pop_ints(1)
    # SHAPE
    (scale,) = named_fields(word, 1, "scale")
    _check(scale)
    # GAS
    frame.consume_gas(gas.logistic(len(frame.buffer.top), scale), "tanh")
    _charge_growth(frame, scale)
    # OPERATION
    frame.buffer.replace(frame.kernels.tanh(frame.buffer.top, scale))


def act_rl(frame: Frame) -> None:
    """ReLU, with a cap (ReLU6) or a negative slope (leaky)."""
    # STACK
    (word,) = frame.stack_pop_ints(1)
    # SHAPE
    step = _relu(word)
    items, limbs = len(frame.buffer.top), frame.buffer.top.limbs
    # GAS
    if _has_slope(step):
        limbs = gas.product_limbs(limbs, SLOPE_LIMBS)
        frame.consume_gas(gas.divide(items, limbs), "slope")
    frame.consume_gas(gas.elementwise(items, limbs), "compare")
    charge_growth(frame, items, limbs)
    # OPERATION
    apply(frame, step)


def follow_act_rl(items: int, word: int) -> Follower:
    """ACT_RL, of a map to come."""
    step = _relu(word)
    cost = gas.divide(items, SLOPE_LIMBS) if _has_slope(step) else 0
    return Follower(step, items, gas.elementwise(items, 1) + cost)


@lru_cache(KEPT_DECODINGS)
def _relu(word: int) -> Step:
    cap, numerator, denominator = named_fields(word, 3, "cap")
    if numerator and not denominator:
        raise DivisionByZero("slope_denominator", "at least 1", 0)
    return Step("relu", (cap, (numerator, denominator or 1)))


def _has_slope(relu: Step) -> bool:
    _, (numerator, _) = relu.arguments
    return bool(numerator)


def _check(scale: int) -> None:
    if scale == 0:
        raise DivisionByZero("scale", "1 to 2^64 - 1", 0)


def _charge_growth(frame: Frame, scale: int) -> None:
    """Pay for as many results, none of which is greater than the scale."""
    charge_growth(frame, len(frame.buffer.top), 5 if scale >> 63 else 4)
