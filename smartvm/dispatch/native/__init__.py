"""The native backend: exact integer kernels compiled for this machine's CPU.

The compiled module is optional: it is built when the package is installed where there is a C++
compiler. Without it the backend is not available, and numpy computes the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from smartvm.dispatch.backend import Backend
from smartvm.dispatch.native import (
    chain,
    convolution,
    elementwise,
    linear,
    movement,
    pooling,
    reduction,
)
from smartvm.dispatch.native.compiled import isa, isas, kernels, set_isa, set_threads, threads
from smartvm.dispatch.steps import Step
from smartvm.dispatch.tensor import Tensor

__all__ = ["NativeBackend", "isa", "isas", "set_isa", "set_threads", "threads"]


class NativeBackend(Backend):
    """Kernels on the CPU's integer dot products; available where the module was built."""

    name: ClassVar[str] = "native"

    @classmethod
    def is_available(cls) -> bool:
        """Whether the compiled module is there."""
        return kernels is not None

    convolve = staticmethod(convolution.convolve)
    matmul = staticmethod(linear.matmul)
    pool_max = staticmethod(pooling.pool_max)
    pool_average = staticmethod(pooling.pool_average)
    add = staticmethod(elementwise.add)
    multiply = staticmethod(elementwise.multiply)
    divide = staticmethod(elementwise.divide)
    relu = staticmethod(elementwise.relu)
    view = staticmethod(movement.view)
    concatenate = staticmethod(movement.concatenate)
    gather = staticmethod(movement.gather)
    multiply_by = staticmethod(elementwise.multiply_by)
    divide_by = staticmethod(elementwise.divide_by)
    clip = staticmethod(elementwise.clip)
    reduce = staticmethod(reduction.reduce)

    def chain(self, x: Tensor, steps: Sequence[Step]) -> list[Tensor] | None:
        """See `Backend.chain`."""
        return chain.chain(self, x, steps)
