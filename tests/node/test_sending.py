"""Transactions of every type, signed here or by the node, and signatures."""

from __future__ import annotations

from typing import Any

import pytest
from eth_account import Account as Signer
from eth_account.messages import encode_defunct, encode_typed_data

from smartvm.chain import Account, Chain
from smartvm.node.errors import INVALID_PARAMS, LIMIT_EXCEEDED, RPCError
from smartvm.node.limits import Limits
from smartvm.node.node import Node

KEY = Account.numbered(0).key.to_bytes()
SENDER = Signer.from_key(KEY).address
TARGET = "0x" + "77" * 20
FEES = {"maxFeePerGas": 3 * 10**9, "maxPriorityFeePerGas": 10**9}
COMMON = {"to": TARGET, "value": 1, "gas": 100_000, "chainId": 1337}


def authorization(nonce: int) -> Any:
    """A signed permission to run the target's code in the sender's account."""
    unsigned = {"chainId": 1337, "address": TARGET, "nonce": nonce}
    return Signer.sign_authorization(unsigned, KEY)


TYPES: dict[int, dict[str, Any]] = {
    0: {"gasPrice": 2 * 10**9},
    1: {
        "gasPrice": 2 * 10**9,
        "accessList": [{"address": TARGET, "storageKeys": ["0x" + "00" * 32]}],
    },
    2: {**FEES},
    4: {**FEES, "authorizationList": [authorization(1)]},
}


@pytest.mark.parametrize("kind", TYPES)
def test_a_transaction_signed_elsewhere(node: Node, kind: int) -> None:
    signed = Signer.sign_transaction({**COMMON, **TYPES[kind], "nonce": 0}, KEY)
    sent = node.handle("eth_sendRawTransaction", ["0x" + signed.raw_transaction.hex()])
    assert sent == "0x" + signed.hash.hex()
    found = node.handle("eth_getTransactionByHash", [sent])
    assert (found["type"], found["from"]) == (hex(kind), SENDER.lower())
    assert found["r"] == hex(signed.r)
    receipt = node.handle("eth_getTransactionReceipt", [sent])
    assert (receipt["type"], receipt["status"]) == (hex(kind), "0x1")
    assert ("accessList" in found) == (kind > 0)
    assert ("authorizationList" in found) == (kind == 4)
    if kind == 4:
        assert node.handle("eth_getCode", [SENDER]) == "0xef0100" + TARGET[2:]


def hexed(value: Any) -> Any:
    """A field as JSON-RPC has it."""
    return hex(value) if isinstance(value, int) else value


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_a_transaction_signed_by_the_node(node: Node, kind: int) -> None:
    request = {name: hexed(value) for name, value in {**COMMON, **TYPES[kind]}.items()}
    sent = node.handle("eth_sendTransaction", [{"from": SENDER, **request}])
    assert node.handle("eth_getTransactionByHash", [sent])["type"] == hex(kind)
    assert node.handle("eth_getBalance", [TARGET]) == "0x1"


def test_a_set_code_transaction_signed_by_the_node(node: Node) -> None:
    granted = authorization(1)
    fields = {
        "chainId": hex(granted.chain_id),
        "address": TARGET,
        "nonce": "0x1",
        "yParity": hex(granted.y_parity),
        "r": hex(granted.r),
        "s": hex(granted.s),
    }
    sent = node.handle(
        "eth_sendTransaction", [{"from": SENDER, "to": TARGET, "authorizationList": [fields]}]
    )
    assert node.handle("eth_getTransactionByHash", [sent])["authorizationList"] == [fields]
    assert node.handle("eth_getCode", [SENDER]) == "0xef0100" + TARGET[2:]


def test_the_node_signs_without_sending(node: Node) -> None:
    signed = node.handle("eth_signTransaction", [{"from": SENDER, "to": TARGET}])
    assert node.handle("eth_getTransactionByHash", [signed["tx"]["hash"]]) is None
    assert node.handle("eth_sendRawTransaction", [signed["raw"]]) == signed["tx"]["hash"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"nonce": 1}, "nonce too high: expected 0, found 1"),
        ({"chainId": 1}, "chain id: expected 1337, found 1"),
        ({"gas": 20_000}, "invalid transaction"),
        ({"maxFeePerGas": 1, "maxPriorityFeePerGas": 0}, "lower than block's base fee"),
        ({"value": 10**30}, "insufficient funds"),
        ({"maxPriorityFeePerGas": 4 * 10**9}, "invalid transaction"),
    ],
)
def test_a_transaction_that_is_not_valid_is_refused(
    node: Node, change: dict[str, int], said: str
) -> None:
    signed = Signer.sign_transaction({**COMMON, **FEES, "nonce": 0, **change}, KEY)
    with pytest.raises(RPCError, match=said):
        node.handle("eth_sendRawTransaction", ["0x" + signed.raw_transaction.hex()])
    assert node.handle("eth_blockNumber") == "0x0"


def test_a_transaction_is_not_taken_twice(node: Node) -> None:
    signed = Signer.sign_transaction({**COMMON, **FEES, "nonce": 0}, KEY)
    raw = "0x" + signed.raw_transaction.hex()
    node.handle("eth_sendRawTransaction", [raw])
    with pytest.raises(RPCError, match="nonce too low: expected 1, found 0"):
        node.handle("eth_sendRawTransaction", [raw])


@pytest.mark.parametrize("raw", ["0x", "0x00", "0x02", "0x02c0", "0x7fc0", "0x" + "ff" * 200])
def test_bytes_that_are_no_transaction_are_refused(node: Node, raw: str) -> None:
    with pytest.raises(RPCError, match="invalid transaction"):
        node.handle("eth_sendRawTransaction", [raw])


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"from": TARGET, "to": TARGET}, "from: expected an account of the node"),
        ({"from": SENDER}, "to: expected an address, or init code"),
        ({"from": SENDER, "to": TARGET, "chainId": "0x1"}, "chainId: expected 1337"),
        ({"from": SENDER, "to": TARGET, "blobVersionedHashes": ["0x01"]}, "blobVersionedHashes"),
    ],
)
def test_what_the_node_does_not_sign(node: Node, request_: dict[str, Any], said: str) -> None:
    with pytest.raises(RPCError, match=said) as raised:
        node.handle("eth_sendTransaction", [request_])
    assert raised.value.code == INVALID_PARAMS


def test_init_code_that_is_too_long_is_refused(node: Node) -> None:
    request = {"from": SENDER, "data": "0x" + "00" * 49_153, "gas": "0x2faf080"}
    with pytest.raises(RPCError):
        node.handle("eth_sendTransaction", [request])
    assert node.handle("eth_blockNumber") == "0x0"


def test_what_waits_is_seen_and_counted() -> None:
    node = Node(Chain(), automine=False, limits=Limits(pool=2))
    request = {"from": SENDER, "to": TARGET, "gas": "0x5208"}
    first, second = (node.handle("eth_sendTransaction", [request]) for _ in range(2))
    assert node.handle("eth_getTransactionByHash", [first])["blockNumber"] is None
    assert node.handle("eth_getTransactionReceipt", [first]) is None
    assert node.handle("eth_getTransactionCount", [SENDER, "pending"]) == "0x2"
    assert node.handle("eth_getTransactionCount", [SENDER, "latest"]) == "0x0"
    with pytest.raises(RPCError, match="2 transactions wait already") as raised:
        node.handle("eth_sendTransaction", [request])
    assert raised.value.code == LIMIT_EXCEEDED
    node.handle("evm_mine")
    block = node.handle("eth_getBlockByNumber", ["latest", False])
    assert block["transactions"] == [first, second]


def test_what_cannot_be_mined_with_the_rest_is_dropped() -> None:
    node = Node(Chain(), automine=False)
    poor, rich = Account.numbered(0), Account.numbered(1)
    half = hex(600_000 * 10**18)
    sent = [
        node.handle(
            "eth_sendTransaction",
            [{"from": "0x" + account.address.hex(), "to": TARGET, "value": half, "gas": "0x5208"}],
        )
        for account in (poor, poor, rich)
    ]
    node.handle("evm_mine")
    receipts = [node.handle("eth_getTransactionReceipt", [one]) for one in sent]
    assert [receipt is not None for receipt in receipts] == [True, False, True]
    assert node.pool.waiting == {}


def test_a_message_is_signed(node: Node) -> None:
    signature = node.handle("eth_sign", [SENDER, "0x68656c6c6f"])
    assert Signer.recover_message(encode_defunct(b"hello"), signature=signature) == SENDER
    assert node.handle("personal_sign", ["0x68656c6c6f", SENDER]) == signature
    with pytest.raises(RPCError, match="an account of the node"):
        node.handle("eth_sign", [TARGET, "0x00"])


TYPED = {
    "types": {
        "EIP712Domain": [{"name": "name", "type": "string"}],
        "Mail": [{"name": "to", "type": "address"}],
    },
    "primaryType": "Mail",
    "domain": {"name": "post"},
    "message": {"to": TARGET},
}


def test_typed_data_is_signed(node: Node) -> None:
    signature = node.handle("eth_signTypedData_v4", [SENDER, TYPED])
    signable = encode_typed_data(full_message=TYPED)
    assert Signer.recover_message(signable, signature=signature) == SENDER


@pytest.mark.parametrize("wrong", [7, {}, {**TYPED, "primaryType": "None"}, {**TYPED, "types": 1}])
def test_typed_data_of_another_form_is_refused(node: Node, wrong: Any) -> None:
    with pytest.raises(RPCError, match="typed data: expected") as raised:
        node.handle("eth_signTypedData_v4", [SENDER, wrong])
    assert raised.value.code == INVALID_PARAMS


def test_a_call_may_come_from_a_contract(node: Node) -> None:
    """EIP-3607 is for transactions, which someone signs."""
    overrides = {TARGET: {"code": "0x00", "balance": "0x1"}}
    assert node.handle("eth_call", [{"from": TARGET, "to": SENDER}, "latest", overrides]) == "0x"
