"""The instruction table: the only registry of DNN instructions.

To add an instruction:

1. Write a function of the frame with the sections STACK, SHAPE, GAS, OPERATION (any file of this
   package shows one; outside the package it may stand anywhere).
2. Write its row: number, mnemonic, operands, maps, what it pushes, whether it writes state; and
   `follow`, if it only replaces the top map and is to be computed with a product before it.
3. In the package: put the row into the table of its page (`compute_table.py`, `buffer_table.py`,
   `extension_table.py`).
   Outside: ``SmartVM.with_instructions(row)``, with a number of the extension page, 0xc0–0xcf.

The py-evm table, the assembler, the disassembler, `smartvm opcodes` and the documentation table
follow from the row.
"""

from __future__ import annotations

from collections.abc import Iterable
from inspect import unwrap

from eth.vm.forks.prague.opcodes import PRAGUE_OPCODES

from smartvm.exceptions import SmartVMError
from smartvm.opcodes.buffer_table import BUFFER
from smartvm.opcodes.compute_table import COMPUTE
from smartvm.opcodes.extension_table import EXTENSIONS
from smartvm.opcodes.instruction import Instruction

RELOCATION = {number: number + 0x80 for number in range(0x30, 0x3B)}
"""Ethereum's instructions that the paper's displace, and where they answer in a DNN contract."""
EXTENSION_PAGE = range(0xC0, 0xD0)
STOCK_MNEMONICS = frozenset(unwrap(logic).mnemonic for logic in PRAGUE_OPCODES.values())
"""Names that no DNN instruction may take."""


class InstructionSet:
    """Rows, found by number and by name. Immutable: `extended` makes a new one."""

    def __init__(self, rows: Iterable[Instruction]) -> None:
        self.rows = tuple(sorted(rows, key=lambda row: row.opcode))
        self.by_opcode: dict[int, Instruction] = {}
        self.by_mnemonic: dict[str, Instruction] = {}
        for row in self.rows:
            other = self.by_opcode.get(row.opcode) or self.by_mnemonic.get(row.mnemonic)
            if other is not None:
                raise SmartVMError(
                    f"{other.mnemonic} ({other.opcode:#x}) and {row.mnemonic} ({row.opcode:#x}) "
                    "have the same number or name"
                )
            self.by_opcode[row.opcode] = self.by_mnemonic[row.mnemonic] = row

    def extended(self, *rows: Instruction) -> InstructionSet:
        """This set with more rows.

        Raises:
            SmartVMError: a number outside the extension page, or taken already, or a name of
                Ethereum's.
        """
        for row in rows:
            if row.mnemonic in STOCK_MNEMONICS:
                raise SmartVMError(f"{row.mnemonic} is an instruction of Ethereum")
            if row.opcode not in EXTENSION_PAGE:
                raise SmartVMError(
                    f"{row.mnemonic}: an extension has a number from 0xc0 to 0xcf, "
                    f"found {row.opcode:#x}"
                )
        return InstructionSet((*self.rows, *rows))


PAPER = InstructionSet((*COMPUTE, *BUFFER))
"""The paper's 26 instructions."""
STANDARD = PAPER.extended(*EXTENSIONS)
"""What SmartVM has: the paper's instructions and the extensions that come with it."""
INSTRUCTIONS = STANDARD.rows
