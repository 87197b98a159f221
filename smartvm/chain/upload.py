"""Uploading weight blocks to a model contract, by signed transactions.

An upload that was interrupted goes on where it stopped: blocks that the chain already holds with
the same content are not sent again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from smartvm import gas
from smartvm.chain.accounts import Account
from smartvm.chain.local import Chain
from smartvm.chain.receipts import Receipt
from smartvm.compiler.contract import set_block_call
from smartvm.compiler.emit import WeightBlock
from smartvm.exceptions import SmartVMError

TRANSACTION_BASE = 21_000
"""Gas of any transaction (yellow paper, G_transaction)."""
CALLDATA_BYTE = 40
"""Most gas of a byte of calldata: the floor price of one that is not zero (EIP-7623)."""


class Progress(NamedTuple):
    """How far an upload is, in blocks and in bytes of items; those found in place are counted."""

    blocks: int
    blocks_total: int
    size: int
    size_total: int


class Upload(NamedTuple):
    """What an upload did: a receipt for each block it sent, and the numbers it found in place."""

    receipts: list[Receipt]
    present: list[int]

    @property
    def gas_used(self) -> int:
        """Gas of all its transactions."""
        return sum(receipt.gas_used for receipt in self.receipts)


def upload_blocks(
    chain: Chain,
    contract: bytes,
    blocks: Mapping[int, WeightBlock],
    *,
    sender: Account | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Upload:
    """Send every block that the contract does not hold yet, one a transaction.

    Args:
        chain: the chain.
        contract: the address of a model contract.
        blocks: the blocks by number.
        sender: the contract's owner; the first account by default.
        progress: called at the start and after each transaction.

    Raises:
        SmartVMError: there is no contract at the address.
        ExecutionFailed: the contract refuses a block; those before it stay.
    """
    if not chain.code(contract):
        raise SmartVMError(f"0x{contract.hex()}: expected a model contract, found no code")
    state = chain.state
    done = {number for number, block in blocks.items() if holds(state, contract, number, block)}
    sent: list[Receipt] = []
    report = progress or (lambda _: None)
    sizes = {number: _size(block) for number, block in blocks.items()}
    present = sum(sizes[number] for number in done)
    now = Progress(len(done), len(blocks), present, sum(sizes.values()))
    report(now)
    for number in sorted(blocks.keys() - done):
        sent.append(_send(chain, contract, number, blocks[number], sender))
        now = now._replace(blocks=now.blocks + 1, size=now.size + sizes[number])
        report(now)
    return Upload(sent, sorted(done))


def holds(state: Any, contract: bytes, number: int, block: WeightBlock) -> bool:
    """Whether a contract's storage has this block, with the same items at the same width."""
    stored = state.get_block(contract, number)
    if stored is None or stored.item_bytes != block.item_bytes:
        return False
    return bool(stored.items == block.tensor)


def _send(
    chain: Chain, contract: bytes, number: int, block: WeightBlock, sender: Account | None
) -> Receipt:
    calldata = set_block_call(number, block)
    return chain.transact(contract, calldata, sender=sender, gas=_gas_limit(calldata))


def _gas_limit(calldata: bytes) -> int:
    """Enough for a block written from this calldata: the write, the calldata, and the copies."""
    size = len(calldata)
    copies = gas.memory_copy(size) + gas.words(size) ** 2 // 512 + 2 * gas.buffer_size(4 * size)
    return TRANSACTION_BASE + (CALLDATA_BYTE + 1) * size + copies + gas.block_write(size, False)


def _size(block: WeightBlock) -> int:
    """Bytes of items."""
    return len(block.items) * block.item_bytes
