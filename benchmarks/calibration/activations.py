"""Bad operands of softmax, sigmoid, tanh and ACT_FUN: inputs that float64 does not decide.

`benchmarks/activation_cost.py` finds them; docs/activations.md tells why they are the worst.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache

from activation_cost import hard_magnitudes, near_ties, typical

from calibration.frame import Case
from smartvm.dispatch.functions import LARGEST_EXPONENT, Function
from smartvm.dispatch.numpy_backend import activation
from smartvm.dispatch.tensor import Tensor

BITS = (1, 4, 10, 16, 22, 23, 26, 32, 40, 46, 47, 64)
"""Of scales."""
KERNELS = {"ACT_SM1": activation.sigmoid, "ACT_TANH": activation.tanh}
MANY = 4096
CHAINS = ((2, 1), (2, 500), (10, 1), (10, 50), (100, 4), (1000, 2))
"""Items of a group, groups."""
LONGEST = 4000
"""Bits of precision that a chain may need here."""


def logistic() -> Iterator[Case]:
    """Sigmoid and tanh: hard items, few of them and many."""
    for mnemonic, kernel in KERNELS.items():
        for bits in BITS:
            scale = (1 << bits) - 1
            hard = hard_magnitudes(kernel, scale)
            for items in (hard[:1], hard[:64], hard, [-(1 << 255)] * MANY):
                yield Case(f"{mnemonic} scale={scale}", (Tensor.from_ints(items),))


def softmax() -> Iterator[Case]:
    """Groups in which an item lies next to a tie, and ordinary ones."""
    for group, groups in CHAINS:
        for bits in BITS:
            scale = (1 << bits) - 1
            text = f"ACT_SM0 scale={scale} group={group}"
            near = min(group - 1, 72 // bits + 2)
            yield Case(text, (Tensor.from_ints(near_ties(group, scale, near, groups)),))
            yield Case(text, (Tensor.from_ints(typical(scale, group * groups)),))
            if group * bits <= LONGEST:
                chains = near_ties(group, scale, group - 1, min(groups, 64))
                yield Case(text, (Tensor.from_ints(chains),))
    far = [0, 0, *range(-(1 << 100), 50_000 - (1 << 100))]
    yield Case("ACT_SM0 scale=3", (Tensor.from_ints(far),))


def functions() -> Iterator[Case]:
    """Every function of few items and of many, over its domain and next to its ends."""
    for bits in BITS:
        scale = (1 << bits) - 1
        for function in Function:
            for items in _inputs(function, scale):
                for part in (items[:1], items[:16], items):
                    text = f"ACT_FUN scale={scale} function={function.value}"
                    yield Case(text, (Tensor.from_ints(part),))


@cache
def _inputs(function: Function, scale: int) -> list[list[int]]:
    source = random.Random(scale)

    def between(low: int, high: int) -> list[int]:
        return [source.randint(low, high) for _ in range(MANY)]

    if function == Function.EXP:
        # The greatest item whose exponential fits: ln(2^254 / scale), in scales.
        top = min(LARGEST_EXPONENT, int((254 - scale.bit_length()) * 0.693)) * scale
        return [between(top - scale, top), between(-8 * scale, 8 * scale), between(-top, 0)]
    if function == Function.ERF:
        return [between(-7 * scale, 7 * scale), between(0, scale), [8 * scale + 1] * MANY]
    if function == Function.SQRT:
        return [between(0, 1 << bits) for bits in (20, 40, 62, 254)]
    # Around e^42.5 the logarithms of many numbers in a row lie next to a half-integer.
    near_ties_of_one = list(range(int(2.8e18), int(2.8e18) + MANY))
    return [near_ties_of_one, *(between(1, 1 << bits) for bits in (20, 40, 62, 254))]
