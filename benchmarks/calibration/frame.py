"""Instructions in a prepared frame: what they cost in gas and in CPU time.

The frame has paid for any Buffer and any Memory beforehand, so that growth costs nothing. That is
the worst case: someone who pays for the peak once and uses it many times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from eth.abc import MessageAPI
from eth.chains.base import MiningChain
from eth.db.atomic import AtomicDB
from eth.exceptions import Halt
from eth.vm.message import Message
from harness import nanoseconds

from smartvm import SmartVM, Tensor, assemble
from smartvm.dispatch.packing import unpack_items
from smartvm.execution import CALLER, CONTRACT
from smartvm.storage import encode_block, resident
from smartvm.vm import MAGIC

GAS = 1 << 60
PAID = 1 << 62
"""Bytes of Buffer that the frame has paid for."""


@dataclass(frozen=True)
class Map:
    """Random items, the widest of them of just so many limbs; or small ones, or zeros."""

    items: int
    limbs: int = 1
    small: bool = False
    zero: bool = False

    def __str__(self) -> str:
        return f"{self.items:,} × {self.limbs} limbs"


@dataclass(frozen=True)
class Blocks:
    """Weight blocks of random items, `count` of them from number 1 on."""

    count: int
    items: int
    item_bytes: int

    def __str__(self) -> str:
        return f"{self.count:,} blocks of {self.items:,} × {self.item_bytes} bytes"


@dataclass(frozen=True)
class Case:
    """A DNN instruction with its operands, as assembly, and what it finds.

    Attributes:
        text: one line of assembly.
        maps: the Buffer, the top map last.
        memory: bytes of Memory.
        blocks: weight blocks of the contract.
        warm: whether the transaction has touched them before.
        resident: whether the node's cache holds them.
    """

    text: str
    maps: tuple[Map | Tensor, ...] = ()
    memory: int = 0
    blocks: Blocks | None = None
    warm: bool = False
    resident: bool = False

    @property
    def mnemonic(self) -> str:
        """The instruction."""
        return self.text.partition(" ")[0]

    def __str__(self) -> str:
        found = [f"[{map_ if isinstance(map_, Map) else len(map_)}]" for map_ in self.maps]
        if self.blocks:
            found.append(f"{'warm' if self.warm else 'cold'} {self.blocks}")
        return " ".join([self.text, *found])


@dataclass(frozen=True)
class Cost:
    """Gas and CPU nanoseconds of one execution."""

    name: str
    case: str
    gas: float
    nanoseconds: float

    @property
    def per_gas(self) -> float:
        """Nanoseconds for one gas."""
        return self.nanoseconds / self.gas


def measure(case: Case, runs: int) -> Cost:
    """The median of some executions of a DNN instruction."""
    return Cost(case.mnemonic, str(case), *cost_of(preparation(case), runs))


def cost_of(prepare: Callable[[], Any], runs: int) -> tuple[int, float]:
    """Gas, and the median nanoseconds, of the code of frames; a first run is not counted."""
    frame = prepare()
    before = frame.get_gas_remaining()
    interpret(frame)
    return before - frame.get_gas_remaining(), nanoseconds(interpret, prepare, runs)


def interpret(frame: Any) -> None:
    """The interpreter's loop (`BaseComputation.apply_computation`), to the end of the code."""
    lookup = frame.opcodes
    try:
        for opcode in frame.code:
            lookup[opcode](computation=frame)
    except Halt:
        pass


def new_frame(state: Any, code: bytes, stack: Sequence[int], memory: int = 0) -> Any:
    """A frame with words on its Stack, the last on top, as PUSH leaves them, and with Memory."""
    context = state.get_transaction_context_class()(gas_price=0, origin=CALLER)
    frame = state.computation_class(state, _message(code), context)
    frame.extend_memory(0, memory)
    for word in stack:
        frame.stack_push_bytes(word.to_bytes(max(1, -(-word.bit_length() // 8)), "big"))
    return frame


def _message(code: bytes) -> MessageAPI:
    data = bytes(range(1, 65))
    return Message(gas=GAS, to=CONTRACT, sender=CALLER, value=0, data=data, code=code)


def preparation(case: Case, paid: int | None = PAID) -> Callable[[], Any]:
    """A function that makes a new frame, ready to execute the case.

    It has paid for so many bytes of Buffer; None is what its maps take.
    """
    words, opcode = _operands(assemble(case.text))
    tensors = [_random(map_) if isinstance(map_, Map) else map_ for map_ in case.maps]
    open_state = states(case.blocks)

    def prepare() -> Any:
        if case.blocks and not case.resident:
            resident.clear()
        state = open_state()
        frame = new_frame(state, MAGIC + bytes([opcode]), words, case.memory)
        for tensor in tensors:
            frame.buffer.push(tensor)
        frame.buffer.paid = frame.buffer.nbytes if paid is None else paid
        if case.blocks and case.warm:
            for number in range(1, case.blocks.count + 1):
                state.mark_block_warm(CONTRACT, number)
        return frame

    return prepare


def _operands(code: bytes) -> tuple[list[int], int]:
    """The words that the code pushes, and the opcode behind them."""
    words, position = [], len(MAGIC)
    while 0x5F <= code[position] <= 0x7F:
        end = position + 1 + code[position] - 0x5F
        words.append(int.from_bytes(code[position + 1 : end], "big"))
        position = end
    return words, code[position]


@lru_cache(maxsize=16)
def _random(map_: Map) -> Tensor:
    if map_.zero:
        return Tensor.zeros(map_.items)
    random = np.random.default_rng(map_.items)
    words = random.integers(0, 1 << 16, (map_.items, 16), dtype=np.uint16)
    words[0, map_.limbs - 1] = 0x7FFF  # an item that needs them all
    if map_.small:
        words[:, 0] &= 0x7F
    words[:, map_.limbs :] = ((words[:, map_.limbs - 1] >> 15) * 0xFFFF).astype(np.uint16)[:, None]
    return Tensor.from_wide(words)


@lru_cache(maxsize=4)
def states(blocks: Blocks | None = None) -> Callable[[], Any]:
    """A function that gives a new state, in whose trie the contract has the blocks."""
    chain_class = MiningChain.configure("Chain", vm_configuration=((0, SmartVM),), chain_id=1)
    chain = chain_class.from_genesis(AtomicDB(), {"gas_limit": 1 << 60, "timestamp": 1}, {})
    vm = chain.get_vm()
    for number, value in _encoded(blocks) if blocks else ():
        vm.state.set_block(CONTRACT, number, value)
    vm.state.persist()
    header = vm.get_header().copy(state_root=vm.state.state_root)
    return lambda: SmartVM.build_state(chain.chaindb.db, header, vm.chain_context)


def _encoded(blocks: Blocks) -> Iterator[tuple[int, bytes]]:
    random = np.random.default_rng(blocks.items)
    for number in range(1, blocks.count + 1):
        packed = random.bytes(blocks.items * blocks.item_bytes)
        items = unpack_items(packed, blocks.item_bytes, "little")
        yield number, encode_block(items, blocks.item_bytes)
