"""The reference backend: plain Python integers and loops, the executable specification.

Every other backend is held to its results bit for bit. It is slow by design: index arithmetic is
spelt out, sums are exact, and each result is wrapped modulo 2²⁵⁶ once, at the end.
"""

from __future__ import annotations

from typing import ClassVar

from smartvm.dispatch.backend import Backend
from smartvm.dispatch.reference import activation, convolution, elementwise, linear, pooling
from smartvm.dispatch.tensor import Tensor
from smartvm.shapes import ConvShape, MatmulShape, PoolShape

__all__ = ["ReferenceBackend"]


class ReferenceBackend(Backend):
    """All kernels on Python integers; always available, always the last resort."""

    name: ClassVar[str] = "reference"

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
