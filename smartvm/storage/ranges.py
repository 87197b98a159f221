"""Ranges: tensors whose blocks are all resident, so that they are looked up at once.

A range says of a tensor under a storage root what looking at its blocks one by one would say. It is
kept in the resident cache under what fixes it, holds on to no items, and is of no use once these
are dropped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from eth.db.journal import REVERT_TO_WRAPPED, Journal

from smartvm import gas
from smartvm.dispatch.tensor import Tensor
from smartvm.storage.blocks import Block, block_key
from smartvm.storage.cache import Memo, resident

RANGE_BYTES = 512
"""What a block of a range is counted for in the resident cache: its keys and nodes."""


class Share(NamedTuple):
    """Blocks of a range that are alike: how many, the items used of each, and their limbs."""

    blocks: int
    items: int
    limbs: int


@dataclass(frozen=True)
class BlockRange:
    """The blocks of a tensor.

    Attributes:
        content: under which the resident cache has the tensor.
        limbs: the most that a block declares.
        read_gas: what reading them costs once they are found.
        shares: by which the work with them is priced.
        keys: of the blocks in the journal of the account's storage.
        warm_keys: of the blocks in the journal of what has been accessed.
        nodes: hashes of the trie nodes on the paths to them.
    """

    content: Hashable
    limbs: int
    read_gas: int
    shares: tuple[Share, ...]
    keys: tuple[bytes, ...]
    warm_keys: tuple[bytes, ...]
    nodes: frozenset[bytes]

    def work(self, uses: int, limbs_x: int) -> int:
        """Gas of multiplying every item `uses` times by one of `limbs_x` limbs, block by block."""
        total = 0
        if uses:
            for blocks, items, limbs in self.shares:
                total += blocks * gas.multiply_accumulate(uses * items, limbs_x, limbs)
        return total


def find_range(
    address: bytes, root: bytes, base: int, items: int
) -> tuple[BlockRange, Tensor] | None:
    """The range of `items` items from block `base` on, and its tensor, if both are resident."""
    resolved = resident.resolve(("range", address, root, base, items))
    if resolved is None:
        return None
    found, held = resolved
    return found, held.items if isinstance(held, Block) else held


def keep_range(
    address: bytes, root: bytes, base: int, blocks: Sequence[Block], tensor: Tensor
) -> None:
    """Keep what is known of a tensor gathered from the blocks of an account, if they are resident.

    Args:
        address: of the account.
        root: its storage root, in whose trie the blocks are.
        base: number of the first one.
        blocks: as many as the tensor takes items from.
        tensor: as the resident cache has gathered it.
    """
    memo = tensor.memo
    key = "range", address, root, base, len(tensor)
    if not isinstance(memo, Memo) or resident.find(key) is not None:
        return
    numbers = range(base, base + len(blocks))
    places = [resident.place(root, number) for number in numbers]
    nodes = frozenset(node for place in places if place for node in place[1].nodes)
    keys = tuple(map(block_key, numbers))
    if all(places):
        found = BlockRange(
            memo.owner,
            max(block.limbs for block in blocks),
            sum(gas.block_read(block.unpacked_bytes) for block in blocks),
            _shares(blocks, len(tensor)),
            keys,
            tuple(address + key for key in keys),
            nodes,
        )
        resident.keep(key, found, RANGE_BYTES * (1 + len(blocks)))


def mark(journal: Journal, keys: Sequence[bytes], value: bytes) -> None:
    """Note keys in py-evm's journal that it does not know, as assigning to them does."""
    before, values = next(reversed(journal._journal_data.values())), journal._current_values
    for key in keys:
        if key not in before:
            before[key] = REVERT_TO_WRAPPED
        values[key] = value


def touches(journal: Journal, keys: Sequence[bytes]) -> bool:
    """Whether a journal of changes has one of these keys, or has been cleared."""
    changes = journal._current_values
    return journal._ignore_wrapped_db or bool(changes and not changes.keys().isdisjoint(keys))


def _shares(blocks: Sequence[Block], items: int) -> tuple[Share, ...]:
    """The blocks by the items that are used of them; all but the last are used whole."""
    counts: Counter[tuple[int, int]] = Counter()
    for block in blocks:
        used = min(items, len(block))
        counts[used, block.limbs] += 1
        items -= used
    return tuple(Share(count, *alike) for alike, count in counts.items())
