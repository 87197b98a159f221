"""Look-ahead: the DNN instructions that a frame will come to, with their operands.

They are found by executing the instructions that only move stack items (and arithmetic of known
items, and jumps that follow from it) on a copy of the Stack. DNN instructions are passed by their
static effect on the Stack: operands go, results are unknown. It ends at anything else, and has no
effect: it takes no gas, reads no state and raises nothing. Whether the frame gets that far (it may
run out of gas, or a kernel fail) is another question.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from eth.vm import opcode_values as op
from eth.vm.stack import to_int

from smartvm.opcodes.decoding import ARITY, FOLDED, Code
from smartvm.opcodes.frame import Frame
from smartvm.opcodes.instruction import Instruction

if TYPE_CHECKING:
    from smartvm.opcodes.table import InstructionSet

VISIBLE = 32
"""How many items from the top of the Stack are looked at."""
STEPS_EACH = 8
"""Runs and single instructions that are followed for each DNN instruction asked for."""
KEPT = 256


class Position(NamedTuple):
    """Where a frame is: all that look-ahead depends on.

    Attributes:
        code: the frame's code.
        instructions: the DNN instructions that it has.
        pc: the program counter.
        stack: the top of the Stack, the top last; a word as int or bytes.
    """

    code: Code
    instructions: InstructionSet
    pc: int
    stack: tuple[Any, ...]

    @classmethod
    def of(cls, frame: Frame) -> Position:
        """Behind the instruction that a frame executes."""
        stack = tuple(frame._stack.values[-VISIBLE:])
        return cls(frame.decoded, frame.instructions, frame.code.program_counter, stack)


class Upcoming(NamedTuple):
    """A DNN instruction that the frame will come to, and its operands, the first on top.

    An operand is None where it is the result of an instruction that does not only move items.
    """

    pc: int
    instruction: Instruction
    operands: tuple[int | None, ...]


@lru_cache(KEPT)
def upcoming(position: Position, count: int) -> tuple[Upcoming, ...]:
    """The next `count` DNN instructions from a position on, as far as they are certain."""
    path = _Path(position)
    for _ in range(STEPS_EACH * count):
        if len(path.found) == count or not path.step():
            break
    return tuple(path.found)


class _Path:
    """Execution on a copy of the Stack; an unknown item is None."""

    def __init__(self, position: Position) -> None:
        self.code, self.instructions, self.pc, stack = position
        self.values: list[int | None] = [to_int(item) for item in stack]
        self.found: list[Upcoming] = []

    def step(self) -> bool:
        """Execute a run or one instruction; False where that is not possible."""
        run = self.code.run(self.pc)
        if run is not None:
            if not run.fits(len(self.values)):
                return False
            run.apply(self.values)
            self.pc = run.end
            return True
        if self.pc >= len(self.code.raw):
            return False
        opcode = self.code.raw[self.pc]
        row = self.instructions.by_opcode.get(opcode)
        if row is not None:
            return self._pass(row)
        if opcode in FOLDED:
            return self._fold(opcode)
        return opcode in (op.JUMP, op.JUMPI) and self._jump(opcode)

    def _pop(self, count: int) -> tuple[int | None, ...] | None:
        """The top items, the topmost first, or None where there are not that many."""
        start = len(self.values) - count
        if start < 0:
            return None
        popped = tuple(reversed(self.values[start:]))
        del self.values[start:]
        return popped

    def _pass(self, row: Instruction) -> bool:
        operands = self._pop(len(row.operands))
        if operands is None:
            return False
        self.found.append(Upcoming(self.pc, row, operands))
        self.values += [None] * (row.pushes or 0)
        self.pc += 1
        return row.pushes is not None

    def _fold(self, opcode: int) -> bool:
        operands = self._pop(ARITY[opcode])
        if operands is None:
            return False
        self.values.append(None if None in operands else FOLDED[opcode](*operands))
        self.pc += 1
        return True

    def _jump(self, opcode: int) -> bool:
        count = 1 if opcode == op.JUMP else 2
        known = [item for item in self._pop(count) or () if item is not None]
        if len(known) < count:
            return False
        if opcode == op.JUMPI and not known[1]:
            self.pc += 1
            return True
        self.pc = known[0]
        return self.code.is_jump_destination(self.pc)
