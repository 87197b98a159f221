"""Weight blocks: the value of one leaf of the storage trie (docs/isa.md, section 7).

A value is the RLP string of a header of two bytes, version and bytes per item, and of the items,
little-endian two's complement, one after the other.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from rlp.codec import length_prefix

from smartvm.dispatch.packing import pack_items, unpack_items
from smartvm.dispatch.tensor import WIDE_BYTES, Tensor, form_bytes
from smartvm.exceptions import BlockMalformed, BlockTooLarge
from smartvm.words import LIMB_BITS

BLOCK_KEY_BYTES = 33
BLOCK_VERSION = 1
HEADER_BYTES = 2
MAX_BLOCK_BYTES = 1 << 20
"""Most bytes of items in a block."""

_KEY_PREFIX = b"\x01"
_STRING = 0x80  # what RLP adds to the length of a string


def block_key(number: int) -> bytes:
    """The key whose keccak256 is the path of a block: 33 bytes, one more than a slot's."""
    return _KEY_PREFIX + number.to_bytes(BLOCK_KEY_BYTES - 1, "big")


@dataclass(eq=False)
class Block:
    """A decoded block, never changed; its items are unpacked when they are first asked for.

    Attributes:
        item_bytes: bytes of an item, 1 to 32.
        packed: the items as stored.
        value_length: bytes of the leaf's value.
        content: equal for blocks only if their items are: the value, or where the leaf was
            found.
        memo: the memo of `items`, where backends keep what they derive from them.
    """

    item_bytes: int
    packed: memoryview
    value_length: int
    content: Hashable
    memo: dict[Any, Any] = field(default_factory=dict, repr=False)
    _items: Tensor | None = field(default=None, init=False, repr=False)

    def __len__(self) -> int:
        """How many items it holds."""
        return len(self.packed) // self.item_bytes

    @property
    def nbytes(self) -> int:
        """Bytes of the items as stored."""
        return len(self.packed)

    @cached_property
    def limbs(self) -> int:
        """16-bit limbs of an item's declared width, by which arithmetic with it is priced."""
        return -(-self.item_bytes * 8 // LIMB_BITS)

    @cached_property
    def unpacked_bytes(self) -> int:
        """Bytes of the items in the form that holds their declared width."""
        return len(self) * form_bytes(self.limbs)

    @property
    def resident_bytes(self) -> int:
        """The most memory that the block takes once unpacked, the memo left out."""
        return self.nbytes + self.unpacked_bytes

    @property
    def items(self) -> Tensor:
        """The items, kept from the first call on, and with them what backends note in `memo`."""
        items = self._items
        if items is None:
            items = unpack_items(self.packed, self.item_bytes, "little")
            items.memo = self.memo
            self._items = items
        return items

    def lie_in(self, tensor: Tensor, start: int) -> bool:
        """Keep the items where a larger tensor has them from `start` on, and no copy of them.

        Returns:
            Whether they are there in the form in which the block has them.
        """
        items = self.items
        if items.item_bytes != tensor.item_bytes or items.item_bytes != self.item_bytes:
            return False
        shared = Tensor(tensor.data[start : start + len(items)], items.bounds)
        shared.memo = self.memo
        self.packed = shared.data.view(np.uint8).reshape(-1).data
        self._items = shared
        return True


def encode_block(items: Tensor, item_bytes: int) -> bytes:
    """The leaf's value for `items`, at `item_bytes` bytes each.

    Raises:
        ItemRangeError: an item does not fit `item_bytes` bytes.
        BlockTooLarge: the items take more than `MAX_BLOCK_BYTES`.
        OperandError: a width outside 1 to 32.
        BlockMalformed: no items.
    """
    size = len(items) * item_bytes
    if size > MAX_BLOCK_BYTES:
        raise BlockTooLarge("items", f"at most {MAX_BLOCK_BYTES} bytes", size)
    if not len(items):
        raise BlockMalformed("items", "at least one item", 0)
    packed = pack_items(items, item_bytes, "little")
    prefix = length_prefix(HEADER_BYTES + size, _STRING)
    return b"".join((prefix, bytes((BLOCK_VERSION, item_bytes)), packed))


def decode_block(
    value: bytes | memoryview,
    content: Hashable | None = None,
    memo: dict[Any, Any] | None = None,
) -> Block:
    """The block of a leaf's value, of which it keeps a view.

    Args:
        value: the leaf's value; it must never change.
        content: what identifies the value, else the value itself.
        memo: the dictionary that becomes the memo of the items, else a new one.

    Raises:
        BlockMalformed: the value is no RLP string, has an unknown version or a width outside 1
            to 32, holds no whole number of items, none at all, or more than `MAX_BLOCK_BYTES`.
    """
    payload = _string(memoryview(value))
    if len(payload) <= HEADER_BYTES:
        raise BlockMalformed("block", "a header and items", f"{len(payload)} bytes")
    (version, item_bytes), packed = payload[:HEADER_BYTES], payload[HEADER_BYTES:]
    if version != BLOCK_VERSION:
        raise BlockMalformed("block version", BLOCK_VERSION, version)
    if not 1 <= item_bytes <= WIDE_BYTES:
        raise BlockMalformed("block item_bytes", f"1 to {WIDE_BYTES}", item_bytes)
    if len(packed) % item_bytes:
        expected = f"a multiple of {item_bytes} bytes of items"
        raise BlockMalformed("block", expected, f"{len(packed)} bytes")
    if len(packed) > MAX_BLOCK_BYTES:
        raise BlockMalformed("block", f"at most {MAX_BLOCK_BYTES} bytes of items", len(packed))
    key = bytes(value) if content is None else content
    return Block(item_bytes, packed, len(value), key, {} if memo is None else memo)


def _string(value: memoryview) -> memoryview:
    """The payload of a whole RLP string of more than one byte, in its only valid encoding.

    Raises:
        BlockMalformed: it is anything else.
    """
    start = 1
    if len(value) and value[0] > _STRING + 55:
        start += min(value[0] - (_STRING + 55), 8)
    payload = value[start:]
    if bytes(value[:start]) != length_prefix(len(payload), _STRING):
        raise BlockMalformed("block", "an RLP string", f"{len(value)} bytes of another form")
    return payload
