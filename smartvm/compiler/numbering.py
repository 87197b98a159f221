"""Which number every mnemonic has: in a DNN contract, and in an ordinary one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from inspect import unwrap
from typing import Any

from eth.vm.forks.prague.opcodes import PRAGUE_OPCODES

from smartvm.opcodes import InstructionSet, dnn_table

INVALID = 0xFE
"""The designated invalid instruction (EIP-141), which py-evm's table leaves out."""
JUMPDEST = 0x5B
PUSH0 = 0x5F
PUSH32 = 0x7F

ALIASES = {"SHA3": "KECCAK256", "DIFFICULTY": "PREVRANDAO", "SUICIDE": "SELFDESTRUCT"}
"""Former names with the present ones; the assembler accepts both, the disassembler prints those."""


@dataclass(frozen=True)
class Numbering:
    """The mnemonic of every number that one kind of contract defines, and the reverse."""

    by_opcode: dict[int, str]
    by_mnemonic: dict[str, int]

    @classmethod
    @lru_cache(maxsize=8)
    def of(cls, dnn: bool, instructions: InstructionSet) -> Numbering:
        """The numbering of DNN contracts (`dnn`) or of all others, from the tables that run."""
        table: Mapping[int, Any] = PRAGUE_OPCODES
        if dnn:
            table = dnn_table(PRAGUE_OPCODES, instructions)
        names = {number: str(unwrap(logic).mnemonic) for number, logic in table.items()}
        names = {number: ALIASES.get(name, name) for number, name in sorted(names.items())}
        names[INVALID] = "INVALID"
        return cls(names, {name: number for number, name in names.items()})


def push_bytes(opcode: int) -> int:
    """Bytes of immediate data that follow an opcode: 1 to 32 after PUSH1 to PUSH32, else 0."""
    return max(opcode - PUSH0, 0) if opcode <= PUSH32 else 0


def shortest_push(word: int) -> bytes:
    """The shortest instruction that pushes an unsigned 256-bit word; PUSH0 for zero."""
    length = -(-word.bit_length() // 8)
    return bytes([PUSH0 + length]) + word.to_bytes(length, "big")
