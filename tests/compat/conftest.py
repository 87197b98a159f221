"""Contracts, chains, and single transactions in a throwaway state.

A `World` runs transactions in one state without mining, for what a block would hide: the error,
the gas of a frame, the Stack. The chains that history/ mines begin with the same genesis.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from eth.abc import ComputationAPI, MiningChainAPI
from eth.chains.base import MiningChain
from eth.db.atomic import AtomicDB
from eth.vm.forks.cancun.constants import BEACON_ROOTS_ADDRESS, BEACON_ROOTS_CONTRACT_CODE
from eth.vm.forks.prague import PragueVM
from eth.vm.forks.prague.constants import (
    HISTORY_STORAGE_ADDRESS,
    HISTORY_STORAGE_CONTRACT_CODE,
    WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS,
)
from eth.vm.spoof import SpoofTransaction
from eth.vm.stack import to_int
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
    rich = {address: _account(balance=10**30) for address in ACCOUNTS}
    system = {address: _account(code=code) for address, code in SYSTEM_CONTRACTS.items()}
    chain_class = MiningChain.configure(
        "Chain", vm_configuration=((0, vm_class),), chain_id=CHAIN_ID
    )
    return chain_class.from_genesis(AtomicDB(), GENESIS, rich | system)


@pytest.fixture(scope="session", name="new_chain")
def _new_chain() -> Callable[[type[PragueVM]], MiningChainAPI]:
    """`new_chain`: a VM class → a chain in memory with the tests' genesis."""
    return new_chain


@pytest.fixture(scope="session")
def signers() -> tuple[LocalAccount, ...]:
    """The accounts that the genesis funds."""
    return SIGNERS


def _account(balance: int = 0, code: bytes = b"") -> dict[str, Any]:
    return {"balance": balance, "nonce": 0, "code": code, "storage": {}}


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
        "errors": [repr(each._error) for each in _frames(frame)],
        "output": bytes(frame.output),
        "gas": (frame.get_gas_used(), frame.get_gas_refund()),
        "logs": frame.get_log_entries(),
        "stack": frame._stack.values,
        "memory": bytes(frame._memory._bytes),
        "maps": [list(tensor) for tensor in frame.buffer.maps] if hasattr(frame, "buffer") else [],
        "root": world.state.make_state_root(),
    }


def _frames(frame: ComputationAPI) -> Iterator[ComputationAPI]:
    yield frame
    for child in frame.children:
        yield from _frames(child)


@pytest.fixture(scope="session")
def assert_same_run() -> Callable[..., dict[str, Any]]:
    """Run a transaction to the first of {address: code} on two VMs; all it leaves must agree."""

    def run(
        accounts: dict[bytes, bytes],
        vms: tuple[type[PragueVM], type[PragueVM]] = (PragueVM, SmartVM),
        **options: Any,
    ) -> dict[str, Any]:
        first, second = (_observe(vm_class, accounts, **options) for vm_class in vms)
        assert second == first
        return first

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


@pytest.fixture(scope="session")
def words() -> Callable[[ComputationAPI], list[int]]:
    """A frame → its Stack as numbers; py-evm keeps a word as int or as bytes."""
    return lambda frame: list(map(to_int, frame._stack.values))


@pytest.fixture
def world() -> World:
    """A throwaway state of SmartVM."""
    return World()


@pytest.fixture
def stock_world() -> World:
    """A throwaway state of stock py-evm."""
    return World(PragueVM)


@pytest.fixture(scope="session")
def compiled() -> Callable[[str], bytes]:
    """The init code of a contract of contracts/, by its name."""
    return _compile


@pytest.fixture(scope="session")
def calldata() -> Callable[..., bytes]:
    """The calldata of a call: its signature, then its arguments."""
    return _calldata
