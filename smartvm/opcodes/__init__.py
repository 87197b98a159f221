"""The instructions: one file a family, and `table.py`, the only registry."""

from smartvm.opcodes.dispatch import ValidatedInstruction, dnn_table
from smartvm.opcodes.instruction import Instruction, Kind, Operand
from smartvm.opcodes.table import (
    EXTENSION_PAGE,
    INSTRUCTIONS,
    PAPER,
    RELOCATION,
    STANDARD,
    InstructionSet,
)

__all__ = [
    "EXTENSION_PAGE",
    "INSTRUCTIONS",
    "PAPER",
    "RELOCATION",
    "STANDARD",
    "Instruction",
    "InstructionSet",
    "Kind",
    "Operand",
    "ValidatedInstruction",
    "dnn_table",
]
