"""The reference backend: plain Python integers and loops, the executable specification.

Every other backend is held to its results bit for bit. It is slow by design: index arithmetic is
spelt out, sums are exact, and each result is wrapped modulo 2²⁵⁶ once, at the end.
"""

from __future__ import annotations

from typing import ClassVar

from smartvm.dispatch.backend import Backend
from smartvm.dispatch.reference import (
    activation,
    convolution,
    elementwise,
    elementwise_tensor,
    linear,
    movement,
    pooling,
)
from smartvm.dispatch.reference import function as functions

__all__ = ["ReferenceBackend"]


class ReferenceBackend(Backend):
    """All kernels on Python integers; always available, always the last resort."""

    name: ClassVar[str] = "reference"

    convolve = staticmethod(convolution.convolve)
    pool_max = staticmethod(pooling.pool_max)
    pool_average = staticmethod(pooling.pool_average)
    matmul = staticmethod(linear.matmul)
    add = staticmethod(elementwise.add)
    multiply = staticmethod(elementwise.multiply)
    divide = staticmethod(elementwise.divide)
    relu = staticmethod(elementwise.relu)
    softmax = staticmethod(activation.softmax)
    sigmoid = staticmethod(activation.sigmoid)
    tanh = staticmethod(activation.tanh)
    view = staticmethod(movement.view)
    concatenate = staticmethod(movement.concatenate)
    gather = staticmethod(movement.gather)
    multiply_by = staticmethod(elementwise_tensor.multiply_by)
    divide_by = staticmethod(elementwise_tensor.divide_by)
    clip = staticmethod(elementwise_tensor.clip)
    reduce = staticmethod(movement.reduce)
    function = staticmethod(functions.function)
