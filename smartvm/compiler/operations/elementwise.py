"""Operations item by item: addition, multiplication, division, clipping, rectifying."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from smartvm.compiler.integer_graph import Interval, Operation
from smartvm.compiler.operations.linear import product
from smartvm.compiler.program import Program
from smartvm.dispatch import Backend
from smartvm.dispatch.tensor import Tensor
from smartvm.words import Address

NEAREST = 1


@dataclass(frozen=True)
class Add(Operation):
    """BUF_BIAS: the addend's item c to each of `plane` items of channel c."""

    commutes: ClassVar[bool] = True
    channels: int
    plane: int = 1

    def evaluate(self, kernels: Backend, inputs: list[Tensor]) -> Tensor:
        """The sum."""
        return kernels.add(inputs[0], inputs[1], self.plane)

    def bound(self, inputs: list[Interval], constants: list[Tensor | None]) -> Interval:
        """The sum of the ends."""
        (a, b), (c, d) = inputs
        return Interval(a + c, b + d)

    def emit(self, program: Program, addresses: list[Address]) -> None:
        """BUF_BIAS."""
        program.op("BUF_BIAS", address=broadcast(addresses[0], self.channels, self.plane))


@dataclass(frozen=True)
class Multiply(Operation):
    """BUF_MUL: each item times the factor's item of its channel."""

    commutes: ClassVar[bool] = True
    channels: int
    plane: int = 1

    def evaluate(self, kernels: Backend, inputs: list[Tensor]) -> Tensor:
        """The products."""
        return kernels.multiply_by(inputs[0], inputs[1], self.plane)

    def bound(self, inputs: list[Interval], constants: list[Tensor | None]) -> Interval:
        """The extreme products."""
        return product(inputs[0], inputs[1])

    def emit(self, program: Program, addresses: list[Address]) -> None:
        """BUF_MUL."""
        program.op("BUF_MUL", address=broadcast(addresses[0], self.channels, self.plane))


@dataclass(frozen=True)
class Divide(Operation):
    """BUF_DIV: each item over the divisor's item of its channel, to nearest."""

    channels: int
    plane: int = 1

    def evaluate(self, kernels: Backend, inputs: list[Tensor]) -> Tensor:
        """The quotients."""
        return kernels.divide_by(inputs[0], inputs[1], self.plane, True)

    def bound(self, inputs: list[Interval], constants: list[Tensor | None]) -> Interval:
        """Over the divisor nearest to zero; a divisor of zero halts, so 1 is the nearest."""
        x, divisor = inputs
        if divisor.low > 0:
            corners = [rounded(v, d) for v in x for d in divisor]
            return Interval(min(corners), max(corners))
        magnitude = max(abs(x.low), abs(x.high))
        return Interval(-magnitude, magnitude)

    def emit(self, program: Program, addresses: list[Address]) -> None:
        """BUF_DIV to nearest."""
        place = broadcast(addresses[0], self.channels, self.plane)
        program.op("BUF_DIV", address=place, rounding=NEAREST)


@dataclass(frozen=True)
class MultiplyConstant(Operation):
    """BUF_SCL0 by one factor."""

    factor: int

    def evaluate(self, kernels: Backend, inputs: list[Tensor]) -> Tensor:
        """The products."""
        return kernels.multiply(inputs[0], self.factor)

    def bound(self, inputs: list[Interval], constants: list[Tensor | None]) -> Interval:
        """The ends times the factor."""
        return product(inputs[0], Interval(self.factor, self.factor))

    def emit(self, program: Program, addresses: list[Address]) -> None:
        """BUF_SCL0."""
        program.op("BUF_SCL0", times=self.factor)


@dataclass(frozen=True)
class Rescale(Operation):
    """BUF_SCL1 by one positive divisor, to nearest."""

    divisor: int

    def evaluate(self, kernels: Backend, inputs: list[Tensor]) -> Tensor:
        """The quotients."""
        return kernels.divide(inputs[0], self.divisor, True)

    def bound(self, inputs: list[Interval], constants: list[Tensor | None]) -> Interval:
        """The ends over the divisor."""
        return Interval(*(rounded(end, self.divisor) for end in inputs[0]))

    def emit(self, program: Program, addresses: list[Address]) -> None:
        """BUF_SCL1 to nearest."""
        program.op("BUF_SCL1", divisor=self.divisor, rounding=NEAREST)


@dataclass(frozen=True)
class Rectify(Operation):
    """ACT_RL: capped, or with the ratio `slope` for negative items."""

    cap: int = 0
    slope: tuple[int, int] = (0, 1)

    def evaluate(self, kernels: Backend, inputs: list[Tensor]) -> Tensor:
        """The rectified items."""
        return kernels.relu(inputs[0], self.cap, self.slope)

    def bound(self, inputs: list[Interval], constants: list[Tensor | None]) -> Interval:
        """The function is monotone: its ends."""
        return Interval(*(self._at(end) for end in inputs[0]))

    def peak(self, inputs: list[Interval], constants: list[Tensor | None]) -> Interval:
        """The product with the slope."""
        low = min(inputs[0].low, 0) * max(self.slope[0], 1)
        return Interval(low, max(inputs[0].high, 0))

    def _at(self, value: int) -> int:
        if value < 0:
            return -(-value * self.slope[0] // self.slope[1])
        return min(value, self.cap) if self.cap else value

    def emit(self, program: Program, addresses: list[Address]) -> None:
        """ACT_RL."""
        numerator, denominator = self.slope
        program.op(
            "ACT_RL",
            cap=self.cap,
            slope_numerator=numerator,
            slope_denominator=denominator if numerator else 0,
        )


@dataclass(frozen=True)
class Clip(Operation):
    """BUF_CLIP to [low, high]."""

    low: int
    high: int

    def evaluate(self, kernels: Backend, inputs: list[Tensor]) -> Tensor:
        """The clipped items."""
        return kernels.clip(inputs[0], self.low, self.high)

    def bound(self, inputs: list[Interval], constants: list[Tensor | None]) -> Interval:
        """The clipped ends."""
        return Interval(*(min(max(end, self.low), self.high) for end in inputs[0]))

    def emit(self, program: Program, addresses: list[Address]) -> None:
        """BUF_CLIP."""
        program.op("BUF_CLIP", low=self.low, high=self.high)


def broadcast(place: Address, channels: int, plane: int) -> Address:
    """The place seen as a vector of `channels` items, each for `plane` items of the map."""
    return place._replace(rows=channels, columns=plane)


def rounded(value: int, divisor: int) -> int:
    """The quotient to nearest, ties to even, by a positive divisor."""
    quotient, rest = divmod(value, divisor)
    if 2 * rest > divisor or (2 * rest == divisor and quotient & 1):
        return quotient + 1
    return quotient
