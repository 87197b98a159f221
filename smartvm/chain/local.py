"""Chain: an Ethereum chain in memory on SmartVM, for applications, demonstrations and tests.

    chain = Chain()
    address = chain.deploy(init_code).contract
    chain.transact(address, calldata)
    chain.call(address, calldata)

It mines one block a transaction. Nothing depends on the clock: the same transactions give the
same blocks, and a chain made by `replica` imports them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import rlp
from eth.abc import BlockAPI, SignedTransactionAPI
from eth.chains.base import MiningChain
from eth.constants import CREATE_CONTRACT_ADDRESS
from eth.db.atomic import AtomicDB
from eth.vm.base import VM
from eth.vm.spoof import SpoofTransaction
from eth_typing import Address

from smartvm.chain.accounts import Account, genesis_state
from smartvm.chain.receipts import ExecutionFailed, Receipt, receipts_of, refusing
from smartvm.exceptions import SmartVMError
from smartvm.trace import Tracer
from smartvm.vm import SmartVM

CHAIN_ID = 1337
"""The customary identifier of a development chain."""
BLOCK_GAS_LIMIT = 1 << 40
"""Gas of a block: no practical limit. Every block keeps its parent's."""
TRANSACTION_GAS = 30_000_000
"""Gas of a transaction or a call by default: a block of Ethereum's main chain."""
BLOCK_SECONDS = 12
"""Seconds between blocks, as on Ethereum's main chain."""
PRIORITY_FEE = 10**9
"""Wei a gas for the miner."""


class Chain:
    """A chain in memory with funded accounts.

    Args:
        vm: the VM class of every block, for example ``SmartVM.with_backend("reference")``.
        accounts: how many accounts the genesis block funds.
        block_gas_limit: gas of each block.
    """

    def __init__(
        self, vm: type[VM] = SmartVM, *, accounts: int = 10, block_gas_limit: int = BLOCK_GAS_LIMIT
    ) -> None:
        self.accounts = tuple(map(Account.numbered, range(accounts)))
        self._vm_class = vm
        self._block_gas_limit = block_gas_limit
        chain_class = MiningChain.configure(
            __name__="LocalChain", vm_configuration=((0, vm),), chain_id=CHAIN_ID
        )
        self._chain: Any = chain_class.from_genesis(
            AtomicDB(),
            {"gas_limit": block_gas_limit, "timestamp": 1},
            genesis_state(self.accounts),
        )

    def replica(self) -> Chain:
        """A chain with the same genesis block and nothing after it."""
        count = len(self.accounts)
        return Chain(self._vm_class, accounts=count, block_gas_limit=self._block_gas_limit)

    @property
    def block_number(self) -> int:
        """Number of the newest block."""
        return int(self._head.block_number)

    @property
    def state_root(self) -> bytes:
        """State root of the newest block."""
        return bytes(self._head.state_root)

    @property
    def vm(self) -> Any:
        """A py-evm VM at the newest block. Each access makes a new one."""
        return self._chain.get_vm(self._head)

    @property
    def state(self) -> Any:
        """The state after the newest block, for reading. Each access makes a new one."""
        return self.vm.state

    @property
    def _head(self) -> Any:
        return self._chain.get_canonical_head()

    def balance(self, address: bytes) -> int:
        """Wei of an account."""
        return int(self.state.get_balance(Address(address)))

    def nonce(self, address: bytes) -> int:
        """Transactions that an account has sent, or contracts that a contract has created."""
        return int(self.state.get_nonce(Address(address)))

    def code(self, address: bytes) -> bytes:
        """Code of a contract; empty for an account."""
        return bytes(self.state.get_code(Address(address)))

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
        """A signed dynamic-fee transaction (EIP-1559) that the next block accepts."""
        account = sender or self.accounts[0]
        vm = self._chain.get_vm(self._next_header())
        builder = vm.get_transaction_builder()
        unsigned = builder.new_unsigned_dynamic_fee_transaction(
            chain_id=CHAIN_ID,
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
        signed = unsigned.as_signed_transaction(account.key, CHAIN_ID)
        return builder.decode(signed.encode())  # type: ignore[no-any-return]

    def mine(self, transactions: Sequence[SignedTransactionAPI] = ()) -> list[Receipt]:
        """Mine one block of these transactions.

        Raises:
            SmartVMError: a transaction is not valid; nothing is mined.
        """
        header = self._next_header()
        vm = self._chain.get_vm(header)
        block = vm.get_block()
        vm.block_preprocessing(block)
        with refusing("invalid transaction"):
            header, receipts, computations = vm.apply_all_transactions(transactions, header)
        block = vm.set_block_transactions_and_withdrawals(block, header, transactions, receipts)
        block = vm.mine_block(vm.block_postprocessing(block)).block
        self._chain.persist_block(block)
        return list(receipts_of(block, transactions, receipts, computations))

    def _next_header(self) -> Any:
        head = self._head
        return self._chain.create_header_from_parent(
            head, gas_limit=head.gas_limit, timestamp=head.timestamp + BLOCK_SECONDS
        )

    def call(
        self,
        to: bytes,
        data: bytes = b"",
        *,
        value: int = 0,
        sender: Account | None = None,
        gas: int = TRANSACTION_GAS,
    ) -> bytes:
        """What a contract returns, without a transaction (eth_call).

        Raises:
            ExecutionFailed: it reverted or halted.
        """
        computation = self.simulate(to, data, value=value, sender=sender, gas=gas)
        if computation.is_error:
            raise ExecutionFailed(computation.error, computation.output)
        return bytes(computation.output)

    def simulate(
        self,
        to: bytes,
        data: bytes = b"",
        *,
        value: int = 0,
        sender: Account | None = None,
        gas: int = TRANSACTION_GAS,
        tracer: Tracer | None = None,
    ) -> Any:
        """The finished computation of a call: output, error, gas. Its changes are dropped.

        A `tracer` collects every step (SmartVM only).

        Raises:
            SmartVMError: the transaction is not valid.
        """
        with self.vm.in_costless_state() as state:
            state.tracer = tracer
            transaction = self._unsigned(state, to, data, value, sender, gas)
            with refusing("invalid transaction"):
                return state.costless_execute_transaction(transaction)

    def estimate(
        self, to: bytes, data: bytes = b"", *, value: int = 0, sender: Account | None = None
    ) -> int:
        """The least gas with which a transaction succeeds, found by trying.

        Raises:
            ExecutionFailed: it fails with `TRANSACTION_GAS`.
        """

        def succeeds(limit: int) -> bool:
            try:
                return not self.simulate(to, data, value=value, sender=sender, gas=limit).is_error
            except SmartVMError:  # less than the intrinsic gas
                return False

        self.call(to, data, value=value, sender=sender)
        return bisect_left(range(TRANSACTION_GAS), True, key=succeeds)

    def _unsigned(
        self, state: Any, to: bytes, data: bytes, value: int, sender: Account | None, gas: int
    ) -> SpoofTransaction:
        account = sender or self.accounts[0]
        unsigned = self._vm_class.get_transaction_builder().create_unsigned_transaction(
            nonce=state.get_nonce(account.address),
            gas_price=0,
            gas=gas,
            to=Address(to),
            value=value,
            data=data,
        )
        return SpoofTransaction(unsigned, from_=account.address)

    def export_blocks(self, first: int = 1) -> Iterator[bytes]:
        """The blocks from number `first` to the newest, RLP-encoded."""
        for number in range(first, self.block_number + 1):
            yield rlp.encode(self._chain.get_canonical_block_by_number(number))

    def import_block(self, block: bytes | BlockAPI) -> None:
        """Execute and add a block that another chain of the same genesis has mined.

        Raises:
            SmartVMError: it is no block, does not fit, or its results are not what it claims.
        """
        with refusing("block refused"):
            if isinstance(block, bytes):
                block = rlp.decode(block, sedes=self._vm_class.get_block_class())
            self._chain.import_block(block)

    def import_blocks(self, blocks: Iterable[bytes | BlockAPI]) -> None:
        """Import blocks in order."""
        for block in blocks:
            self.import_block(block)
