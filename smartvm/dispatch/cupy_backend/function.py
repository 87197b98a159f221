"""Correctly rounded exp, log, sqrt and erf: the kernels do what `numpy_backend.function` does."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from smartvm.dispatch.cupy_backend.activation import bytes_of, rounded, table
from smartvm.dispatch.cupy_backend.calls import Call
from smartvm.dispatch.functions import Function, check_domain
from smartvm.dispatch.numpy_backend import function as cpu
from smartvm.dispatch.numpy_backend.activation import exponential_table
from smartvm.dispatch.tensor import WIDE_BYTES, Tensor

__all__ = ["function"]

KERNELS: dict[Function, tuple[str, Callable[[], np.ndarray] | None]] = {
    Function.EXP: ("function.exponential", exponential_table),
    Function.LOG: ("function.logarithm", cpu.logarithm_table),
    Function.SQRT: ("function.square_root", None),
    Function.ERF: ("function.error_function", cpu.error_function_table),
}
"""The kernel of each function, and its table."""
CLIPPED = (Function.EXP, Function.ERF)
"""The kernels that take items of 32 bytes, which they cut to what the function can tell apart."""


def function(call: Call, x: Tensor, scale: int, function: int) -> Tensor | None:
    """See `Backend.function`; shapes checked, gas paid."""
    check_domain(x, scale, function)
    data = call.operand(x)
    too_wide = data.item_bytes == WIDE_BYTES and function not in CLIPPED
    if too_wide or not _worth_trying(x, scale, function):
        return None
    kernel, make = KERNELS[Function(function)]
    numbers = (len(x), scale, table(call.device, make) if make else 0)

    def launch(results: tuple[int, ...]) -> None:
        call.launch(kernel, (data.address, data.item_bytes, *results, *numbers), items=len(x))

    exact = partial(cpu.function, scale=scale, function=function)
    return rounded(call, x, bytes_of(scale), launch, exact)


def _worth_trying(x: Tensor, scale: int, function: int) -> bool:
    """Whether the kernel decides items as great as these at this scale.

    It is no proof: the kernels mark what they cannot take, on this map or on another one.
    """
    if function == Function.SQRT:
        return max(x.magnitude, 1) * scale < cpu.LARGEST_ROOT
    largest, limit = cpu.limits(scale, function)
    return scale <= largest and (function == Function.ERF or x.bounds[1] <= limit)
