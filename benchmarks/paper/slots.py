"""A contract with one weight a slot, as contracts have them without weight blocks."""

from __future__ import annotations

from collections.abc import Sequence

from eth.vm.forks.prague import PragueVM

from smartvm.chain import Chain
from smartvm.compiler.abi import encode_call, selector
from smartvm.compiler.program import Program, init_code
from smartvm.words import to_signed, to_unsigned

WORD = 32
GET = "get(uint256)"
SELECTOR_BYTES, SELECTOR_SHIFT = 4, 224
BATCH = 1_000
"""Slots that one transaction writes."""
SLOT_GAS, BASE_GAS = 25_000, 1_000_000


class SlotContract:
    """A stock contract on a chain of py-evm, `values` in its slots from 0 on.

    Attributes:
        chain: the chain.
        address: of the contract.
    """

    def __init__(self, values: Sequence[int]) -> None:
        self.chain = Chain(vm=PragueVM)
        address = self.chain.deploy(init_code(runtime())).contract
        assert address is not None
        self.address = address
        for first in range(0, len(values), BATCH):
            self._write(first, values[first : first + BATCH])

    def get(self, slot: int) -> int:
        """The value of a slot, by an eth_call of `get`."""
        return to_signed(
            int.from_bytes(self.chain.call(self.address, encode_call(GET, slot)), "big")
        )

    def _write(self, first: int, values: Sequence[int]) -> None:
        words = (first, *map(to_unsigned, values))
        data = bytes(SELECTOR_BYTES) + b"".join(word.to_bytes(WORD, "big") for word in words)
        self.chain.transact(self.address, data, gas=BASE_GAS + SLOT_GAS * len(words))


def runtime() -> bytes:
    """`get(slot)` returns a slot's value; any other call writes words to the slots from `first` on.

    Calldata of the latter: four bytes, `first`, the words.
    """
    program = Program(dnn=False)
    program.push(0).op("CALLDATALOAD").push(SELECTOR_SHIFT).op("SHR")
    program.push(selector(GET)).op("EQ").jump_if("get")
    program.push(SELECTOR_BYTES).op("CALLDATALOAD").push(SELECTOR_BYTES + WORD)  # slot, offset
    _emit(program.label("next"), "DUP1 CALLDATALOAD DUP3 SSTORE")
    _emit(program.push(WORD), "ADD SWAP1")
    _emit(program.push(1), "ADD SWAP1 CALLDATASIZE DUP2 LT").jump_if("next").op("STOP")
    program.label("get").push(SELECTOR_BYTES).op("CALLDATALOAD").op("SLOAD").push(0).op("MSTORE")
    return program.push(WORD).push(0).op("RETURN").bytecode()


def _emit(program: Program, mnemonics: str) -> Program:
    for mnemonic in mnemonics.split():
        program.op(mnemonic)
    return program
