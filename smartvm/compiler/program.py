"""Program: bytecode built in Python, one call an instruction.

>>> program = Program()
>>> program.op("CONV_MUL", weights=1, in_channels=1, out_channels=6, size=32, kernel=5)
>>> program.op("ACT_RL", cap=0)
>>> code = program.bytecode()
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from operator import index
from typing import SupportsIndex

from smartvm.compiler.numbering import (
    ALIASES,
    INVALID,
    JUMPDEST,
    PUSH0,
    Numbering,
    shortest_push,
)
from smartvm.compiler.operands import Value, did_you_mean, operand_words
from smartvm.compiler.syntax import NAME, arguments, format_number
from smartvm.exceptions import AssemblerError
from smartvm.opcodes.table import STANDARD, InstructionSet
from smartvm.vm import MAGIC
from smartvm.words import SIGN_BIT, WORD_MODULUS, to_unsigned

__all__ = ["Program", "init_code"]


@dataclass(frozen=True)
class _Item:
    """A piece of code and its text.

    `refers` names a target, whose offset or size the piece pushes; `label` is the target that
    the piece is.
    """

    text: str
    code: bytes
    instructions: int
    label: str | None = None
    refers: str | None = None


class Program:
    """A growing program. Every method that adds to it returns it, so that calls chain.

    Args:
        dnn: whether it is a DNN contract, which begins with the magic.
        instructions: the DNN instructions that it may use.
    """

    def __init__(self, dnn: bool = True, instructions: InstructionSet = STANDARD) -> None:
        self.dnn = dnn
        self.instructions = instructions
        self._numbering = Numbering.of(dnn, instructions)
        self._items: list[_Item] = []
        self._data: dict[str, bytes] = {}

    def op(self, mnemonic: str, **operands: Value) -> Program:
        """Add an instruction; with `operands`, the pushes of its stack items before it.

        A DNN instruction without any operand takes all of them from the Stack.

        Raises:
            AssemblerError: an unknown mnemonic or operand, or a value out of range.
        """
        opcode = self._opcode(mnemonic)
        name = self._numbering.by_opcode[opcode]
        instruction = self.instructions.by_mnemonic.get(name) if self.dnn else None
        if not operands:
            return self._add(name, bytes([opcode]), 1)
        if instruction is None:
            raise AssemblerError(f"{name} takes its operands from the Stack: push them before it")
        words = operand_words(instruction, operands)
        pushes = b"".join(shortest_push(word) for word in reversed(words))
        text = f"{name} {arguments(instruction, words)}"
        return self._add(text, pushes + bytes([opcode]), len(words) + 1)

    def _opcode(self, mnemonic: str) -> int:
        name = ALIASES.get(mnemonic, mnemonic)
        opcode = self._numbering.by_mnemonic.get(name)
        if opcode is None:
            if name in self.instructions.by_mnemonic:
                raise AssemblerError(f"{name} is an instruction of DNN contracts only")
            hint = did_you_mean(name, self._numbering.by_mnemonic)
            raise AssemblerError(f"unknown instruction {mnemonic!r}{hint}")
        if name.startswith("PUSH") and name != "PUSH0":
            raise AssemblerError(f"{name} needs a value: use push or push_bytes")
        return opcode

    def push(self, value: SupportsIndex) -> Program:
        """Push a number in [-2²⁵⁵, 2²⁵⁶) by the shortest instruction; PUSH0 for zero."""
        number = index(value)
        shown = format_number(number)
        if not -SIGN_BIT <= number < WORD_MODULUS:
            raise AssemblerError(f"expected a number of at most 256 bits, found {shown}")
        return self._add(f"PUSH {shown}", shortest_push(to_unsigned(number)), 1)

    def push_bytes(self, data: bytes) -> Program:
        """Push 1 to 32 bytes by the PUSH of just that width."""
        if not 1 <= len(data) <= 32:
            raise AssemblerError(f"expected 1 to 32 bytes to push, found {len(data)}")
        code = bytes([PUSH0 + len(data)]) + data
        return self._add(f"PUSH{len(data)} 0x{data.hex()}", code, 1)

    def raw(self, code: bytes) -> Program:
        """Add bytes as they are; they are not counted as instructions."""
        return self._add(f".byte 0x{code.hex()}", code, 0)

    def label(self, name: str) -> Program:
        """Add a JUMPDEST of that name."""
        self._claim(name)
        self._items.append(_Item(f"{name}:", bytes([JUMPDEST]), 1, label=name))
        return self

    def push_label(self, name: str) -> Program:
        """Push the offset of a label, which may come later."""
        return self._refer(name)

    def jump(self, name: str) -> Program:
        """Jump to a label."""
        return self.push_label(name).op("JUMP")

    def jump_if(self, name: str) -> Program:
        """Jump to a label if the top of the Stack is not zero; it is popped."""
        return self.push_label(name).op("JUMPI")

    def data(self, name: str, content: bytes) -> Program:
        """Add data, which stands after all code, behind an INVALID."""
        self._claim(name)
        self._data[name] = content
        return self

    def push_offset(self, name: str) -> Program:
        """Push the offset of data within the code, for CODECOPY; it may be added later."""
        return self.push_label(name)

    def push_size(self, name: str) -> Program:
        """Push the number of bytes of data, which may be added later."""
        return self._refer(f"{name}.size")

    def include(self, other: Program) -> Program:
        """Add all of another program of the same kind: code here, data after all code."""
        if other.dnn != self.dnn:
            raise AssemblerError("a DNN program and a stock one cannot be joined")
        for name in [*other._data, *(item.label for item in other._items if item.label)]:
            self._claim(name)
        self._items += other._items
        self._data |= other._data
        return self

    @property
    def instruction_count(self) -> int:
        """Instructions in the code, pushes and JUMPDESTs counted, data not."""
        return sum(item.instructions for item in self._items)

    @property
    def targets(self) -> set[str]:
        """What can be pushed by name: labels, data (their offsets) and sizes of data."""
        return self._names | {f"{name}.size" for name in self._data}

    def bytecode(self) -> bytes:
        """The code, all offsets pushed in the same width, the shortest that fits.

        Raises:
            AssemblerError: a label or data that is referred to is missing.
        """
        targets = self.targets
        for item in self._items:
            if item.refers and item.refers not in targets:
                raise AssemblerError(missing_target(item.refers, targets))
        sizes = {f"{name}.size": len(content) for name, content in self._data.items()}
        items = [_sized(item, sizes) for item in self._items]
        for width in range(1, 33):
            offsets = self._offsets(items, width)
            if all(offsets[item.refers] < 1 << 8 * width for item in items if item.refers):
                break
        code = b"".join(_located(item, offsets, width) for item in items)
        return self._magic + code + self._guard + b"".join(self._data.values())

    @property
    def _names(self) -> set[str]:
        return set(self._data) | {item.label for item in self._items if item.label}

    @property
    def _magic(self) -> bytes:
        return MAGIC if self.dnn else b""

    @property
    def _guard(self) -> bytes:
        return bytes([INVALID]) if self._data else b""

    def _offsets(self, items: list[_Item], width: int) -> dict[str, int]:
        offsets: dict[str, int] = {}
        position = len(self._magic)
        for item in items:
            if item.label:
                offsets[item.label] = position
            position += 1 + width if item.refers else len(item.code)
        position += len(self._guard)
        for name, content in self._data.items():
            offsets[name] = position
            position += len(content)
        return offsets

    def _refer(self, target: str) -> Program:
        self._items.append(_Item(f"PUSH @{target}", b"", 1, refers=target))
        return self

    def _add(self, text: str, code: bytes, instructions: int) -> Program:
        self._items.append(_Item(text, code, instructions))
        return self

    def _claim(self, name: str) -> None:
        if not NAME.fullmatch(name):
            raise AssemblerError(f"expected a name of letters, digits and _, found {name!r}")
        if name in self._names:
            raise AssemblerError(f"the name {name!r} is used twice")

    def text(self) -> str:
        """The assembly text that `assemble` turns into the same bytecode."""
        lines = [".dnn" if self.dnn else ".stock"]
        lines += [item.text if item.label else f"    {item.text}" for item in self._items]
        lines += [f".data {name} 0x{content.hex()}" for name, content in self._data.items()]
        return "\n".join(lines) + "\n"


def _sized(item: _Item, sizes: dict[str, int]) -> _Item:
    """The item with its code, if that depends on the size of data and not on offsets."""
    if item.refers not in sizes:
        return item
    return replace(item, code=shortest_push(sizes[item.refers]), refers=None)


def _located(item: _Item, offsets: dict[str, int], width: int) -> bytes:
    if item.refers is None:
        return item.code
    return bytes([PUSH0 + width]) + offsets[item.refers].to_bytes(width, "big")


def missing_target(name: str, targets: set[str]) -> str:
    """The message for a reference to a label or data that does not exist."""
    return f"no label or data is called {name!r}{did_you_mean(name, targets)}"


def init_code(runtime: bytes, *, dnn: bool = False, constructor: Program | None = None) -> bytes:
    """Code that deploys `runtime`, which may be of either kind.

    Args:
        runtime: the code of the contract.
        dnn: whether the init code is itself a DNN program.
        constructor: code to run first; it must leave the flow at its end. If it is a DNN
            program, so is the init code.
    """
    program = Program(dnn=dnn or (constructor is not None and constructor.dnn))
    if constructor is not None:
        program.include(constructor)
    program.data("runtime", runtime).push_size("runtime").op("DUP1")
    program.push_offset("runtime").push(0).op("CODECOPY").push(0).op("RETURN")
    return program.bytecode()
