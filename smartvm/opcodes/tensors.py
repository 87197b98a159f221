"""Reading operand tensors: weight blocks, feature maps and Memory, each paid for before it is used.

Blocks are charged one by one in block order (the access, the bytes, then the block's share of
the work), so that the total does not depend on how fetching and computing overlap.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from smartvm import gas
from smartvm.dispatch.packing import unpack_items
from smartvm.dispatch.tensor import Tensor
from smartvm.exceptions import BlockMissing, ShapeError
from smartvm.opcodes.ahead import ahead
from smartvm.opcodes.frame import Frame
from smartvm.storage import Block, gather
from smartvm.words import Address, Space

MOST_BLOCKS_AHEAD = 8
"""Most blocks of a tensor that is asked for before it is paid."""


class Operand(NamedTuple):
    """A tensor with the limbs at which its work is priced."""

    tensor: Tensor
    limbs: int


def buy(
    frame: Frame, place: Address, operand: str, items: int, uses: int = 0, limbs_x: int = 1
) -> Operand:
    """The tensor of exactly `items` items at `place`, paid for.

    Args:
        frame: whose blocks, maps and Memory are read, and which pays.
        place: where it lies.
        operand: its name, for errors.
        items: how many items it has.
        uses: how often each item is multiplied by the map's, 0 where it is not.
        limbs_x: limbs of the map's items.

    Raises:
        BlockMissing: the blocks end before `items` items.
        ShapeError: the map has another length.
    """
    if place.space is Space.STORAGE:
        return _buy_blocks(frame, place.base, operand, items, uses, limbs_x)
    if place.space is Space.BUFFER:
        tensor = _map(frame, place.base, operand, items)
    else:
        tensor = _buy_memory(frame, place.base, items)
    frame.consume_gas(gas.multiply_accumulate(uses * items, limbs_x, tensor.limbs), operand)
    return Operand(tensor, tensor.limbs)


def _map(frame: Frame, depth: int, operand: str, items: int) -> Tensor:
    tensor = frame.buffer.peek(depth, operand)
    if len(tensor) != items:
        raise ShapeError(operand, f"a map of {items} items", len(tensor))
    return tensor


def _buy_memory(frame: Frame, offset: int, items: int) -> Tensor:
    size = 32 * items
    frame.consume_gas(gas.memory_copy(size) + gas.elementwise(items, 16), "tensor in Memory")
    frame.extend_memory(offset, size)
    return unpack_items(frame.memory_read_bytes(offset, size), 32, "big")


def _buy_blocks(
    frame: Frame, base: int, operand: str, items: int, uses: int, limbs_x: int
) -> Operand:
    bought = _buy_range(frame, base, operand, items, uses, limbs_x)
    if bought is not None:
        return bought
    blocks: list[Block] = []
    missing, widest = items, 1
    while missing > 0:
        block = _buy_block(frame, base + len(blocks), operand, None if blocks else items)
        limbs, used = block.limbs, min(missing, len(block))
        frame.consume_gas(gas.multiply_accumulate(uses * used, limbs_x, limbs), operand)
        blocks.append(block)
        missing, widest = missing - used, max(widest, limbs)
    tensor = gather(blocks, items)
    frame.state.blocks.keep_range(frame.msg.storage_address, base, blocks, tensor)
    return Operand(tensor, widest)


def _buy_range(
    frame: Frame, base: int, operand: str, items: int, uses: int, limbs_x: int
) -> Operand | None:
    """The tensor if it is resident, its blocks paid for in one; None leaves it to `_buy_block`.

    That also decides where the gas ends, if it does not suffice.
    """
    owner, remaining = frame.msg.storage_address, frame.get_gas_remaining()
    if remaining < gas.BLOCK_READ_COLD:  # what it does not suffice for is not even looked for
        return None
    blocks = frame.state.blocks
    found = blocks.find_range(owner, base, items)
    if found is None:
        return None
    held, tensor, cold = found
    price = len(cold) * gas.block_access(True)
    price += (len(held.keys) - len(cold)) * gas.block_access(False)
    price += held.read_gas + held.work(uses, limbs_x)
    if price > remaining:
        return None
    frame.consume_gas(price, operand)
    blocks.touch_range(owner, held, cold)
    return Operand(tensor, held.limbs)


def _buy_block(frame: Frame, number: int, operand: str, items: int | None) -> Block:
    """A block, paid for; where `items` is given, a tensor of so many items begins with it."""
    owner = frame.msg.storage_address
    warm = frame.state.mark_block_warm(owner, number)
    frame.consume_gas(gas.block_access(not warm), operand)
    look = None if items is None else partial(ahead, frame, number, items)
    block: Block | None = frame.state.get_block(owner, number, look)
    if block is None:
        raise BlockMissing(operand, f"block {number}", "no such block")
    frame.consume_gas(gas.block_read(block.unpacked_bytes), operand)
    return block


def resident_tensor(frame: Frame, base: int, items: int) -> Tensor | None:
    """The tensor of `items` items in the blocks from `base` on, if nothing need be read for it.

    It is the very one that `buy` gives later, unless the blocks are written or dropped until then.

    Raises:
        BlockMalformed: what has been written as a block is none.
    """
    tensor: Tensor | None = frame.state.blocks.peek_range(frame.msg.storage_address, base, items)
    if tensor is not None:
        return tensor
    blocks: list[Block] = []
    missing = items
    while missing > 0:
        number = base + len(blocks)
        block = frame.state.peek_block(frame.msg.storage_address, number)
        if block is None or len(blocks) == MOST_BLOCKS_AHEAD:
            return None
        blocks.append(block)
        missing -= len(block)
    return gather(blocks, items)
