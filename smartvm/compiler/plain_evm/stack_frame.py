"""Named locals on the Stack, and loops over grids of words: how the twin's code is written.

The layout is that of a Yul compiler: every local has its place on the Stack, is read with DUP and
changed with SWAP. The local declared last lies on top, where an ADD or XOR writes into it at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import prod
from typing import NamedTuple

from smartvm.compiler.program import Program

NET_ITEMS = {
    "ADD": -1,
    "AND": -1,
    "LT": -1,
    "MCOPY": -3,
    "MLOAD": 0,
    "MSTORE": -2,
    "MUL": -1,
    "POP": -1,
    "SDIV": -1,
    "SLOAD": 0,
    "SLT": -1,
    "SMOD": -1,
    "SUB": -1,
    "XOR": -1,
    **{f"DUP{depth}": 1 for depth in range(1, 17)},
    **{f"SWAP{depth}": 0 for depth in range(1, 17)},
}
"""Items by which each instruction lets the Stack grow."""


class Axis(NamedTuple):
    """`length` cells, `stride` apart (bytes of Memory, or slots)."""

    length: int
    stride: int


Grid = tuple[Axis, ...]
"""The axes of nested loops, the outermost first."""


def grid(*axes: tuple[int, int]) -> Grid:
    """The fewest loops over axes of (length, stride), the outermost first.

    An axis of one cell needs none, and one that continues the axis inside it becomes part of it.
    """
    result: list[Axis] = []
    for length, stride in reversed(axes):
        if result and stride == _span(result):
            result[0] = Axis(length * result[0].length, result[0].stride)
        elif length > 1:
            result.insert(0, Axis(length, stride))
    return tuple(result)


def cells(axes: Grid) -> int:
    """How many cells a grid has."""
    return prod(axis.length for axis in axes)


def walk_locals(pointer: str, axes: Grid) -> list[str]:
    """The locals of a walk: one limit an axis, then the pointer."""
    return [*(_limit(pointer, inner) for inner in reversed(range(len(axes)))), pointer]


def _limit(pointer: str, inner_axes: int) -> str:
    return f"{pointer} limit {inner_axes}"


class StackFrame:
    """Emits stock instructions into a program and keeps account of the Stack."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._locals: list[str] = []
        self._above = 0
        self._loops = 0
        self._repeated = 0

    @property
    def executed_instructions(self) -> int:
        """Instructions that a run of the code emitted so far executes, loops counted in full."""
        return self.program.instruction_count + self._repeated

    def op(self, *mnemonics: str) -> None:
        """Emit instructions in order."""
        for mnemonic in mnemonics:
            self.program.op(mnemonic)
            self._above += NET_ITEMS[mnemonic]

    def push(self, value: int) -> None:
        """Push a constant; a negative one as two's complement."""
        self.program.push(value)
        self._above += 1

    @contextmanager
    def locals(self, *names: str) -> Iterator[None]:
        """Declare locals that start at zero, the last on top, and drop them in the end."""
        for name in names:
            self.program.push(0)
            self._locals.append(name)
        yield
        for _ in names:
            self.program.op("POP")
            self._locals.pop()

    def get(self, name: str) -> None:
        """Push a local."""
        self.op(f"DUP{self._position(name)}")

    def set(self, name: str) -> None:
        """Pop the top item into a local."""
        self.op(f"SWAP{self._position(name) - 1}", "POP")

    def assign(self, name: str, source: str | int) -> None:
        """Give a local the value of another or of a constant."""
        if isinstance(source, int):
            self.push(source)
        else:
            self.get(source)
        self.set(name)

    def increase(self, name: str, amount: int) -> None:
        """Add a constant to a local."""
        if amount == 0:
            return
        depth = self._position(name) - 1
        swap = [f"SWAP{depth}"] if depth else []
        self.op(*swap)
        self.push(amount)
        self.op("ADD", *swap)

    def walk(self, pointer: str, axes: Grid, body: Callable[[], None]) -> None:
        """Run `body` with `pointer` at each cell of a grid that begins where it stands.

        The pointer ends one stride of the outermost axis beyond its last cell. Its limits must
        be declared (`walk_locals`).
        """
        if not axes:
            body()
            return
        (length, stride), inner = axes[0], axes[1:]
        limit = _limit(pointer, len(inner))
        self.get(pointer)
        self.push(length * stride)
        self.op("ADD")
        self.set(limit)
        before = self.executed_instructions
        with self._while_below(pointer, limit):
            self.walk(pointer, inner, body)
            self.increase(pointer, stride - _span(inner))
        self._repeated += (length - 1) * (self.executed_instructions - before)

    @contextmanager
    def _while_below(self, pointer: str, limit: str) -> Iterator[None]:
        label = f"loop_{self._loops}"
        self._loops += 1
        self.program.label(label)
        yield
        self.get(limit)
        self.get(pointer)
        self.op("LT")
        self.program.jump_if(label)
        self._above -= 1

    def _position(self, name: str) -> int:
        """Where a local lies, 1 being the top of the Stack."""
        return self._above + len(self._locals) - self._locals.index(name)


def _span(axes: Sequence[Axis]) -> int:
    """How far a walk moves its pointer."""
    return axes[0].length * axes[0].stride if axes else 0
