"""ChainReader: what a chain holds, at its newest block or at any before it.

A block is named by its number, by its hash (canonical or not), or by None, the newest.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, cast

import rlp
from eth.abc import BlockAPI, BlockHeaderAPI
from eth.exceptions import HeaderNotFound, TransactionNotFound
from eth_hash.auto import keccak
from eth_typing import Address, BlockNumber, Hash32
from eth_utils import ValidationError

from smartvm.chain.receipts import (
    LoggedEvent,
    MinedTransaction,
    Topics,
    choices,
    mined_transactions,
    refusing,
)
from smartvm.exceptions import NotFound

BlockId = int | bytes | None
"""A block's number, its hash, or None for the newest."""
BLOOM_BITS = 2048


class ChainReader:
    """A py-evm chain, for reading.

    Attributes:
        chain_id: what the chain's transactions are signed for (EIP-155).
    """

    chain_id: int
    _chain: Any

    @property
    def block_number(self) -> int:
        """Number of the newest block."""
        return int(self.header().block_number)

    @property
    def state_root(self) -> bytes:
        """State root of the newest block."""
        return bytes(self.header().state_root)

    @property
    def vm(self) -> Any:
        """A py-evm VM at the newest block. Each access makes a new one."""
        return self.vm_at()

    @property
    def state(self) -> Any:
        """The state after the newest block, for reading. Each access makes a new one."""
        return self.vm.state

    @property
    def database(self) -> Any:
        """Trie nodes and code by hash, as py-evm stores them; proofs are made from it."""
        return self._chain.chaindb.db

    def header(self, block: BlockId = None) -> BlockHeaderAPI:
        """The header of a block.

        Raises:
            NotFound: the chain has no such block.
        """
        newest: BlockHeaderAPI = self._chain.get_canonical_head()
        if block is None:
            return newest
        if isinstance(block, int) and not 0 <= block <= newest.block_number:
            raise NotFound(f"block {block}: the newest is {newest.block_number}")
        try:
            if isinstance(block, int):
                found = self._chain.get_canonical_block_header_by_number(BlockNumber(block))
            else:
                found = self._chain.get_block_header_by_hash(Hash32(block))
        except (HeaderNotFound, ValidationError):
            name = f"0x{block.hex()}" if isinstance(block, bytes) else block
            raise NotFound(f"block {name}: the chain has none such") from None
        return cast(BlockHeaderAPI, found)

    def is_canonical(self, header: BlockHeaderAPI) -> bool:
        """Whether a block belongs to the chain's history, not to a branch that was left."""
        try:
            return bool(self.header(header.block_number).hash == header.hash)
        except NotFound:
            return False

    def block(self, block: BlockId = None) -> BlockAPI:
        """A block with its transactions, as py-evm has it.

        Raises:
            NotFound: the chain has no such block.
        """
        return cast(BlockAPI, self._chain.get_block_by_header(self.header(block)))

    def vm_at(self, block: BlockId = None) -> Any:
        """A py-evm VM with the state after a block. Each call makes a new one.

        Raises:
            NotFound: the chain has no such block.
        """
        return self._chain.get_vm(self.header(block))

    def balance(self, address: bytes, block: BlockId = None) -> int:
        """Wei of an account."""
        with refusing("account"):
            return int(self.vm_at(block).state.get_balance(Address(address)))

    def nonce(self, address: bytes, block: BlockId = None) -> int:
        """Transactions that an account has sent, or contracts that a contract has created."""
        with refusing("account"):
            return int(self.vm_at(block).state.get_nonce(Address(address)))

    def code(self, address: bytes, block: BlockId = None) -> bytes:
        """Code of a contract; empty for an account."""
        with refusing("account"):
            return bytes(self.vm_at(block).state.get_code(Address(address)))

    def storage(self, address: bytes, slot: int, block: BlockId = None) -> int:
        """The word in a slot of a contract's storage."""
        with refusing("account"):
            return int(self.vm_at(block).state.get_storage(Address(address), slot))

    def transactions(self, block: BlockId = None) -> tuple[MinedTransaction, ...]:
        """The transactions of a block, in order, each with what it left.

        Raises:
            NotFound: the chain has no such block.
        """
        header = self.header(block)
        vm = self._chain.get_vm(header)
        chaindb = self._chain.chaindb
        transactions = chaindb.get_block_transactions(header, vm.get_transaction_builder())
        receipts = chaindb.get_receipts(header, vm.get_receipt_builder())
        return tuple(mined_transactions(header, transactions, receipts))

    def transaction(self, transaction_hash: bytes) -> MinedTransaction:
        """A transaction of the chain's history, with what it left.

        Raises:
            NotFound: no block of the history holds it.
        """
        try:
            number, index = self._chain.get_canonical_transaction_index(transaction_hash)
        except TransactionNotFound:
            name = f"0x{transaction_hash.hex()}"
            raise NotFound(f"transaction {name}: no block of the chain holds it") from None
        mined: MinedTransaction = self.transactions(number)[index]
        return mined

    def logs(
        self,
        first: int = 0,
        last: int | None = None,
        *,
        addresses: Collection[bytes] = (),
        topics: Topics = (),
    ) -> Iterator[LoggedEvent]:
        """The logs of the blocks `first` to `last`, both included, that fit (eth_getLogs).

        Blocks whose bloom filter rules a fit out are not read.

        Args:
            first: number of the first block.
            last: number of the last one; the newest by default, and at most.
            addresses: contracts of which one must have logged it; empty for any.
            topics: what its topics must be.
        """
        newest = self.block_number
        for number in range(first, min(newest if last is None else last, newest) + 1):
            yield from self.block_logs(number, addresses=addresses, topics=topics)

    def block_logs(
        self, block: BlockId = None, *, addresses: Collection[bytes] = (), topics: Topics = ()
    ) -> Iterator[LoggedEvent]:
        """The logs of one block that fit, as `logs` gives them.

        Raises:
            NotFound: the chain has no such block.
        """
        header = self.header(block)
        if may_hold(header.bloom, addresses, topics):
            for mined in self.transactions(header.hash):
                yield from (e for e in mined.events if e.log.fits(addresses, topics))

    def export_blocks(self, first: int = 1, last: int | None = None) -> Iterator[bytes]:
        """The blocks from number `first` to `last`, the newest by default, RLP-encoded."""
        for number in range(first, (self.block_number if last is None else last) + 1):
            yield rlp.encode(self.block(number))


def may_hold(bloom: int, addresses: Collection[bytes], topics: Topics) -> bool:
    """Whether a block's bloom filter allows a log that fits (`Log.fits`)."""
    wanted = [addresses, *(choices(topic) for topic in topics if topic is not None)]
    return all(
        not any_of or any(bloom & bits == bits for bits in map(bloom_bits, any_of))
        for any_of in wanted
    )


def bloom_bits(value: bytes) -> int:
    """The bits that an address or a topic sets in a bloom filter (yellow paper, section 4.3.1)."""
    digest = keccak(value)
    bits = 0
    for start in (0, 2, 4):
        bits |= 1 << (int.from_bytes(digest[start : start + 2], "big") % BLOOM_BITS)
    return bits
