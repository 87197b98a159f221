"""One history on two chains: every block is mined on both, and all that a node can see compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from eth.abc import BlockAPI, MiningChainAPI, SignedTransactionAPI
from eth.vm.forks.prague import PragueVM
from eth.vm.forks.shanghai.withdrawals import Withdrawal
from eth.vm.spoof import SpoofTransaction
from eth_utils import keccak, to_canonical_address

from smartvm.vm import SmartVM

GAS_PRICE = 2_000_000_000
BLOCK_SECONDS = 12
COINBASE = keccak(b"coinbase")[12:]


@dataclass(frozen=True)
class Outcome:
    """All of one transaction's result that a node or a caller can see."""

    status: bytes
    gas_used: int
    bloom: int
    logs: tuple[tuple[bytes, tuple[int, ...], bytes], ...]
    output: bytes
    error: str | None
    created: bytes

    @property
    def succeeded(self) -> bool:
        return self.error is None


def _outcome(receipt: Any, computation: Any) -> Outcome:
    return Outcome(
        status=receipt.state_root,
        gas_used=receipt.gas_used,
        bloom=receipt.bloom,
        logs=tuple((log.address, tuple(log.topics), log.data) for log in receipt.logs),
        output=bytes(computation.output),
        error=repr(computation.error) if computation.is_error else None,
        created=computation.msg.storage_address if computation.msg.is_create else b"",
    )


def _mine(
    chain: MiningChainAPI, transactions: Sequence[Any], withdrawals: Sequence[Withdrawal]
) -> tuple[BlockAPI, tuple[Outcome, ...]]:
    """Build and persist a block with the protocol's own calls before and after, in fixed time."""
    parent = chain.get_canonical_head()
    header = chain.create_header_from_parent(parent).copy(
        timestamp=parent.timestamp + BLOCK_SECONDS,
        coinbase=COINBASE,
        mix_hash=keccak(parent.hash),
        parent_beacon_block_root=keccak(parent.state_root),
    )
    vm = chain.get_vm(header)
    vm.block_preprocessing(vm.get_block())
    header, receipts, computations = vm.apply_all_transactions(transactions, header)
    vm.apply_all_withdrawals(withdrawals)
    filled = vm.set_block_transactions_and_withdrawals(
        vm.get_block(), header, transactions, receipts, withdrawals
    )
    block = vm.mine_block(vm.block_postprocessing(filled)).block
    chain.persist_block(block)
    return block, tuple(map(_outcome, receipts, computations))


class Twins:
    """Two chains with one genesis, a stock one and a SmartVM one, which get the same blocks."""

    coinbase = COINBASE

    def __init__(
        self,
        new_chain: Callable[[type[PragueVM]], MiningChainAPI],
        signers: Sequence[Any],
        vms: tuple[type[PragueVM], type[PragueVM]] = (PragueVM, SmartVM),
    ) -> None:
        self.stock, self.smart = map(new_chain, vms)
        self.importer = new_chain(SmartVM)
        self.signers = signers
        self.accounts = tuple(to_canonical_address(signer.address) for signer in signers)
        self.nonces = [0] * len(signers)

    def sign(
        self,
        to: bytes = b"",
        data: bytes = b"",
        *,
        value: int = 0,
        gas: int = 1_500_000,
        sender: int = 0,
        **fields: Any,
    ) -> SignedTransactionAPI:
        """A transaction signed by account `sender`; `to` is empty for a creation.

        `fields` are more fields as eth-account names them (`accessList`, `type`, …); without
        any the transaction is a legacy one.
        """
        request = {
            "to": to,
            "data": data,
            "value": value,
            "gas": gas,
            "chainId": self.stock.chain_id,
        }
        prices = {"gasPrice": GAS_PRICE}
        if fields.get("type", 0) >= 2:
            prices = {"maxFeePerGas": GAS_PRICE, "maxPriorityFeePerGas": GAS_PRICE // 100}
        request |= prices | fields | {"nonce": self.nonces[sender]}
        self.nonces[sender] += 1
        raw = self.signers[sender].sign_transaction(request).raw_transaction
        return self.stock.get_vm().get_transaction_builder().decode(bytes(raw))

    def authorize(self, delegate: bytes, sender: int) -> Any:
        """Account `sender`'s signed wish to run the code of `delegate` (EIP-7702)."""
        wish = {"chainId": self.stock.chain_id, "address": delegate, "nonce": self.nonces[sender]}
        self.nonces[sender] += 1
        return self.signers[sender].sign_authorization(wish)

    def assert_same_history(
        self,
        transactions: Sequence[SignedTransactionAPI],
        withdrawals: Sequence[Withdrawal] = (),
    ) -> tuple[Outcome, ...]:
        """Mine a block with `transactions` on both chains; outcomes, roots, hash must agree."""
        stock_block, stock_outcomes = _mine(self.stock, transactions, withdrawals)
        smart_block, smart_outcomes = _mine(self.smart, transactions, withdrawals)
        assert smart_outcomes == stock_outcomes
        assert smart_block.header.state_root == stock_block.header.state_root
        assert smart_block.hash == stock_block.hash
        return stock_outcomes

    def assert_imports(self) -> None:
        """Import the stock chain's blocks, validated in full, into a new SmartVM chain."""
        head = self.stock.get_canonical_head()
        for number in range(1, head.block_number + 1):
            self.importer.import_block(self.stock.get_canonical_block_by_number(number))
        assert self.importer.get_canonical_head() == head

    def send(self, to: bytes, data: bytes = b"", **options: Any) -> Outcome:
        """One transaction in a block of its own."""
        (outcome,) = self.assert_same_history([self.sign(to, data, **options)])
        return outcome

    def deploy(self, init_code: bytes, **options: Any) -> bytes:
        """The address of a contract created by one transaction."""
        outcome = self.send(b"", init_code, gas=6_000_000, **options)
        assert outcome.succeeded, outcome.error
        return outcome.created

    def assert_same_call(self, to: bytes, data: bytes = b"", **options: Any) -> bytes:
        """The answer of a call at the head; both chains must give the same, or both fail so."""
        stock, smart = (
            self._answer(chain, to, data, **options) for chain in (self.stock, self.smart)
        )
        assert smart == stock
        return stock[0]

    def _answer(
        self, chain: MiningChainAPI, to: bytes, data: bytes, gas: int = 3_000_000, value: int = 0
    ) -> tuple[bytes, str | None, int]:
        sender = self.accounts[0]
        with chain.get_vm(chain.get_canonical_head()).in_costless_state() as state:
            transaction = chain.create_unsigned_transaction(
                nonce=state.get_nonce(sender), gas_price=1, gas=gas, to=to, value=value, data=data
            )
            spoof = SpoofTransaction(transaction, from_=sender)
            computation = state.costless_execute_transaction(spoof)
        error = repr(computation.error) if computation.is_error else None
        return bytes(computation.output), error, computation.get_gas_used()


@pytest.fixture
def twins(new_chain, signers) -> Iterator[Twins]:
    """The two chains; at the end a third one imports the blocks."""
    twins = Twins(new_chain, signers)
    yield twins
    twins.assert_imports()


@pytest.fixture
def backend_twins(new_chain, signers) -> Iterator[Twins]:
    """Two SmartVM chains, one on the reference backend; at the end a third imports the blocks."""
    twins = Twins(new_chain, signers, (SmartVM.with_backend("reference"), SmartVM))
    yield twins
    twins.assert_imports()


@pytest.fixture
def withdrawal() -> Callable[[bytes, int], Withdrawal]:
    """A validator's withdrawal of some gwei to an address."""
    return lambda address, gwei: Withdrawal(0, 0, address, gwei)
