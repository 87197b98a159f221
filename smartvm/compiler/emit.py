"""Emission: a planned graph becomes bytecode and weight blocks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from smartvm.compiler.integer_graph import IntegerGraph
from smartvm.compiler.plan import Copy, Drop, Move, Plan, Run
from smartvm.compiler.program import Program
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


@dataclass(frozen=True)
class MoveCode:
    """What one move of the plan became.

    Attributes:
        move: the copy, release or operation.
        start: offset of its first byte in the code, the magic not counted.
        stop: offset behind its last byte.
    """

    move: Move
    start: int
    stop: int


@dataclass(frozen=True)
class Emitted:
    """A graph as code and blocks.

    Attributes:
        program: expects the inputs on the Buffer, the first the deepest; leaves the outputs.
        blocks: by number.
        tensors: number of the first block of each constant.
        code: where each move stands.
    """

    program: Program
    blocks: dict[int, WeightBlock]
    tensors: dict[str, int]
    code: tuple[MoveCode, ...]


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
    program = Program()
    magic = offset = len(program.bytecode())
    code = []
    for move in plan.moves:
        _emit_move(program, move, tensors)
        stop = len(program.bytecode())
        code.append(MoveCode(move, offset - magic, stop - magic))
        offset = stop
    return Emitted(program, blocks, tensors, tuple(code))


def _constants_in_order(graph: IntegerGraph, plan: Plan) -> Iterable[str]:
    """The constants that operations read, each once, in the order of their first use."""
    runs = (move.operation for move in plan.moves if isinstance(move, Run))
    return dict.fromkeys(
        name for operation in runs for name in operation.inputs if name in graph.constants
    )


def _emit_move(program: Program, move: Move, tensors: dict[str, int]) -> None:
    match move:
        case Copy(depth):
            program.op("BUF_COPY", start=depth, mode=WHOLE_MAP)
        case Drop(depth):
            program.op("BUF_FREE", size=depth, mode=WHOLE_MAP)
        case Run(operation, places):
            names = operation.addressed
            addresses = [
                place or Address(tensors[name]) for name, place in zip(names, places, strict=True)
            ]
            operation.emit(program, addresses)


def cut(
    constants: Iterable[tuple[str, np.ndarray]], first_block: int, block_bytes: int
) -> tuple[dict[int, WeightBlock], dict[str, int]]:
    """Cut tensors into consecutive blocks; give the blocks, and the first block of each tensor."""
    blocks: dict[int, WeightBlock] = {}
    tensors: dict[str, int] = {}
    number = first_block
    for name, array in constants:
        tensors[name] = number
        items = array.reshape(-1)
        item_bytes = bytes_for(int(items.min()), int(items.max()))
        length = max(block_bytes // item_bytes, 1)
        for start in range(0, len(items), length):
            blocks[number] = WeightBlock(items[start : start + length], item_bytes)
            number += 1
    return blocks, tensors
