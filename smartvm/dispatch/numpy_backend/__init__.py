"""The numpy backend: portable, vectorised, and exact by proven bounds.

Narrow numbers are computed by BLAS and by integer ufuncs wherever a bound shows that no result and
no partial sum leaves the format; all others limb by limb, modulo 2²⁵⁶.
"""

from __future__ import annotations

from typing import ClassVar

from smartvm.dispatch.backend import Backend
from smartvm.dispatch.numpy_backend import (
    activation,
    convolution,
    elementwise,
    elementwise_tensor,
    linear,
    movement,
    pooling,
    reduction,
)
from smartvm.dispatch.numpy_backend import function as functions

__all__ = ["NumpyBackend"]


class NumpyBackend(Backend):
    """All kernels on numpy arrays; always available."""

    name: ClassVar[str] = "numpy"

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
    reduce = staticmethod(reduction.reduce)
    function = staticmethod(functions.function)
