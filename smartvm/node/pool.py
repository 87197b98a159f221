"""The pool: transactions on their way into a block."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from eth.abc import SignedTransactionAPI
from eth_typing import Address, Hash32

from smartvm.chain import Chain
from smartvm.chain.execution import BLOCK_SECONDS
from smartvm.chain.receipts import refusing
from smartvm.exceptions import SmartVMError
from smartvm.node.errors import LIMIT_EXCEEDED, RPCError
from smartvm.opcodes.interruption import Interrupted

log = logging.getLogger(__name__)


class Pool:
    """Mines a transaction when it comes, or keeps it until a block is asked for.

    Attributes:
        automine: whether every transaction gets a block of its own at once.
        waiting: the transactions without a block, by hash, in order.
    """

    def __init__(self, chain: Chain, *, automine: bool = True, most: int) -> None:
        self._chain = chain
        self._most = most
        self.automine = automine
        self.waiting: dict[Hash32, SignedTransactionAPI] = {}
        self._delay = 0
        self._next: int | None = None

    def count(self, sender: Address) -> int:
        """How many transactions of an account wait."""
        return sum(transaction.sender == sender for transaction in self.waiting.values())

    def add(self, transaction: SignedTransactionAPI) -> None:
        """Take a signed transaction.

        Raises:
            SmartVMError: it is not valid, or the pool is full.
        """
        with refusing("invalid transaction"):
            self._check(transaction)
        if self.automine and not self.waiting:
            self._mine([transaction])
        else:
            self.waiting[transaction.hash] = transaction
            if self.automine:
                self.mine()

    def _check(self, transaction: SignedTransactionAPI) -> None:
        transaction.validate()
        chain_id, sender = transaction.chain_id, transaction.sender
        if chain_id not in (None, self._chain.chain_id):
            raise SmartVMError(f"chain id: expected {self._chain.chain_id}, found {chain_id}")
        if len(self.waiting) >= self._most:
            raise RPCError(LIMIT_EXCEEDED, f"{self._most} transactions wait already: mine a block")
        state = self._chain.state
        nonce = state.get_nonce(sender) + self.count(sender)
        if transaction.nonce != nonce:
            side = "low" if transaction.nonce < nonce else "high"
            raise SmartVMError(f"nonce too {side}: expected {nonce}, found {transaction.nonce}")
        needed = transaction.value + transaction.gas * transaction.max_fee_per_gas
        if state.get_balance(sender) < needed:
            raise SmartVMError(
                f"insufficient funds for gas * price + value: 0x{sender.hex()} has "
                f"{state.get_balance(sender)} wei and needs {needed}"
            )
        if transaction.gas > self._chain.header().gas_limit:
            raise SmartVMError(f"gas: expected at most {self._chain.header().gas_limit}, a block's")

    def mine(self) -> None:
        """Mine a block of what waits; where it cannot be one, a block for each that is valid."""
        transactions = list(self.waiting.values())
        self.waiting.clear()
        try:
            self._mine(transactions)
        except Interrupted:
            log.warning("dropped %d transactions: mining them was stopped", len(transactions))
            raise
        except SmartVMError:
            if not transactions:
                raise
            for transaction in transactions:
                self._mine_or_drop(transaction)

    def _mine_or_drop(self, transaction: SignedTransactionAPI) -> None:
        try:
            self._mine([transaction])
        except SmartVMError as error:
            log.warning("dropped transaction 0x%s: %s", transaction.hash.hex(), error)

    def _mine(self, transactions: Sequence[SignedTransactionAPI]) -> None:
        self._chain.mine(transactions, timestamp=self._timestamp())
        self._delay, self._next = 0, None

    def _timestamp(self) -> int | None:
        if self._next is not None or not self._delay:
            return self._next
        return int(self._chain.header().timestamp) + BLOCK_SECONDS + self._delay

    def delay(self, seconds: int) -> int:
        """Put the next block's time so many seconds later; the sum of what was asked for."""
        self._delay += seconds
        return self._delay

    def set_next_timestamp(self, timestamp: int) -> None:
        """Set the next block's time.

        Raises:
            SmartVMError: it is not later than the newest block's.
        """
        newest = self._chain.header().timestamp
        if timestamp <= newest:
            raise SmartVMError(f"timestamp: expected more than {newest}, found {timestamp}")
        self._next = timestamp

    def drop(self) -> None:
        """Forget what waits and what was said of the next block."""
        self.waiting.clear()
        self._delay, self._next = 0, None

    def forget_mined(self) -> None:
        """Drop what an imported block has mined, or made impossible."""
        state = self._chain.state
        self.waiting = {
            transaction_hash: transaction
            for transaction_hash, transaction in self.waiting.items()
            if transaction.nonce >= state.get_nonce(transaction.sender)
        }
