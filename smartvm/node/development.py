"""evm_ methods of development chains: blocks on demand, time, snapshots."""

from __future__ import annotations

from typing import Any

from smartvm.node import params
from smartvm.node.errors import RESOURCE_NOT_FOUND, RPCError
from smartvm.node.formats import hex_number

MOST_BLOCKS = 1_000
"""Blocks that one evm_mine mines."""


class Snapshots:
    """Blocks to which the chain can be taken back, by number; the oldest goes if too many."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._last = 0
        self._blocks: dict[int, bytes] = {}

    def add(self, block_hash: bytes) -> int:
        """Remember a block; the snapshot's number."""
        self._last += 1
        self._blocks[self._last] = block_hash
        if len(self._blocks) > self._most:
            del self._blocks[min(self._blocks)]
        return self._last

    def take(self, number: int) -> bytes:
        """The block of a snapshot, which is forgotten with all later ones.

        Raises:
            RPCError: there is no such snapshot.
        """
        block_hash = self._blocks.get(number)
        if block_hash is None:
            raise RPCError(RESOURCE_NOT_FOUND, f"snapshot {number} is not there, or was used")
        self._blocks = {n: block for n, block in self._blocks.items() if n < number}
        return block_hash


def snapshot(node: Any) -> str:
    """Remember the newest block; the snapshot's number."""
    return hex_number(node.snapshots.add(node.chain.header().hash))


def revert(node: Any, number: Any) -> bool:
    """Take the chain back to a snapshot; transactions that wait are dropped."""
    node.chain.rewind(node.snapshots.take(params.quantity(number, "snapshot", 64)))
    node.pool.drop()
    node.filters.rewind(node.chain.block_number)
    return True


def mine(node: Any, options: Any = None) -> str:
    """Mine a block at a time, or as many as `blocks` says, with what waits."""
    if isinstance(options, dict):
        timestamp = options.get("timestamp")
        count = params.quantity(options.get("blocks", 1), "blocks")
    else:
        timestamp, count = options, 1
    if not 1 <= count <= MOST_BLOCKS:
        params.refuse("blocks", f"a number from 1 to {MOST_BLOCKS}", count)
    if timestamp is not None:
        node.pool.set_next_timestamp(params.quantity(timestamp, "timestamp", 64))
    for _ in range(count):
        node.mine()
    return "0x0"


def increase_time(node: Any, seconds: Any) -> str:
    """Put the next block's time later; the seconds that were added since the last block."""
    return hex_number(node.pool.delay(params.quantity(seconds, "seconds", 32)))


def set_next_timestamp(node: Any, timestamp: Any) -> None:
    """Set the next block's time."""
    node.pool.set_next_timestamp(params.quantity(timestamp, "timestamp", 63))


def set_automine(node: Any, automine: Any) -> bool:
    """Whether a transaction is mined when it comes; what waits is mined then."""
    node.pool.automine = params.boolean(automine, "automine")
    if node.pool.automine and node.pool.waiting:
        node.mine()
    return True


METHODS = {
    "evm_increaseTime": increase_time,
    "evm_mine": mine,
    "evm_revert": revert,
    "evm_setAutomine": set_automine,
    "evm_setNextBlockTimestamp": set_next_timestamp,
    "evm_snapshot": snapshot,
}
