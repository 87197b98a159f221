"""Operations that move, join, look up and reduce items."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import ClassVar

from smartvm.compiler.integer_graph import Interval, Operation
from smartvm.compiler.program import Program
from smartvm.dispatch import Backend
from smartvm.dispatch.movement import Reduction
from smartvm.dispatch.tensor import Tensor
from smartvm.words import Address


@dataclass(frozen=True)
class View(Operation):
    """BUF_VIEW: items at offset + Σ index·stride, the last axis fastest; at most 8 axes."""

    dims: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int = 0

    def evaluate(self, kernels: Backend, inputs: list[Tensor]) -> Tensor:
        """The items."""
        return kernels.view(inputs[0], self.offset, self.dims, self.strides)

    def bound(self, inputs: list[Interval], constants: list[Tensor | None]) -> Interval:
        """That of the map."""
        return inputs[0]

    def emit(self, program: Program, addresses: list[Address]) -> None:
        """BUF_VIEW: d0 is the fastest axis."""
        dims, strides = self.dims[::-1], self.strides[::-1]
        operands: dict[str, int] = {"offset": self.offset}
        operands |= {f"d{axis}": length for axis, length in enumerate(dims)}
        operands |= {f"s{axis}": step for axis, step in enumerate(strides)}
        program.op("BUF_VIEW", **operands)


@dataclass(frozen=True)
class Concatenate(Operation):
    """BUF_CAT: all inputs, each seen as (outer, rest), joined along the rest."""

    outer: int = 1

    @property
    def consumed(self) -> tuple[str, ...]:
        """All inputs."""
        return self.inputs

    def evaluate(self, kernels: Backend, inputs: list[Tensor]) -> Tensor:
        """The joined map."""
        return kernels.concatenate(inputs, self.outer)

    def bound(self, inputs: list[Interval], constants: list[Tensor | None]) -> Interval:
        """The union."""
        return reduce(Interval.union, inputs)

    def emit(self, program: Program, addresses: list[Address]) -> None:
        """BUF_CAT."""
        program.op("BUF_CAT", maps=len(self.inputs), outer=self.outer)


@dataclass(frozen=True)
class Gather(Operation):
    """BUF_GATHER of (indices, data): rows of `columns` items."""

    rows: int
    columns: int = 1

    def evaluate(self, kernels: Backend, inputs: list[Tensor]) -> Tensor:
        """The rows."""
        return kernels.gather(inputs[0], inputs[1], self.columns)

    def bound(self, inputs: list[Interval], constants: list[Tensor | None]) -> Interval:
        """That of the data."""
        return inputs[1]

    def emit(self, program: Program, addresses: list[Address]) -> None:
        """BUF_GATHER."""
        place = addresses[0]._replace(rows=self.rows, columns=self.columns)
        program.op("BUF_GATHER", data=place)


@dataclass(frozen=True)
class Reduce(Operation):
    """BUF_REDUCE over the middle axis of (…, axis, inner)."""

    kind: Reduction
    axis: int
    inner: int = 1

    def evaluate(self, kernels: Backend, inputs: list[Tensor]) -> Tensor:
        """The reduced map."""
        return kernels.reduce(inputs[0], int(self.kind), self.axis, self.inner)

    def bound(self, inputs: list[Interval], constants: list[Tensor | None]) -> Interval:
        """A sum's ends grow with the axis; an index lies in it."""
        low, high = inputs[0]
        if self.kind is Reduction.SUM:
            return Interval(low * self.axis, high * self.axis)
        return inputs[0] if self.kind <= Reduction.MIN else Interval(0, self.axis - 1)

    def emit(self, program: Program, addresses: list[Address]) -> None:
        """BUF_REDUCE."""
        program.op("BUF_REDUCE", kind=int(self.kind), axis=self.axis, inner=self.inner)


@dataclass(frozen=True)
class Load(Operation):
    """A constant as a map: BUF_ALLO and BUF_BIAS."""

    consumes: ClassVar[int] = 0
    length: int

    def evaluate(self, kernels: Backend, inputs: list[Tensor]) -> Tensor:
        """The constant."""
        return inputs[0]

    def bound(self, inputs: list[Interval], constants: list[Tensor | None]) -> Interval:
        """That of the constant."""
        return inputs[0]

    def emit(self, program: Program, addresses: list[Address]) -> None:
        """A zero map to which the constant is added."""
        program.op("BUF_ALLO", size=self.length)
        program.op("BUF_BIAS", address=addresses[0]._replace(rows=self.length, columns=1))
