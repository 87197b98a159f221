"""What makes each kernel's call on the device."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from smartvm.dispatch.cupy_backend import (
    activation,
    chain,
    convolution,
    elementwise,
    function,
    linear,
    movement,
    pooling,
    reduction,
)

__all__ = ["FUNCTIONS"]

FUNCTIONS: dict[str, Callable[..., Any]] = {
    made.__name__: made
    for made in (
        chain.chain,
        convolution.convolve,
        pooling.pool_max,
        pooling.pool_average,
        linear.matmul,
        elementwise.add,
        elementwise.multiply,
        elementwise.divide,
        elementwise.relu,
        activation.softmax,
        activation.sigmoid,
        activation.tanh,
        movement.view,
        movement.concatenate,
        movement.gather,
        elementwise.multiply_by,
        elementwise.divide_by,
        elementwise.clip,
        reduction.reduce,
        function.function,
    )
}
"""By the kernel's name, that of `Backend.chain` among them: takes a `Call` and the arguments."""
