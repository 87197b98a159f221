"""Softmax, sigmoid, tanh and the functions of ACT_FUN."""

from __future__ import annotations

from dataclasses import dataclass

from smartvm.compiler.integer_graph import Interval, Operation
from smartvm.compiler.program import Program
from smartvm.dispatch import Backend, functions
from smartvm.dispatch.reference import ReferenceBackend
from smartvm.dispatch.tensor import Tensor
from smartvm.words import Address

EXP, LOG, SQRT, ERF = functions.Function
"""The functions of ACT_FUN."""


@dataclass(frozen=True)
class Softmax(Operation):
    """ACT_SM0 over each run of `group` items."""

    scale: int
    group: int

    def evaluate(self, kernels: Backend, inputs: list[Tensor]) -> Tensor:
        """The probabilities at the scale."""
        return kernels.softmax(inputs[0], self.scale, self.group)

    def bound(self, inputs: list[Interval], constants: list[Tensor | None]) -> Interval:
        """From 0 to the scale."""
        return Interval(0, self.scale)

    def emit(self, program: Program, addresses: list[Address]) -> None:
        """ACT_SM0."""
        program.op("ACT_SM0", scale=self.scale, group=self.group)


@dataclass(frozen=True)
class Sigmoid(Operation):
    """ACT_SM1."""

    scale: int

    def evaluate(self, kernels: Backend, inputs: list[Tensor]) -> Tensor:
        """The logistic function at the scale."""
        return kernels.sigmoid(inputs[0], self.scale)

    def bound(self, inputs: list[Interval], constants: list[Tensor | None]) -> Interval:
        """Monotone: its ends."""
        return _ends(self, inputs[0])

    def emit(self, program: Program, addresses: list[Address]) -> None:
        """ACT_SM1."""
        program.op("ACT_SM1", scale=self.scale)


@dataclass(frozen=True)
class Tanh(Operation):
    """ACT_TANH."""

    scale: int

    def evaluate(self, kernels: Backend, inputs: list[Tensor]) -> Tensor:
        """The hyperbolic tangent at the scale."""
        return kernels.tanh(inputs[0], self.scale)

    def bound(self, inputs: list[Interval], constants: list[Tensor | None]) -> Interval:
        """Monotone: its ends."""
        return _ends(self, inputs[0])

    def emit(self, program: Program, addresses: list[Address]) -> None:
        """ACT_TANH."""
        program.op("ACT_TANH", scale=self.scale)


@dataclass(frozen=True)
class Function(Operation):
    """ACT_FUN: exp, log, sqrt or erf, all of them monotone."""

    scale: int
    function: int

    def evaluate(self, kernels: Backend, inputs: list[Tensor]) -> Tensor:
        """The function at the scale."""
        return kernels.function(inputs[0], self.scale, self.function)

    def bound(self, inputs: list[Interval], constants: list[Tensor | None]) -> Interval:
        """Its ends, within the domain: outside it the instruction halts."""
        low, high = inputs[0]
        least = {int(LOG): 1, int(SQRT): 0}.get(self.function)
        if least is not None:
            low, high = max(low, least), max(high, least)
        return _ends(self, Interval(low, high))

    def emit(self, program: Program, addresses: list[Address]) -> None:
        """ACT_FUN."""
        program.op("ACT_FUN", scale=self.scale, function=self.function)


def _ends(operation: Operation, x: Interval) -> Interval:
    """The values of a monotone function at the ends, by the reference."""
    ends = operation.evaluate(ReferenceBackend(), [Tensor.from_ints(x)])
    return Interval(*ends.to_ints())
