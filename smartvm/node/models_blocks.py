"""The weight blocks of a model contract: which there are, what each holds, which are missing."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from itertools import count
from typing import Any, NamedTuple, TypeVar

import numpy as np
from eth_utils import keccak

from smartvm.compiler.contract import names_model
from smartvm.storage import Block

MOST_BLOCKS = 1 << 16
"""Blocks of one model that are looked for."""

T = TypeVar("T")


class Kept(OrderedDict[Hashable, T]):
    """What was worked out once, so many entries at most; the oldest goes first."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def get_or_make(self, key: Hashable, make: Callable[[], T]) -> T:
        """What is kept under a key, made now if it is not."""
        try:
            return self[key]
        except KeyError:
            made = self[key] = make()
        if len(self) > self._most:
            self.popitem(last=False)
        return made


class StoredBlock(NamedTuple):
    """A weight block of a model.

    Attributes:
        number: under which it is stored.
        items: how many it holds.
        item_bytes: bytes of each.
        digest: keccak256 of the items as `setBlock` takes them, as in the model hash.
    """

    number: int
    items: int
    item_bytes: int
    digest: bytes

    @property
    def nbytes(self) -> int:
        """Bytes of its items."""
        return self.items * self.item_bytes


class BlockMap(NamedTuple):
    """The weight blocks that a model has in storage.

    Attributes:
        blocks: in the order of their numbers.
        missing: first blocks of tensors of which storage has none.
        tensors: the numbers of the blocks of the tensor that begins at each.
        matches: whether code and blocks are those that the model hash names.
    """

    blocks: tuple[StoredBlock, ...]
    missing: tuple[int, ...]
    tensors: dict[int, list[int]]
    matches: bool


def map_blocks(
    state: Any, address: bytes, code: bytes, model_hash: bytes, bases: set[int]
) -> BlockMap:
    """The weight blocks that a contract has in a state.

    Args:
        state: a SmartVM state.
        address: of the contract.
        code: of the contract.
        model_hash: what it says of itself.
        bases: the first blocks of its tensors; each goes on until the next, or the first gap.
    """
    blocks: dict[int, StoredBlock] = {}
    tensors: dict[int, list[int]] = {}
    for base in sorted(bases):
        numbers = tensors[base] = []
        for number in count(base):
            if (number != base and number in bases) or len(blocks) >= MOST_BLOCKS:
                break
            stored = _stored(state, address, number)
            if stored is None:
                break
            blocks[number] = stored
            numbers.append(number)
    missing = tuple(base for base, numbers in tensors.items() if not numbers)
    matches = names_model(model_hash, code, blocks)
    return BlockMap(tuple(blocks.values()), missing, tensors, matches)


def _stored(state: Any, address: bytes, number: int) -> StoredBlock | None:
    block = state.get_block(address, number)
    if block is None:
        return None
    digest = _digests.get_or_make(block.content, lambda: _digest(block))
    return StoredBlock(number, len(block), block.item_bytes, digest)


def _digest(block: Block) -> bytes:
    """`WeightBlock.digest`, without unpacking the items, of which there may be millions."""
    items = np.frombuffer(block.packed, np.uint8).reshape(-1, block.item_bytes)
    return bytes(keccak(items[:, ::-1].tobytes()))


_digests: Kept[bytes] = Kept(1 << 16)
