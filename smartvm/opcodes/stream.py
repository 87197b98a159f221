"""RunStream: the code of a DNN contract as py-evm's loop reads it, runs left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from eth.vm.code_stream import CodeStream
from eth.vm.opcode_values import STOP

from smartvm.opcodes.decoding import Code
from smartvm.opcodes.interruption import governing_interrupt


class RunStream(CodeStream):
    """Code whose runs are executed on the way to the next instruction of another kind.

    So py-evm's loop, which is not touched, sees none of their instructions. A run that might
    fail, for want of gas or of place on the Stack, is left to the loop.
    """

    def __init__(self, code: Code, computation: Any) -> None:
        """Read `code` for a frame."""
        super().__init__(code.raw)
        self._code = code
        self._meter = computation._gas_meter
        self._values: list[Any] = computation._stack.values
        self._interrupt = governing_interrupt()

    def __iter__(self) -> Iterator[int]:
        """The opcodes to execute one by one, until a jump or the loop ends it."""
        raw, run_at, meter, values = self._raw_code_bytes, self._code.run, self._meter, self._values
        length, interrupt = len(raw), self._interrupt
        while self.program_counter < length:
            if interrupt.asked:
                interrupt.check()
            run = run_at(self.program_counter)
            if run is not None and run.gas <= meter.gas_remaining and run.fits(len(values)):
                meter.gas_remaining -= run.gas
                if run.selection is None:
                    values += run.constants
                else:
                    run.apply(values)
                self.program_counter = run.end
            else:
                self.program_counter += 1
                yield raw[self.program_counter - 1]
        yield STOP

    def is_valid_opcode(self, position: int) -> bool:
        """Whether an instruction starts there, as py-evm asks before it jumps."""
        return position < len(self) and self._code.is_instruction(position)
