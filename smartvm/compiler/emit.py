"""Emission: a planned graph becomes bytecode and weight blocks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from eth_utils import keccak

from smartvm.compiler.integer_graph import IntegerGraph, as_tensor
from smartvm.compiler.plan import Copy, Drop, Move, Plan, Run
from smartvm.compiler.program import Program
from smartvm.dispatch.packing import pack_items
from smartvm.dispatch.tensor import Tensor
from smartvm.vm import MAGIC
from smartvm.words import Address, bytes_for

BLOCK_BYTES = 96 * 1024
"""Bytes of items a block by default: its upload fits a transaction of 30 million gas."""
FIRST_BLOCK = 1
WHOLE_MAP = 1
"""The mode of BUF_COPY and BUF_FREE that names a map."""


class WeightBlock(NamedTuple):
    """The content of one block: (n,) integers, of any dtype, and the bytes that each takes."""

    items: np.ndarray
    item_bytes: int

    @classmethod
    def of(cls, tensor: Tensor, item_bytes: int) -> WeightBlock:
        """The block of the items of a tensor."""
        items = np.array(tensor.to_ints(), dtype=object) if tensor.is_wide else tensor.data
        return cls(items, item_bytes)

    @property
    def tensor(self) -> Tensor:
        """The items; as one of the `blocks` of `execute` it becomes the same block."""
        return as_tensor(self.items)

    @property
    def packed(self) -> bytes:
        """The items as `setBlock` takes them: big-endian, two's complement."""
        return pack_items(self.tensor, self.item_bytes, "big")

    @property
    def digest(self) -> bytes:
        """keccak256 of `packed`, by which the model hash knows the block."""
        return bytes(keccak(self.packed))


@dataclass(frozen=True)
class MoveCode:
    """What one move of the plan became.

    Attributes:
        move: the copy, release or operation.
        program: its instructions, without jumps.
        source: the node of the model that it belongs to: of a copy that whose operation it
            prepares, of a release that which has just run; "" for none.
    """

    move: Move
    program: Program
    source: str

    @property
    def code(self) -> bytes:
        """Its bytes."""
        return self.program.bytecode()[len(MAGIC) :]


@dataclass(frozen=True)
class Emitted:
    """A graph as code and blocks.

    Attributes:
        moves: the code of each move, in order. Together they expect the inputs on the Buffer,
            the first the deepest, and leave the outputs.
        blocks: by number.
        tensors: number of the first block of each constant.
    """

    moves: tuple[MoveCode, ...]
    blocks: dict[int, WeightBlock]
    tensors: dict[str, int]

    @property
    def program(self) -> Program:
        """All moves."""
        program = Program()
        for move in self.moves:
            program.include(move.program)
        return program


def emit(
    graph: IntegerGraph,
    plan: Plan,
    *,
    first_block: int = FIRST_BLOCK,
    block_bytes: int = BLOCK_BYTES,
) -> Emitted:
    """Generate the code and the blocks of a planned graph.

    Args:
        graph: the operations and constants.
        plan: their order and the moves between them.
        first_block: number of the first block.
        block_bytes: largest size of a block, in bytes of items.
    """
    used = _constants_in_order(graph, plan)
    blocks, tensors = cut(
        ((name, graph.constants[name]) for name in used), first_block, block_bytes
    )
    moves = tuple(
        MoveCode(move, _code(move, tensors), source)
        for move, source in zip(plan.moves, _sources(plan.moves), strict=True)
    )
    return Emitted(moves, blocks, tensors)


def _sources(moves: tuple[Move, ...]) -> list[str]:
    """The node of each move."""
    sources: list[str] = []
    waiting, latest = 0, ""
    for move in moves:
        if isinstance(move, Copy) or (waiting and isinstance(move, Drop)):
            waiting += 1
            continue
        latest = move.operation.source if isinstance(move, Run) else latest
        sources += [latest] * (waiting + 1)
        waiting = 0
    return sources + [latest] * waiting


def _constants_in_order(graph: IntegerGraph, plan: Plan) -> Iterable[str]:
    """The constants that operations read, each once, in the order of their first use."""
    runs = (move.operation for move in plan.moves if isinstance(move, Run))
    return dict.fromkeys(
        name for operation in runs for name in operation.inputs if name in graph.constants
    )


def _code(move: Move, tensors: dict[str, int]) -> Program:
    program = Program()
    match move:
        case Copy(depth):
            program.op("BUF_COPY", start=depth, mode=WHOLE_MAP)
        case Drop(depth):
            program.op("BUF_FREE", size=depth, mode=WHOLE_MAP)
        case Run(operation, places):
            addresses = [
                place or Address(tensors[name])
                for name, place in zip(operation.addressed, places, strict=True)
            ]
            operation.emit(program, addresses)
    return program


def cut(
    constants: Iterable[tuple[str, np.ndarray]], first_block: int, block_bytes: int
) -> tuple[dict[int, WeightBlock], dict[str, int]]:
    """Cut tensors into consecutive blocks, each of the narrowest width that holds its items.

    Returns:
        The blocks by number, and the number of the first block of each tensor.
    """
    blocks: dict[int, WeightBlock] = {}
    tensors: dict[str, int] = {}
    number = first_block
    for name, array in constants:
        tensors[name] = number
        items = array.reshape(-1)
        length = max(block_bytes // _narrowest(items), 1)
        for start in range(0, len(items), length):
            part = items[start : start + length]
            blocks[number] = WeightBlock(part, _narrowest(part))
            number += 1
    return blocks, tensors


def _narrowest(items: np.ndarray) -> int:
    return bytes_for(int(items.min()), int(items.max()))
