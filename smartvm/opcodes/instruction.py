"""Instruction and Operand: what one row of the instruction table says.

Everything that knows the instructions is derived from these rows: the py-evm table, the
assembler, the disassembler, `smartvm opcodes`, the documentation and the gas benchmarks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any


class Kind(Enum):
    """How an operand's word is read."""

    NUMBER = "number"  # an unsigned 256-bit number
    SIGNED = "signed"  # a signed 256-bit number
    FIELDS = "fields"  # up to four named unsigned 64-bit fields, f0 first
    SIGNED_FIELDS = "signed fields"  # the same of signed 64-bit fields
    SPATIAL = "spatial"  # one length for all axes, or height x width [x depth]
    PADDING = "padding"  # one length for all sides, or before:after an axis
    ADDRESS = "address"  # a block number, a map or a Memory offset, with rows and columns


@dataclass(frozen=True)
class Operand:
    """One stack item of an instruction.

    Attributes:
        name: its name in assembly and in errors.
        kind: how the word is read.
        fields: for FIELDS and SIGNED_FIELDS the names of f0, f1, …, "" for one without use; for
            other kinds empty. In assembly each field is an argument of its own.
        optional: whether it may be left out in assembly, which pushes zero (its default).
        summary: what it means, with its default.
    """

    name: str
    kind: Kind
    summary: str
    fields: tuple[str, ...] = ()
    optional: bool = False


@dataclass(frozen=True)
class Instruction:
    """One row of the table.

    Attributes:
        opcode: its number, 0x21–0x3a for the paper's and 0xc0–0xcf for extensions.
        mnemonic: its name.
        family: the heading it stands under in the documentation.
        operands: the stack items that it takes, the first on top of the Stack.
        maps: feature maps that must be on the Buffer.
        pushes: stack items that it leaves; None where an operand decides.
        writes_state: whether a static call forbids it.
        logic: the function; it is called with the frame once the Stack holds the operands and
            the Buffer the maps.
        summary: one line for people.
        gas: the formula for people, in the terms of docs/gas.md.
        follow: for an instruction that only replaces the top map, so that it can be computed
            with a product before it: the function that says what it will do, as a `Follower`,
            given the length of that map and the operands; it returns None where it does more.
        reads: the function that says which tensors it reads, given the operands: (place, items)
            of each, as far as operands tell. Those in Storage are fetched ahead.
    """

    opcode: int
    mnemonic: str
    family: str
    operands: tuple[Operand, ...]
    logic: Callable[[Any], None]
    summary: str
    gas: str
    maps: int = 1
    pushes: int | None = 0
    writes_state: bool = False
    follow: Callable[..., Any] | None = None
    reads: Callable[..., Any] | None = None
