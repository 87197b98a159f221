"""Ethereum's rules for transactions, each beside the last transaction that keeps it."""

from __future__ import annotations

from typing import Any

import pytest
from eth.constants import CREATE_CONTRACT_ADDRESS
from eth.vm.forks.cancun.constants import GAS_PER_BLOB
from eth.vm.forks.prague.state import PragueState
from eth.vm.forks.shanghai.constants import MAX_INITCODE_SIZE
from eth_tester import EthereumTester, PyEVMBackend
from eth_utils import ValidationError

from smartvm.chain import Chain
from smartvm.chain.accounts import ACCOUNT_BALANCE
from smartvm.exceptions import SmartVMError
from smartvm.vm import SmartVM, SmartVMState

GWEI = 10**9
GAS = 100_000
RECEIVER = b"\x22" * 20
BLOB_HASH = b"\x01" + bytes(31)
KINDS = {"blob_versioned_hashes": "blob", "authorization_list": "set_code"}
"""The type of transaction that has a field."""
LENIENT = SmartVM.configure(
    _state_class=SmartVMState.configure(validate_transaction=PragueState.validate_transaction)
)
"""A VM that lets slip what py-evm lets slip."""


def signed(chain: Chain, **changes: Any) -> Any:
    """A transaction that the next block accepts, of the type that the changes ask for."""
    account = chain.accounts[0]
    builder = chain.vm.get_transaction_builder()
    fields: dict[str, Any] = {
        "chain_id": chain.chain_id,
        "nonce": chain.nonce(account.address),
        "max_priority_fee_per_gas": GWEI,
        "max_fee_per_gas": 10 * GWEI,
        "gas": GAS,
        "to": RECEIVER,
        "value": 0,
        "data": b"",
        "access_list": (),
    }
    kind = next((KINDS[field] for field in changes if field in KINDS), "dynamic_fee")
    new = getattr(builder, f"new_unsigned_{kind}_transaction")
    return builder.decode(new(**(fields | changes)).as_signed_transaction(account.key).encode())


def blobs(count: int, fee: int) -> dict[str, Any]:
    return {"blob_versioned_hashes": [BLOB_HASH] * count, "max_fee_per_blob_gas": fee}


@pytest.fixture(scope="module")
def chain() -> Chain:
    return Chain()


def check(chain: Chain, transaction: Any, code: bytes = b"") -> None:
    """Validate a transaction on the newest state, where its sender has `code`."""
    state = chain.state
    state.set_code(transaction.sender, code)
    transaction.validate()
    state.validate_transaction(transaction)


def refuses(chain: Chain, reason: str, code: bytes = b"", **changes: Any) -> None:
    with pytest.raises(ValidationError, match=reason):
        check(chain, signed(chain, **changes), code)


def test_a_contract_sends_nothing(chain: Chain) -> None:
    refuses(chain, "EIP-3607", code=b"\x00")


def test_an_account_that_delegates_sends(chain: Chain) -> None:
    """EIP-7702: a delegation is the one code that may send."""
    check(chain, signed(chain), code=b"\xef\x01\x00" + RECEIVER)
    refuses(chain, "EIP-3607", code=b"\xef\x01\x00" + RECEIVER + b"\x00")


@pytest.mark.parametrize(
    ("data", "floor"),
    [(bytes(100), 21_000 + 100 * 10), (b"\x01" * 100, 21_000 + 100 * 40), (b"", 21_000)],
)
def test_the_floor_of_calldata_is_the_least_gas(chain: Chain, data: bytes, floor: int) -> None:
    check(chain, signed(chain, data=data, gas=floor))
    refuses(chain, "EIP-7623|Insufficient gas", data=data, gas=floor - 1)


def test_an_estimate_keeps_the_floor(chain: Chain) -> None:
    chain = Chain()
    data = b"\x01" * 1000
    assert chain.estimate(RECEIVER, data) == 21_000 + 40 * 1000
    assert chain.transact(RECEIVER, data, gas=61_000).gas_used == 61_000
    with pytest.raises(SmartVMError, match="EIP-7623"):
        chain.transact(RECEIVER, data, gas=60_999)


def test_py_evms_estimate_keeps_the_floor() -> None:
    tester = EthereumTester(PyEVMBackend(vm_configuration=((0, SmartVM),)))
    sender, receiver = tester.get_accounts()[:2]
    transaction = {"from": sender, "to": receiver, "data": "0x" + "11" * 1000, "value": 1}
    gas = tester.estimate_gas(transaction)
    assert gas >= 21_000 + 10 * 4 * 1000
    tester.send_transaction(transaction | {"gas": gas})


def test_the_senders_funds_cover_value_and_all_fees(chain: Chain) -> None:
    most = ACCOUNT_BALANCE - GAS * 10 * GWEI
    check(chain, signed(chain, value=most))
    refuses(chain, "EIP-1559", value=most + 1)


@pytest.mark.parametrize("count", [1, 6])
def test_the_senders_funds_cover_blobs_and_value(chain: Chain, count: int) -> None:
    most = ACCOUNT_BALANCE - GAS * 10 * GWEI - count * GAS_PER_BLOB * GWEI
    check(chain, signed(chain, value=most, **blobs(count, GWEI)))
    refuses(chain, "EIP-4844", value=most + 1, **blobs(count, GWEI))


def test_a_blob_transaction_creates_no_contract(chain: Chain) -> None:
    refuses(chain, "EIP-4844", to=CREATE_CONTRACT_ADDRESS, **blobs(1, GWEI))


@pytest.mark.parametrize("count", [1, 3])
def test_each_authorization_is_paid(chain: Chain, count: int) -> None:
    """EIP-7702: 25,000 gas each, whatever becomes of it."""
    authorization = {"chain_id": 0, "address": RECEIVER, "nonce": 0, "y_parity": 0, "r": 1, "s": 1}
    least = 21_000 + 25_000 * count
    check(chain, signed(chain, authorization_list=[authorization] * count, gas=least))
    refuses(chain, "gas limit", authorization_list=[authorization] * count, gas=least - 1)


def test_the_tip_is_part_of_the_fee(chain: Chain) -> None:
    check(chain, signed(chain, max_priority_fee_per_gas=10 * GWEI))
    refuses(chain, "EIP-1559", max_priority_fee_per_gas=10 * GWEI + 1)


def test_a_transaction_of_another_chain_is_refused(chain: Chain) -> None:
    refuses(chain, "EIP-155", chain_id=1)


@pytest.mark.parametrize(("chain_id", "accepted"), [(1337, True), (1, False), (None, True)])
def test_a_legacy_transaction_names_the_chain_or_none(chain: Chain, chain_id, accepted) -> None:
    builder = chain.vm.get_transaction_builder()
    unsigned = builder.create_unsigned_transaction(
        nonce=0, gas_price=10 * GWEI, gas=GAS, to=RECEIVER, value=0, data=b""
    )
    transaction = unsigned.as_signed_transaction(chain.accounts[0].key, chain_id)
    if accepted:
        check(chain, transaction)
    else:
        with pytest.raises(ValidationError, match="EIP-155"):
            check(chain, transaction)


def test_long_init_code_is_refused() -> None:
    chain = Chain()
    chain.deploy(bytes(MAX_INITCODE_SIZE))
    with pytest.raises(SmartVMError, match="at most 49,152 bytes, found 49,153"):
        chain.deploy(bytes(MAX_INITCODE_SIZE + 1))
    with pytest.raises(SmartVMError, match="EIP-3860"):
        chain.call(CREATE_CONTRACT_ADDRESS, bytes(MAX_INITCODE_SIZE + 1))
    assert chain.block_number == 1


def test_a_call_needs_no_funds_no_key_and_no_chain() -> None:
    chain = Chain()
    contract = chain.deploy(bytes.fromhex("600060005260016000f3")).contract  # its code is a STOP
    assert chain.call(RECEIVER, sender=contract) == b""
    assert chain.estimate(RECEIVER, sender=contract) == 21_000
    with pytest.raises(SmartVMError, match="balance"):
        chain.call(RECEIVER, value=1, sender=b"\x77" * 20)


@pytest.mark.parametrize(
    "changes",
    [
        {"data": b"\x01" * 1000, "gas": 60_999},
        {"max_priority_fee_per_gas": 11 * GWEI},
        {"chain_id": 1},
        {"value": ACCOUNT_BALANCE - GAS * 9 * GWEI},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_block_that_breaks_a_rule_is_not_imported(changes: dict[str, Any]) -> None:
    lenient, strict = Chain(vm=LENIENT), Chain()
    transaction = signed(lenient, **changes)
    lenient.mine([transaction])
    (block,) = lenient.export_blocks()
    with pytest.raises(SmartVMError, match=r"block refused.*EIP"):
        strict.import_block(block)
    with pytest.raises(SmartVMError, match=r"invalid transaction.*EIP"):
        strict.mine([transaction])
    assert strict.block_number == 0
