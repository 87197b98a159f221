"""The integer graph: a network as exact integer operations, one DNN instruction each.

Values are flat integer maps, row-major. Constants become weight blocks. A graph is what every
later step reads: `certify` bounds its values, `plan` orders it, `emit` turns it into bytecode and
blocks, `price` adds up its gas, and `evaluate` computes it with the kernels of any backend, which
gives the same bits as the bytecode in the VM.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import prod
from typing import ClassVar, NamedTuple

import numpy as np

from smartvm.compiler.program import Program
from smartvm.dispatch import Backend
from smartvm.dispatch.tensor import Tensor
from smartvm.words import Address

EXACT_LIMIT = float(1 << 53)
"""Below it, float64 holds every integer."""


class Interval(NamedTuple):
    """All integers from `low` to `high`."""

    low: int
    high: int

    def union(self, other: Interval) -> Interval:
        """The least interval that holds both."""
        return Interval(min(self.low, other.low), max(self.high, other.high))


@dataclass(frozen=True)
class Operation:
    """One instruction: reads values, gives one.

    Attributes:
        output: name of the value that it gives.
        inputs: names of the values and constants that it reads.
        source: name of the model's node that it comes from, for reports.

    Class attributes:
        consumes: how many of the first inputs are maps that must lie on top of the Buffer, the
            first the deepest, and are replaced by the output; the others are addressed (a weight
            block, or a map further down).
        commutes: whether the first two inputs may change places where they are of one length.
    """

    consumes: ClassVar[int] = 1
    commutes: ClassVar[bool] = False

    output: str
    inputs: tuple[str, ...]
    source: str = field(default="", kw_only=True)

    @property
    def consumed(self) -> tuple[str, ...]:
        """The inputs that must lie on top of the Buffer."""
        return self.inputs[: self.consumes]

    @property
    def addressed(self) -> tuple[str, ...]:
        """The inputs that are read where they lie."""
        return self.inputs[len(self.consumed) :]

    @property
    def macs(self) -> int:
        """Multiply-accumulates."""
        return 0

    def with_inputs(self, inputs: tuple[str, ...]) -> Operation:
        """The same operation on other inputs."""
        return replace(self, inputs=inputs)

    def evaluate(self, kernels: Backend, inputs: list[Tensor]) -> Tensor:
        """The output for input tensors, exactly as the VM computes it."""
        raise NotImplementedError

    def bound(self, inputs: list[Interval], constants: list[Tensor | None]) -> Interval:
        """An interval that holds every output item, before any wrap modulo 2²⁵⁶.

        Args:
            inputs: an interval for each input.
            constants: the tensor of each input that is a constant, else None.
        """
        raise NotImplementedError

    def peak(self, inputs: list[Interval], constants: list[Tensor | None]) -> Interval:
        """An interval that holds every sum and product on the way to the output."""
        return self.bound(inputs, constants)

    def emit(self, program: Program, addresses: list[Address]) -> None:
        """Add the instruction, given the places of the inputs that are not consumed."""
        raise NotImplementedError


@dataclass(frozen=True)
class Value:
    """What is known of a value.

    Attributes:
        shape: its shape in the model, whose product is its length.
        scale: the integer that stands for 1.0; 1 for counts and indices.
    """

    shape: tuple[int, ...]
    scale: int = 1

    @property
    def items(self) -> int:
        """Length of the map."""
        return prod(self.shape)


@dataclass
class IntegerGraph:
    """Operations in an order in which each comes after what it reads.

    Attributes:
        name: of the model.
        inputs: names of the input values, the first the deepest on the Buffer at the start.
        outputs: names of the output values.
        values: every value and constant by name.
        constants: integer arrays (any integer dtype, or objects beyond 64 bits) by name, flat.
        operations: in order.
        input_ranges: for each input the integers it may hold.
    """

    name: str
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    values: dict[str, Value] = field(default_factory=dict)
    constants: dict[str, np.ndarray] = field(default_factory=dict)
    operations: list[Operation] = field(default_factory=list)
    input_ranges: dict[str, Interval] = field(default_factory=dict)

    def constant_tensors(self) -> dict[str, Tensor]:
        """The constants as tensors."""
        return {name: as_tensor(array) for name, array in self.constants.items()}

    def evaluate(
        self, kernels: Backend, inputs: Mapping[str, Tensor], keep: Iterable[str] = ()
    ) -> dict[str, Tensor]:
        """The outputs, and the values named in `keep`, for one set of inputs.

        Values that nothing reads any more are dropped as soon as that is so.
        """
        wanted = {*self.outputs, *keep}
        live: dict[str, Tensor] = {**self.constant_tensors(), **inputs}
        last = {name: step for step, op in enumerate(self.operations) for name in op.inputs}
        for step, operation in enumerate(self.operations):
            tensors = [live[name] for name in operation.inputs]
            live[operation.output] = operation.evaluate(kernels, tensors)
            for name in set(operation.inputs):
                if last[name] == step and name not in wanted:
                    del live[name]
        return {name: live[name] for name in wanted}


def nearest_integers(array: np.ndarray, scale: int) -> np.ndarray:
    """The integers nearest array·scale as Python integers where they pass 2⁵³.

    Integers are multiplied by the scale as they are.
    """
    if array.dtype.kind in "biu":
        return array if scale == 1 else array.astype(np.int64) * scale
    exact = array.astype(np.float64)
    if float(np.abs(exact).max(initial=0)) * scale < EXACT_LIMIT:
        return np.rint(exact * scale).astype(np.int64)
    items = [round(Fraction(item) * scale) for item in exact.reshape(-1).tolist()]
    return np.array(items, dtype=object).reshape(array.shape)


def as_tensor(array: np.ndarray) -> Tensor:
    """The tensor of an integer array of any dtype."""
    return (
        Tensor.from_ints(array.reshape(-1).tolist())
        if array.dtype == object
        else (Tensor.from_array(array))
    )
