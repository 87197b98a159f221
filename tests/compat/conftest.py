"""The same history on two chains, and single transactions in a throwaway state.

`twins` mines every block on stock py-evm (`PragueVM`) and on `SmartVM` and compares all that a
node can see. `World` runs transactions in one state without mining, for what a block would hide:
the error, the gas of a frame, the Stack.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from eth.abc import BlockAPI, ComputationAPI, MiningChainAPI, SignedTransactionAPI
from eth.chains.base import MiningChain
from eth.db.atomic import AtomicDB
from eth.vm.forks.cancun.constants import BEACON_ROOTS_ADDRESS, BEACON_ROOTS_CONTRACT_CODE
from eth.vm.forks.prague import PragueVM
from eth.vm.forks.prague.constants import (
    HISTORY_STORAGE_ADDRESS,
    HISTORY_STORAGE_CONTRACT_CODE,
    WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS,
)
from eth.vm.forks.shanghai.withdrawals import Withdrawal
from eth.vm.spoof import SpoofTransaction
from eth_abi import encode
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils import function_signature_to_4byte_selector, keccak, to_canonical_address


from smartvm.vm import SmartVM

CONTRACTS = Path(__file__).parent / "contracts"
SIGNERS: tuple[LocalAccount, ...] = tuple(Account.from_key(keccak(bytes([n]))) for n in range(3))
ACCOUNTS = tuple(to_canonical_address(signer.address) for signer in SIGNERS)
COINBASE = keccak(b"coinbase")[12:]
CHAIN_ID = 1337
GAS_PRICE = 2_000_000_000
BLOCK_SECONDS = 12

# The protocol itself calls the withdrawal request contract after each block. This stand-in adds
# one to its slot 0 and answers the new value.
REQUEST_CODE = bytes.fromhex("5f54600101805f555f5260205ff3")

GENESIS = {
    "timestamp": 1_800_000_000,
    "gas_limit": 100_000_000,
    "coinbase": COINBASE,
    "base_fee_per_gas": 1_000_000_000,
    "excess_blob_gas": 40_000_000,  # a blob base fee of some thousand wei
}
SYSTEM_CONTRACTS = {
    BEACON_ROOTS_ADDRESS: BEACON_ROOTS_CONTRACT_CODE,
    HISTORY_STORAGE_ADDRESS: HISTORY_STORAGE_CONTRACT_CODE,
    WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS: REQUEST_CODE,
}


def new_chain(vm_class: type[PragueVM]) -> MiningChainAPI:
    """A chain in memory whose genesis has the funded accounts and the system contracts."""
    rich = {address: _account(balance=10**24) for address in ACCOUNTS}
    system = {address: _account(code=code) for address, code in SYSTEM_CONTRACTS.items()}
    chain_class = MiningChain.configure(
        "Chain", vm_configuration=((0, vm_class),), chain_id=CHAIN_ID
    )
    return chain_class.from_genesis(AtomicDB(), GENESIS, rich | system)


def _account(balance: int = 0, code: bytes = b"") -> dict[str, Any]:
    return {"balance": balance, "nonce": 0, "code": code, "storage": {}}


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

    accounts = ACCOUNTS
    coinbase = COINBASE

    def __init__(self) -> None:
        self.stock = new_chain(PragueVM)
        self.smart = new_chain(SmartVM)
        self.nonces = [0] * len(ACCOUNTS)

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
        request = {"to": to, "data": data, "value": value, "gas": gas, "chainId": CHAIN_ID}
        prices = {"gasPrice": GAS_PRICE}
        if fields.get("type", 0) >= 2:
            prices = {"maxFeePerGas": GAS_PRICE, "maxPriorityFeePerGas": GAS_PRICE // 100}
        request |= prices | fields | {"nonce": self.nonces[sender]}
        self.nonces[sender] += 1
        raw = SIGNERS[sender].sign_transaction(request).raw_transaction
        return self.stock.get_vm().get_transaction_builder().decode(bytes(raw))

    def authorize(self, delegate: bytes, sender: int) -> Any:
        """Account `sender`'s signed wish to run the code of `delegate` (EIP-7702)."""
        wish = {"chainId": CHAIN_ID, "address": delegate, "nonce": self.nonces[sender]}
        self.nonces[sender] += 1
        return SIGNERS[sender].sign_authorization(wish)

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
        importer = new_chain(SmartVM)
        head = self.stock.get_canonical_head()
        for number in range(1, head.block_number + 1):
            importer.import_block(self.stock.get_canonical_block_by_number(number))
        assert importer.get_canonical_head() == head

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
        stock, smart = (_answer(chain, to, data, **options) for chain in (self.stock, self.smart))
        assert smart == stock
        return stock[0]


def _answer(
    chain: MiningChainAPI, to: bytes, data: bytes, gas: int = 3_000_000, value: int = 0
) -> tuple[bytes, str | None, int]:
    with chain.get_vm(chain.get_canonical_head()).in_costless_state() as state:
        transaction = chain.create_unsigned_transaction(
            nonce=state.get_nonce(ACCOUNTS[0]), gas_price=1, gas=gas, to=to, value=value, data=data
        )
        spoof = SpoofTransaction(transaction, from_=ACCOUNTS[0])
        computation = state.costless_execute_transaction(spoof)
    error = repr(computation.error) if computation.is_error else None
    return bytes(computation.output), error, computation.get_gas_used()


class World:
    """Accounts in a throwaway state of one VM; transactions run in it one after the other."""

    sender = ACCOUNTS[0]

    def __init__(self, vm_class: type[PragueVM] = SmartVM) -> None:
        self.vm = _genesis(vm_class).get_vm()
        self.state = self.vm.state

    def put(self, code: bytes, address: bytes = b"", balance: int = 0) -> bytes:
        """A new account with `code`; without an address it gets one that depends on the code."""
        address = address or keccak(code)[12:]
        self.state.set_code(address, code)
        self.state.set_balance(address, balance)
        return address

    def transact(
        self, to: bytes = b"", data: bytes = b"", *, value: int = 0, gas: int = 5_000_000
    ) -> ComputationAPI:
        """Run one transaction, fees and all, and return its outermost frame."""
        transaction = self.vm.create_unsigned_transaction(
            nonce=self.state.get_nonce(self.sender),
            gas_price=GAS_PRICE,
            gas=gas,
            to=to,
            value=value,
            data=data,
        )
        self.state.lock_changes()
        return self.state.apply_transaction(SpoofTransaction(transaction, from_=self.sender))

    def run(self, code: bytes, data: bytes = b"", **options: Any) -> ComputationAPI:
        """Run one transaction to a new account with `code`."""
        return self.transact(self.put(code), data, **options)


@cache
def _genesis(vm_class: type[PragueVM]) -> MiningChainAPI:
    return new_chain(vm_class)


def _observe(vm_class: type[PragueVM], accounts: dict[bytes, bytes], **options: Any) -> Any:
    """All that a transaction to the first of some accounts leaves; an escape is kept as such."""
    world = World(vm_class)
    for address, code in accounts.items():
        world.put(code, address, balance=10**18)
    try:
        frame = world.transact(next(iter(accounts)), **options)
    except Exception as escape:  # whatever stock py-evm lets out, SmartVM must let out too
        return {"escape": repr(escape)}
    return {
        "error": repr(frame.error) if frame.is_error else None,
        "output": bytes(frame.output),
        "gas": (frame.get_gas_used(), frame.get_gas_refund()),
        "logs": frame.get_log_entries(),
        "stack": frame._stack.values,
        "memory": bytes(frame._memory._bytes),
        "root": world.state.make_state_root(),
    }


@pytest.fixture(scope="session")
def assert_same_run() -> Callable[..., dict[str, Any]]:
    """Run a transaction to the first of {address: code} on both VMs; all it leaves must agree."""

    def run(accounts: dict[bytes, bytes], **options: Any) -> dict[str, Any]:
        stock = _observe(PragueVM, accounts, **options)
        assert _observe(SmartVM, accounts, **options) == stock
        return stock

    return run


@cache
def _compile(name: str) -> bytes:
    vyper = pytest.importorskip("vyper", reason="Vyper compiles the contracts of tests/compat")
    path = CONTRACTS / f"{name}.vy"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Vyper's own advice against SELFDESTRUCT
        artefact = vyper.compile_code(path.read_text(), contract_path=path)
    return bytes.fromhex(artefact["bytecode"].removeprefix("0x"))


def _calldata(signature: str, *arguments: Any) -> bytes:
    types = signature[signature.index("(") + 1 : -1]
    selector = function_signature_to_4byte_selector(signature)
    return selector + encode(types.split(",") if types else [], arguments)


@pytest.fixture
def twins() -> Iterator[Twins]:
    """The two chains; at the end a third one imports the blocks."""
    twins = Twins()
    yield twins
    twins.assert_imports()


@pytest.fixture
def world() -> World:
    """A throwaway state of SmartVM."""
    return World()


@pytest.fixture
def stock_world() -> World:
    """A throwaway state of stock py-evm."""
    return World(PragueVM)


@pytest.fixture
def withdrawal() -> Callable[[bytes, int], Withdrawal]:
    """A validator's withdrawal of some gwei to an address."""
    return lambda address, gwei: Withdrawal(0, 0, address, gwei)


@pytest.fixture
def compiled() -> Callable[[str], bytes]:
    """The init code of a contract of contracts/, by its name."""
    return _compile


@pytest.fixture
def calldata() -> Callable[..., bytes]:
    """The calldata of a call: its signature, then its arguments."""
    return _calldata
