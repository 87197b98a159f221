"""MTOB, BTOM, BTOS0, BTOS1: between the Buffer and Memory, Stack and Storage (paper, Table 1)."""

from __future__ import annotations

from eth.exceptions import FullStack

from smartvm import gas
from smartvm.dispatch.packing import pack_items, unpack_items
from smartvm.dispatch.tensor import Tensor
from smartvm.exceptions import BlockTooLarge, MapMissing, OperandError
from smartvm.opcodes.frame import Frame, at_least_one, charge_growth, named_fields, up_to
from smartvm.storage import MAX_BLOCK_BYTES, encode_block
from smartvm.words import bytes_for, to_unsigned

STACK_LIMIT = 1024
WORD_BYTES = 32


def mtob(frame: Frame) -> None:
    """Push a map read from Memory."""
    # STACK
    offset, word = frame.stack_pop_ints(2)
    # SHAPE
    count, item_bytes, unsigned = named_fields(word, 3, "count")
    at_least_one(count, "count")
    item_bytes = up_to(item_bytes, WORD_BYTES, "item_bytes") or WORD_BYTES
    up_to(unsigned, 1, "unsigned")
    size = count * item_bytes
    # GAS
    limbs = min(16, (item_bytes + unsigned + 1) // 2)
    frame.consume_gas(gas.memory_copy(size) + gas.elementwise(count, limbs), "MTOB")
    frame.extend_memory(offset, size)
    charge_growth(frame, count, limbs)
    # OPERATION
    data = frame.memory_read_bytes(offset, size)
    frame.buffer.push(unpack_items(data, item_bytes, "big", signed=not unsigned))


def btom(frame: Frame) -> None:
    """Write the first items of the top map to Memory."""
    # STACK
    offset, word = frame.stack_pop_ints(2)
    # SHAPE
    count, item_bytes = named_fields(word, 2, "count")
    item_bytes = up_to(item_bytes, WORD_BYTES, "item_bytes") or WORD_BYTES
    count = up_to(count, len(frame.buffer.top), "count") or len(frame.buffer.top)
    size = count * item_bytes
    # GAS
    limbs = max(frame.buffer.top.limbs, (item_bytes + 1) // 2)
    frame.consume_gas(gas.memory_copy(size) + gas.elementwise(count, limbs), "BTOM")
    frame.extend_memory(offset, size)
    # OPERATION
    data = pack_items(_part(frame.buffer.top, 0, count), item_bytes, "big")
    frame.memory_write(offset, size, data)


def btos0(frame: Frame) -> None:
    """Push items of the top map to the Stack, the first of them on top."""
    # STACK
    first, count = frame.stack_pop_ints(2)
    # SHAPE
    first, count = _window(frame, first, count)
    # GAS
    frame.consume_gas(gas.elementwise(count, 16), "BTOS0")
    # OPERATION
    if count > STACK_LIMIT:
        raise FullStack(f"BTOS0: count: expected at most {STACK_LIMIT}, found {count}")
    for value in reversed(_part(frame.buffer.top, first, count).to_ints()):
        frame.stack_push_int(to_unsigned(value))


def btos1(frame: Frame) -> None:
    """Write items of the top map to Storage as a weight block, or delete a block."""
    # STACK
    place_word, form_word = frame.stack_pop_ints(2)
    # SHAPE
    first, number = named_fields(place_word, 2, "first")
    count, item_bytes, delete = named_fields(form_word, 3, "count")
    if up_to(delete, 1, "delete"):
        _delete(frame, number, (first, count, item_bytes))
        return
    items, item_bytes = _block_items(frame, first, count, item_bytes)
    # GAS
    limbs = max(frame.buffer.top.limbs, (item_bytes + 1) // 2)
    frame.consume_gas(gas.elementwise(len(items), limbs), "BTOS1")
    _charge_write(frame, number, len(items) * item_bytes)
    # OPERATION
    frame.state.set_block(frame.msg.storage_address, number, encode_block(items, item_bytes))


def _window(frame: Frame, first: int, count: int) -> tuple[int, int]:
    """A run of the top map's items; a count of 0 is the rest."""
    length = len(frame.buffer.top)
    up_to(first, length - 1, "first")
    return first, up_to(count, length - first, "count") or length - first


def _part(tensor: Tensor, first: int, count: int) -> Tensor:
    return tensor if count == len(tensor) else tensor[first : first + count]


def _block_items(frame: Frame, first: int, count: int, item_bytes: int) -> tuple[Tensor, int]:
    if not len(frame.buffer):
        raise MapMissing("Buffer", "a map", "none")
    first, count = _window(frame, first, count)
    items = _part(frame.buffer.top, first, count)
    item_bytes = up_to(item_bytes, WORD_BYTES, "item_bytes") or bytes_for(*items.bounds)
    if count * item_bytes > MAX_BLOCK_BYTES:
        raise BlockTooLarge("count", f"at most {MAX_BLOCK_BYTES} bytes", count * item_bytes)
    return items, item_bytes


def _delete(frame: Frame, number: int, others: tuple[int, ...]) -> None:
    if any(others):
        raise OperandError("delete", "first, count and item_bytes of 0", others)
    frame.consume_gas(gas.block_write(0, exists=True), "BTOS1")
    owner = frame.msg.storage_address
    frame.state.mark_block_warm(owner, number)
    frame.state.delete_block(owner, number)


def _charge_write(frame: Frame, number: int, size: int) -> None:
    owner = frame.msg.storage_address
    exists = frame.state.has_block(owner, number)
    frame.consume_gas(gas.block_write(size, exists), "BTOS1")
    frame.state.mark_block_warm(owner, number)
