"""The code of a DNN contract, decoded once: runs of stack instructions that act as one.

A *run* is a stretch of instructions whose effect on the Stack is known from the code alone: PUSH,
DUP, SWAP, POP, JUMPDEST, PC, jumps to constant places and arithmetic on constants. It takes items
off the Stack and puts these and constants back, costs a constant amount of gas, and cannot fail
where that gas is there and the Stack holds enough items and has room for more. Where it could,
its instructions are executed one by one, by py-evm: so gas and errors are py-evm's in any case.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from eth.vm import opcode_values as op
from eth.vm.forks.prague.opcodes import PRAGUE_OPCODES

from smartvm.words import WORD_MODULUS, to_signed

STACK_LIMIT = 1024
LONGEST_RUN = 16
"""Most instructions of a run."""
KEPT_RUNS = 512
"""Most runs that are kept of one code, those used longest ago going first."""
KEPT_CODES = 64

PRICES = {number: getattr(logic, "gas_cost", 0) for number, logic in PRAGUE_OPCODES.items()}

FOLDED: dict[int, Callable[..., int]] = {
    op.ADD: lambda a, b: (a + b) % WORD_MODULUS,
    op.MUL: lambda a, b: a * b % WORD_MODULUS,
    op.SUB: lambda a, b: (a - b) % WORD_MODULUS,
    op.DIV: lambda a, b: a // b if b else 0,
    op.MOD: lambda a, b: a % b if b else 0,
    op.LT: lambda a, b: int(a < b),
    op.GT: lambda a, b: int(a > b),
    op.SLT: lambda a, b: int(to_signed(a) < to_signed(b)),
    op.SGT: lambda a, b: int(to_signed(a) > to_signed(b)),
    op.EQ: lambda a, b: int(a == b),
    op.ISZERO: lambda a: int(a == 0),
    op.AND: lambda a, b: a & b,
    op.OR: lambda a, b: a | b,
    op.XOR: lambda a, b: a ^ b,
    op.NOT: lambda a: WORD_MODULUS - 1 - a,
    op.SHL: lambda shift, a: (a << shift) % WORD_MODULUS if shift < 256 else 0,
    op.SHR: lambda shift, a: a >> shift if shift < 256 else 0,
}
"""Arithmetic of constant price, the item on top of the Stack first."""
ARITY = {number: 1 if number in (op.ISZERO, op.NOT) else 2 for number in FOLDED}


class Below(NamedTuple):
    """The item that stood so many below the top of the Stack when a run began."""

    depth: int


class Run(NamedTuple):
    """What a run of instructions does.

    Attributes:
        end: the program counter after it.
        gas: what its instructions cost.
        takes: items that it takes off the Stack, and needs there.
        room: items by which the Stack is longer than before at its longest.
        constants: the constants that it leaves.
        selection: what it puts back, as indices of the items taken, the deepest first, and the
            constants behind them; None where it takes nothing and leaves its constants.
    """

    end: int
    gas: int
    takes: int
    room: int
    constants: list[int]
    selection: tuple[int, ...] | None

    def fits(self, length: int) -> bool:
        """Whether a Stack of that length has the items and the room for it."""
        return self.takes <= length <= STACK_LIMIT - self.room

    def apply(self, values: list[Any]) -> None:
        """Do it to a Stack that it fits."""
        if self.selection is None:
            values += self.constants
        else:
            start = len(values) - self.takes
            pool = values[start:] + self.constants
            values[start:] = [pool[index] for index in self.selection]


class Code:
    """The code of a DNN contract.

    Attributes:
        raw: its bytes.
        run: the run that begins at a program counter, or None where none does; kept.
    """

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.run: Callable[[int], Run | None] = lru_cache(KEPT_RUNS)(self._run)

    def is_jump_destination(self, position: int) -> bool:
        """Whether a JUMPDEST stands there that is no data of a PUSH."""
        return (
            position < len(self.raw)
            and self.raw[position] == op.JUMPDEST
            and self.is_instruction(position)
        )

    def is_instruction(self, position: int) -> bool:
        """Whether the byte there, which must exist, is no data of a PUSH."""
        return bool(self._starts[position])

    @cached_property
    def _starts(self) -> bytearray:
        """For each byte, 1 if an instruction starts there."""
        starts, position = bytearray(len(self.raw)), 0
        while position < len(self.raw):
            starts[position] = 1
            position += 1 + _data_bytes(self.raw[position])
        return starts

    def _run(self, start: int) -> Run | None:
        machine = _Machine(self, start)
        for _ in range(LONGEST_RUN):
            if not machine.step():
                break
        return machine.run() if machine.gas else None


@lru_cache(KEPT_CODES)
def decode(raw: bytes) -> Code:
    """The decoded code; that of contracts called lately is kept."""
    return Code(raw)


class _Machine:
    """Executes stack instructions on items of which some are not known."""

    def __init__(self, code: Code, pc: int) -> None:
        self.code = code
        self.pc = pc
        self.gas = 0
        self.items: list[int | Below] = []
        self.taken = 0
        self.room = 0

    def step(self) -> bool:
        """Execute one instruction; False, and nothing changed, where a run cannot have it."""
        if self.pc >= len(self.code.raw):
            return False
        opcode = self.code.raw[self.pc]
        target = self._target(opcode)
        if target is None:
            return False
        self.pc = target
        self.gas += PRICES[opcode]
        self.room = max(self.room, len(self.items) - self.taken)
        return True

    def run(self) -> Run:
        """What the instructions executed so far do together."""
        constants = [item for item in self.items if isinstance(item, int)]
        selection, following = [], self.taken
        for item in self.items:
            if isinstance(item, Below):
                selection.append(self.taken - 1 - item.depth)
            else:
                selection.append(following)
                following += 1
        only_pushes = not self.taken
        return Run(
            self.pc,
            self.gas,
            self.taken,
            self.room,
            constants,
            None if only_pushes else tuple(selection),
        )

    def _target(self, opcode: int) -> int | None:
        """Do what an instruction does to the items; the next program counter, None if it cannot."""
        following = self.pc + 1
        if op.PUSH0 <= opcode <= op.PUSH32:
            following += _data_bytes(opcode)
            data = self.code.raw[self.pc + 1 : following]
            self.items.append(int.from_bytes(data.ljust(opcode - op.PUSH0, b"\0"), "big"))
        elif op.DUP1 <= opcode <= op.DUP16:
            self._reach(opcode - op.DUP1 + 1)
            self.items.append(self.items[op.DUP1 - 1 - opcode])
        elif op.SWAP1 <= opcode <= op.SWAP16:
            depth = opcode - op.SWAP1 + 2
            self._reach(depth)
            self.items[-1], self.items[-depth] = self.items[-depth], self.items[-1]
        elif opcode == op.POP:
            self._reach(1)
            self.items.pop()
        elif opcode == op.PC:
            self.items.append(self.pc)
        elif opcode in (op.JUMP, op.JUMPI):
            return self._jump(opcode)
        elif opcode in FOLDED:
            return following if self._fold(opcode) else None
        elif opcode != op.JUMPDEST:
            return None
        return following

    def _reach(self, count: int) -> None:
        """See that as many items are there, taking unknown ones from below."""
        while len(self.items) < count:
            self.items.insert(0, Below(self.taken))
            self.taken += 1

    def _known(self, count: int) -> list[int]:
        """The top items, the topmost first, if they are constants, else none."""
        known = [item for item in reversed(self.items[-count:]) if isinstance(item, int)]
        return known if len(known) == count else []

    def _jump(self, opcode: int) -> int | None:
        operands = self._known(1 if opcode == op.JUMP else 2)
        if not operands:
            return None
        taken = opcode == op.JUMP or operands[1] != 0
        if taken and not self.code.is_jump_destination(operands[0]):
            return None
        del self.items[-len(operands) :]
        return operands[0] if taken else self.pc + 1

    def _fold(self, opcode: int) -> bool:
        operands = self._known(ARITY[opcode])
        if operands:
            self.items[-len(operands) :] = [FOLDED[opcode](*operands)]
        return bool(operands)


def _data_bytes(opcode: int) -> int:
    return opcode - op.PUSH0 if op.PUSH1 <= opcode <= op.PUSH32 else 0
