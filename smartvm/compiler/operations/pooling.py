"""Pooling."""

from __future__ import annotations

from dataclasses import dataclass

from smartvm.compiler.integer_graph import Interval, Operation
from smartvm.compiler.operations.linear import axes, is_volumetric, sides, size
from smartvm.compiler.program import Program
from smartvm.dispatch import Backend
from smartvm.dispatch.tensor import Tensor
from smartvm.shapes import PoolShape
from smartvm.words import Address


@dataclass(frozen=True)
class MaxPool(Operation):
    """POOL_MAX of a map of `channels` channels an example."""

    shape: PoolShape
    channels: int

    def evaluate(self, kernels: Backend, inputs: list[Tensor]) -> Tensor:
        """The greatest cell of each window."""
        return kernels.pool_max(inputs[0], self.shape)

    def bound(self, inputs: list[Interval], constants: list[Tensor | None]) -> Interval:
        """That of the map."""
        return inputs[0]

    def emit(self, program: Program, addresses: list[Address]) -> None:
        """POOL_MAX."""
        emit_pool(program, "POOL_MAX", self.shape, self.channels)


@dataclass(frozen=True)
class AveragePool(Operation):
    """POOL_AVG of a map of `channels` channels an example; truncates as SDIV."""

    shape: PoolShape
    channels: int

    def evaluate(self, kernels: Backend, inputs: list[Tensor]) -> Tensor:
        """The average of each window."""
        return kernels.pool_average(inputs[0], self.shape)

    def bound(self, inputs: list[Interval], constants: list[Tensor | None]) -> Interval:
        """That of the map, and zero where padding counts."""
        return inputs[0].union(Interval(0, 0)) if self.shape.count_padding else inputs[0]

    def peak(self, inputs: list[Interval], constants: list[Tensor | None]) -> Interval:
        """The window's sum."""
        low, high = inputs[0].union(Interval(0, 0))
        return Interval(low * self.shape.window_items, high * self.shape.window_items)

    def emit(self, program: Program, addresses: list[Address]) -> None:
        """POOL_AVG."""
        emit_pool(program, "POOL_AVG", self.shape, self.channels)


def emit_pool(program: Program, mnemonic: str, shape: PoolShape, channels: int) -> None:
    """The pooling instruction of a shape."""
    volumetric = is_volumetric(shape.size, shape.kernel, shape.padding)
    program.op(
        mnemonic,
        channels=channels,
        flags=shape.ceil_mode | shape.count_padding << 1,
        dilation=shape.dilation[2] if shape.dilation[2] > 1 else 0,
        size=size(shape.size, volumetric),
        kernel=axes(shape.kernel, volumetric),
        stride=axes(shape.stride, volumetric),
        padding=sides(shape.padding, volumetric),
    )
