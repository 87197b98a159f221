"""From rows to py-evm: the validator around each instruction, and the table of a DNN contract."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from eth.abc import OpcodeAPI
from eth.exceptions import PyEVMError

from smartvm import gas
from smartvm.exceptions import (
    DatabaseError,
    DNNError,
    KernelFailure,
    MapMissing,
    OperandsMissing,
    StaticWrite,
)
from smartvm.opcodes.instruction import Instruction
from smartvm.opcodes.table import RELOCATION, InstructionSet

logger = logging.getLogger(__name__)

STATE_CHANGES = "a call that may write"


class ValidatedInstruction:
    """An instruction as py-evm calls it: checked before it pops, and contained when it fails.

    Nothing but a PyEVMError leaves it (VMError for a halt of the frame; py-evm's own signals,
    such as a missing trie node, pass through, and so does a database that is damaged): any other
    exception is a defect, which is logged and becomes KernelFailure.
    """

    __slots__ = ("gas_cost", "logic", "maps", "mnemonic", "operands", "row", "writes_state")

    def __init__(self, row: Instruction) -> None:
        self.row = row
        self.mnemonic = row.mnemonic
        self.gas_cost = gas.BASE
        self.logic = row.logic
        self.maps = row.maps
        self.operands = len(row.operands)
        self.writes_state = row.writes_state

    def __call__(self, computation: Any) -> None:
        """Check, charge the base price and run the logic on a frame."""
        try:
            if (
                len(computation._stack.values) < self.operands
                or len(computation.buffer) < self.maps
                or (self.writes_state and computation.msg.is_static)
            ):
                self._refuse(computation)
            computation.consume_gas(self.gas_cost, self.mnemonic)
            self.logic(computation)
        except DNNError as error:
            error.instruction = error.instruction or self.mnemonic
            raise
        except (PyEVMError, DatabaseError):
            raise
        except Exception as error:
            logger.exception("%s failed", self.mnemonic)
            raise KernelFailure("kernel", "a result", repr(error), self.mnemonic) from error

    def _refuse(self, computation: Any) -> None:
        """Raise what is wrong with the frame."""
        found = len(computation._stack.values)
        if found < self.operands:
            raise OperandsMissing("Stack", f"{self.operands} items", found)
        if len(computation.buffer) < self.maps:
            raise MapMissing("Buffer", f"{self.maps} maps", len(computation.buffer))
        raise StaticWrite("Storage", STATE_CHANGES, "a static call")


def dnn_table(
    stock: Mapping[int, OpcodeAPI], instructions: InstructionSet
) -> dict[int, OpcodeAPI | ValidatedInstruction]:
    """The opcodes of a DNN contract: the stock ones, those displaced relocated, and the rows."""
    table: dict[int, OpcodeAPI | ValidatedInstruction] = dict(stock)
    for number, relocated in RELOCATION.items():
        table[relocated] = table.pop(number)
    for row in instructions.rows:
        table[row.opcode] = ValidatedInstruction(row)
    return table
