"""ChainMiner: transactions signed and mined, blocks imported, the history taken back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, cast

import rlp
from eth.abc import BlockAPI, BlockHeaderAPI, SignedTransactionAPI
from eth.constants import CREATE_CONTRACT_ADDRESS
from eth.vm.base import VM
from eth_utils import ValidationError

from smartvm.chain.accounts import Account
from smartvm.chain.execution import BLOCK_SECONDS, TRANSACTION_GAS, ChainExecutor
from smartvm.chain.reading import BlockId
from smartvm.chain.receipts import (
    ExecutionFailed,
    Receipt,
    executed,
    mined_transactions,
    refusing,
)
from smartvm.chain.rewinding import rewind
from smartvm.exceptions import SmartVMError

PRIORITY_FEE = 10**9
"""Wei a gas for the miner."""


class ChainMiner(ChainExecutor):
    """A chain that grows."""

    _vm_class: type[VM]

    def _transaction(self) -> AbstractContextManager[None]:
        """What is written within is kept together, and on disk at its end."""
        raise NotImplementedError

    def deploy(
        self, init_code: bytes, *, sender: Account | None = None, gas: int = TRANSACTION_GAS
    ) -> Receipt:
        """Create a contract; its address is the receipt's `contract`.

        Raises:
            ExecutionFailed: the init code reverted or halted.
            SmartVMError: the transaction is not valid.
        """
        return self.transact(CREATE_CONTRACT_ADDRESS, init_code, sender=sender, gas=gas)

    def transact(
        self,
        to: bytes,
        data: bytes = b"",
        *,
        value: int = 0,
        sender: Account | None = None,
        gas: int = TRANSACTION_GAS,
        check: bool = True,
    ) -> Receipt:
        """Sign a transaction and mine it in a block of its own.

        Args:
            to: the address called; empty to create a contract.
            data: calldata or init code.
            value: wei that it sends.
            sender: who signs; the first account by default.
            gas: gas limit.
            check: raise if it fails; otherwise the receipt tells.

        Raises:
            ExecutionFailed: it reverted or halted; the block is mined all the same.
            SmartVMError: it is not valid, and nothing is mined.
        """
        transaction = self.sign(to, data, value=value, sender=sender, gas=gas)
        (receipt,) = self.mine([transaction])
        if check and receipt.error is not None:
            raise ExecutionFailed(receipt.error, receipt.output, receipt)
        return receipt

    def sign(
        self,
        to: bytes,
        data: bytes = b"",
        *,
        value: int = 0,
        sender: Account | None = None,
        gas: int = TRANSACTION_GAS,
        nonce: int | None = None,
    ) -> SignedTransactionAPI:
        """A signed dynamic-fee transaction (EIP-1559) that the next block accepts.

        Raises:
            SmartVMError: a field is out of range.
        """
        with refusing("invalid transaction"):
            account = sender or self.accounts[0]
            vm = self._chain.get_vm(self._next_header())
            builder = vm.get_transaction_builder()
            unsigned = builder.new_unsigned_dynamic_fee_transaction(
                chain_id=self.chain_id,
                nonce=self.nonce(account.address) if nonce is None else nonce,
                max_priority_fee_per_gas=PRIORITY_FEE,
                max_fee_per_gas=2 * vm.get_header().base_fee_per_gas + PRIORITY_FEE,
                gas=gas,
                to=to,
                value=value,
                data=data,
                access_list=(),
            )
            # py-evm signs into London's type, which a Prague block cannot hold: decode it again.
            signed = unsigned.as_signed_transaction(account.key, self.chain_id)
            return builder.decode(signed.encode())  # type: ignore[no-any-return]

    def decode_transaction(self, encoded: bytes) -> SignedTransactionAPI:
        """A signed transaction of any type, from the bytes that clients send.

        Raises:
            SmartVMError: the bytes are no transaction.
        """
        with refusing("invalid transaction"):
            return self._vm_class.get_transaction_builder().decode(encoded)

    def mine(
        self, transactions: Sequence[SignedTransactionAPI] = (), *, timestamp: int | None = None
    ) -> list[Receipt]:
        """Mine one block of these transactions.

        Args:
            transactions: what it holds, in order.
            timestamp: its time, later than its parent's; 12 seconds later by default.

        Raises:
            SmartVMError: a transaction or the time is not valid; nothing is mined.
        """
        with self._transaction(), refusing("invalid transaction"):
            header = self._next_header(timestamp)
            vm = self._chain.get_vm(header)
            block = vm.get_block()
            vm.block_preprocessing(block)
            header, receipts, computations = vm.apply_all_transactions(transactions, header)
            block = vm.set_block_transactions_and_withdrawals(block, header, transactions, receipts)
            block = vm.mine_block(vm.block_postprocessing(block)).block
            self._chain.persist_block(block)
        mined = mined_transactions(block.header, transactions, receipts)
        return [executed(*pair) for pair in zip(mined, computations, strict=True)]

    def _next_header(self, timestamp: int | None = None) -> Any:
        head = self.header()
        time = head.timestamp + BLOCK_SECONDS if timestamp is None else timestamp
        if not head.timestamp < time < 1 << 64:
            raise SmartVMError(
                f"timestamp: expected more than {head.timestamp}, the newest block's, and less "
                f"than 2⁶⁴, found {time}"
            )
        return self._chain.create_header_from_parent(head, gas_limit=head.gas_limit, timestamp=time)

    def import_block(self, block: bytes | BlockAPI) -> BlockHeaderAPI:
        """Execute and add a block that another chain of the same genesis has mined.

        A branch that has grown longer than the chain's history takes its place.

        Raises:
            SmartVMError: it is no block, does not fit, or its results are not what it claims.
        """
        with self._transaction(), refusing("block refused"):
            if isinstance(block, bytes):
                block = self._decode_block(block)
            return cast(BlockHeaderAPI, self._chain.import_block(block).imported_block.header)

    def _decode_block(self, encoded: bytes) -> BlockAPI:
        kind = self._vm_class.get_block_class()
        block = rlp.decode(encoded, sedes=kind)
        # The library takes an empty list for the number zero, and remembers what it has read.
        if rlp.encode(block, sedes=kind) != encoded:
            raise ValidationError("the encoding is not the only one that the block has")
        return cast(BlockAPI, block)

    def import_blocks(self, blocks: Iterable[bytes | BlockAPI]) -> None:
        """Import blocks in order."""
        for block in blocks:
            self.import_block(block)

    def rewind(self, block: BlockId) -> None:
        """Make an earlier block of the history the newest one again (evm_revert).

        Raises:
            NotFound: the chain's history has no such block.
        """
        header = self.header(block)
        with self._transaction():
            rewind(self, header)
