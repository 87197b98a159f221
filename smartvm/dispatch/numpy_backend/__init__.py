"""The numpy backend: portable, vectorised, and exact by proven bounds.

Narrow numbers are computed by BLAS and by integer ufuncs wherever a bound shows that no result and
no partial sum leaves the format; all others limb by limb, modulo 2²⁵⁶.
"""

from __future__ import annotations

from collections.abc import Sequence
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
from smartvm.dispatch.tensor import Tensor
from smartvm.shapes import ConvShape, MatmulShape, PoolShape

__all__ = ["NumpyBackend"]


class NumpyBackend(Backend):
    """All kernels on numpy arrays; always available."""

    name: ClassVar[str] = "numpy"

    def convolve(self, x: Tensor, weights: Tensor, shape: ConvShape) -> Tensor:
        """See `Backend.convolve`."""
        return convolution.convolve(x, weights, shape)

    def pool_max(self, x: Tensor, shape: PoolShape) -> Tensor:
        """See `Backend.pool_max`."""
        return pooling.pool_max(x, shape)

    def pool_average(self, x: Tensor, shape: PoolShape) -> Tensor:
        """See `Backend.pool_average`."""
        return pooling.pool_average(x, shape)

    def matmul(self, a: Tensor, b: Tensor, shape: MatmulShape) -> Tensor:
        """See `Backend.matmul`."""
        return linear.matmul(a, b, shape)

    def add(self, x: Tensor, addend: Tensor, plane: int) -> Tensor:
        """See `Backend.add`."""
        return elementwise.add(x, addend, plane)

    def multiply(self, x: Tensor, factor: int) -> Tensor:
        """See `Backend.multiply`."""
        return elementwise.multiply(x, factor)

    def divide(self, x: Tensor, divisor: int, nearest: bool) -> Tensor:
        """See `Backend.divide`."""
        return elementwise.divide(x, divisor, nearest)

    def relu(self, x: Tensor, cap: int, slope: tuple[int, int]) -> Tensor:
        """See `Backend.relu`."""
        return elementwise.relu(x, cap, slope)

    def softmax(self, x: Tensor, scale: int, group: int) -> Tensor:
        """See `Backend.softmax`."""
        return activation.softmax(x, scale, group)

    def sigmoid(self, x: Tensor, scale: int) -> Tensor:
        """See `Backend.sigmoid`."""
        return activation.sigmoid(x, scale)

    def tanh(self, x: Tensor, scale: int) -> Tensor:
        """See `Backend.tanh`."""
        return activation.tanh(x, scale)

    def view(self, x: Tensor, offset: int, dims: Sequence[int], strides: Sequence[int]) -> Tensor:
        """See `Backend.view`."""
        return movement.view(x, offset, dims, strides)

    def concatenate(self, parts: list[Tensor], outer: int) -> Tensor:
        """See `Backend.concatenate`."""
        return movement.concatenate(parts, outer)

    def gather(self, indices: Tensor, data: Tensor, columns: int) -> Tensor:
        """See `Backend.gather`."""
        return movement.gather(indices, data, columns)

    def multiply_by(self, x: Tensor, factors: Tensor, plane: int) -> Tensor:
        """See `Backend.multiply_by`."""
        return elementwise_tensor.multiply_by(x, factors, plane)

    def divide_by(self, x: Tensor, divisors: Tensor, plane: int, nearest: bool) -> Tensor:
        """See `Backend.divide_by`."""
        return elementwise_tensor.divide_by(x, divisors, plane, nearest)

    def clip(self, x: Tensor, low: int, high: int) -> Tensor:
        """See `Backend.clip`."""
        return elementwise_tensor.clip(x, low, high)

    def reduce(self, x: Tensor, kind: int, axis: int, inner: int) -> Tensor:
        """See `Backend.reduce`."""
        return reduction.reduce(x, kind, axis, inner)

    def function(self, x: Tensor, scale: int, function: int) -> Tensor:
        """See `Backend.function`."""
        return functions.function(x, scale, function)
