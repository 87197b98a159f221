"""Traces: every step of every frame, recorded without touching py-evm's loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import unwrap
from time import perf_counter
from typing import Any

from eth.vm.logic.invalid import InvalidOpcode
from eth_utils import big_endian_to_int


@dataclass(frozen=True)
class Step:
    """One executed instruction.

    Attributes:
        depth: of the call, 0 the outermost.
        pc: program counter of the instruction.
        opcode: its number.
        mnemonic: its name.
        gas: gas left before it.
        gas_cost: gas that it took, sub-calls included.
        stack: the Stack before it, the top last.
        buffer_bytes: size of the Buffer after it, in bytes.
        buffer_maps: lengths of the maps after it, the top last.
        top_bounds: least and greatest item of the top map after it, or None where there is none.
        seconds: how long it ran, sub-calls included.
        error: the error that it raised, or None.
    """

    depth: int
    pc: int
    opcode: int
    mnemonic: str
    gas: int
    gas_cost: int
    stack: tuple[int, ...]
    buffer_bytes: int
    buffer_maps: tuple[int, ...]
    top_bounds: tuple[int, int] | None
    seconds: float
    error: Exception | None


class Tracer:
    """Collects the steps and keeps the outermost frame for inspection."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.frame: Any = None

    def enter(self, computation: Any) -> None:
        """Note a new frame."""
        if computation.msg.depth == 0:
            self.frame = computation


class TracedOpcodes:
    """An opcode table that records each opcode it hands out while that runs."""

    def __init__(self, opcodes: Mapping[int, Any], tracer: Tracer) -> None:
        self._opcodes = opcodes
        self._tracer = tracer

    def __getitem__(self, opcode: int) -> Callable[..., None]:
        logic = self._opcodes.get(opcode) or InvalidOpcode(opcode)

        def traced(computation: Any) -> None:
            self._run(opcode, logic, computation)

        return traced

    def _run(self, opcode: int, logic: Any, computation: Any) -> None:
        pc = _position(computation.code, opcode)
        before = computation.get_gas_remaining()
        stack = tuple(map(_to_int, computation._stack.values))
        error: Exception | None = None
        start = perf_counter()
        try:
            logic(computation=computation)
        except Exception as raised:
            error = raised
            raise
        finally:
            seconds = perf_counter() - start
            buffer = getattr(computation, "buffer", None)
            self._tracer.steps.append(
                Step(
                    depth=computation.msg.depth,
                    pc=pc,
                    opcode=opcode,
                    mnemonic=unwrap(logic).mnemonic,  # py-evm wraps SELFDESTRUCT in a function
                    gas=before,
                    gas_cost=before - computation.get_gas_remaining(),
                    stack=stack,
                    buffer_bytes=buffer.nbytes if buffer else 0,
                    buffer_maps=tuple(map(len, buffer.maps)) if buffer else (),
                    top_bounds=buffer.top.bounds if buffer else None,
                    seconds=seconds,
                    error=error,
                )
            )


def _to_int(item: int | bytes) -> int:
    return item if isinstance(item, int) else big_endian_to_int(item)


def _position(code: Any, opcode: int) -> int:
    """Where the instruction stands; the STOP that ends every code stands behind its last byte."""
    pc: int = min(code.program_counter - 1, len(code))
    return pc if pc < 0 or pc == len(code) or code[pc] == opcode else pc + 1
