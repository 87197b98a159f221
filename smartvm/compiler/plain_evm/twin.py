"""Runs the plain-EVM contract of a network on the stock VM of py-evm, in a throwaway state."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter

from eth.abc import GasMeterAPI, MessageAPI, StateAPI, TransactionContextAPI
from eth.chains.base import MiningChain
from eth.db.atomic import AtomicDB
from eth.vm.code_stream import CodeStream
from eth.vm.forks.prague import PragueVM
from eth.vm.forks.prague.computation import PragueComputation
from eth.vm.message import Message
from eth_typing import Address

from smartvm.compiler.integer_graph import IntegerGraph
from smartvm.compiler.plain_evm.generator import PlainContract, generate, storage_slots
from smartvm.compiler.plain_evm.graph_layers import layers_of
from smartvm.compiler.plain_evm.layers import WORD
from smartvm.words import to_signed, to_unsigned

ADDRESS = Address(b"\x7e" * 20)
GAS_LIMIT = 1 << 62
"""Far more than any block holds: the gas of the twin is to be measured, not limited."""


@dataclass(frozen=True)
class LayerCost:
    """What one layer took: instructions executed, gas, and seconds on this machine."""

    name: str
    executed_instructions: int
    gas_used: int
    seconds: float


@dataclass(frozen=True)
class TwinResult:
    """The output map as signed integers, and what the run took.

    `gas_used` is the gas of the frame, all slots cold at first, without the intrinsic gas of a
    transaction. The totals count the loading of the input and the return of the output as well,
    so that they exceed the sums over `layers`.
    """

    output: list[int]
    gas_used: int
    executed_instructions: int
    layers: tuple[LayerCost, ...]


def run_twin(
    graph: IntegerGraph,
    input_ints: Sequence[int],
    on_layer: Callable[[LayerCost], None] | None = None,
) -> TwinResult:
    """Run the plain-EVM contract of a network once.

    Args:
        graph: the network; its weights are put into the slots of `storage_slots`.
        input_ints: the input map, row-major.
        on_layer: called with the cost of each layer as soon as it is done.

    Raises:
        VMError: the frame failed; Revert where the input has another length.
        SmartVMError: the graph has no twin.
    """
    contract = generate(graph)
    marks = _Marks(graph, on_layer)
    state = _state_with(storage_slots(graph))
    computation = _observed(contract, marks).apply_computation(
        state,
        _message(contract.code, b"".join(_word(value) for value in input_ints)),
        state.get_transaction_context_class()(gas_price=0, origin=ADDRESS),
    )
    computation.raise_if_error()
    return TwinResult(
        output=_signed_words(computation.output),
        gas_used=computation.get_gas_used(),
        executed_instructions=marks.executed_instructions,
        layers=tuple(marks.layers),
    )


class _Marks:
    """Counts instructions, and takes the cost of each layer where the next one begins."""

    def __init__(self, graph: IntegerGraph, on_layer: Callable[[LayerCost], None] | None) -> None:
        self.layers: list[LayerCost] = []
        self.executed_instructions = 0
        self._names = [layer.name for layer in layers_of(graph)]
        self._on_layer = on_layer
        self._last: tuple[int, int, float] | None = None

    def reached(self, gas_remaining: int) -> None:
        """A layer begins here, or the last one ends."""
        now = (self.executed_instructions, gas_remaining, perf_counter())
        if self._last is not None:
            count, gas, seconds = self._last
            name = self._names[len(self.layers)]
            cost = LayerCost(name, now[0] - count, gas - now[1], now[2] - seconds)
            self.layers.append(cost)
            if self._on_layer:
                self._on_layer(cost)
        self._last = now


class _ObservedCode(CodeStream):
    """The stock code stream, which tells the marks of every instruction that it hands out."""

    def __init__(self, contract: PlainContract, marks: _Marks, gas_meter: GasMeterAPI) -> None:
        super().__init__(contract.code)
        self._offsets = iter(contract.layer_offsets)
        self._marks = marks
        self._gas_meter = gas_meter

    def __iter__(self) -> Iterator[int]:
        marks, boundary = self._marks, next(self._offsets)
        for opcode in super().__iter__():
            if self.program_counter - 1 == boundary:  # the counter is one opcode ahead
                marks.reached(self._gas_meter.gas_remaining)
                boundary = next(self._offsets, -1)
            marks.executed_instructions += 1
            yield opcode


def _observed(contract: PlainContract, marks: _Marks) -> type[PragueComputation]:
    """The stock computation over an observed code stream."""

    class ObservedComputation(PragueComputation):
        def __init__(
            self,
            state: StateAPI,
            message: MessageAPI,
            transaction_context: TransactionContextAPI,
        ) -> None:
            super().__init__(state, message, transaction_context)
            self.code = _ObservedCode(contract, marks, self.get_gas_meter())

    return ObservedComputation


def _state_with(slots: dict[int, int]) -> StateAPI:
    """A state of the stock VM whose one contract has these slots."""
    chain_class = MiningChain.configure(
        __name__="StockChain", vm_configuration=((0, PragueVM),), chain_id=1
    )
    chain = chain_class.from_genesis(AtomicDB(), {"gas_limit": GAS_LIMIT, "timestamp": 1}, {})
    state = chain.get_vm().state
    for slot, word in slots.items():
        state.set_storage(ADDRESS, slot, word)
    return state


def _message(code: bytes, calldata: bytes) -> Message:
    return Message(gas=GAS_LIMIT, to=ADDRESS, sender=ADDRESS, value=0, data=calldata, code=code)


def _word(value: int) -> bytes:
    return to_unsigned(value).to_bytes(WORD, "big")


def _signed_words(data: bytes) -> list[int]:
    words = (data[i : i + WORD] for i in range(0, len(data), WORD))
    return [to_signed(int.from_bytes(word, "big")) for word in words]
