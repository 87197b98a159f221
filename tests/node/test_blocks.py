"""What the chain holds, read through the node."""

from __future__ import annotations

from typing import Any

import pytest

from smartvm.node.errors import INVALID_PARAMS, RESOURCE_NOT_FOUND, RPCError
from smartvm.node.node import Node

UNKNOWN = "0x" + "12" * 32
RETURN_42 = "0x602a60005260206000f3"
STORE_42 = "0x600580600b6000396000f3" + "602a600155"
"""Init code that leaves code which writes 42 to slot 1."""


@pytest.fixture
def sent(node: Node) -> str:
    """The hash of a transfer of 5 wei in block 1."""
    first, second = node.handle("eth_accounts")[:2]
    sent_: str = node.handle(
        "eth_sendTransaction", [{"from": first, "to": second, "value": "0x5", "gas": "0x5208"}]
    )
    return sent_


@pytest.mark.parametrize("tag", ["latest", "pending", "safe", "finalized", "0x1", 1, None])
def test_every_name_of_the_newest_block(node: Node, sent: str, tag: Any) -> None:
    block = node.handle("eth_getBlockByNumber", [tag, False])
    assert (block["number"], block["transactions"]) == ("0x1", [sent])


def test_a_block_by_hash_and_by_eip_1898(node: Node, sent: str) -> None:
    block = node.handle("eth_getBlockByNumber", ["latest", True])
    assert node.handle("eth_getBlockByHash", [block["hash"], True]) == block
    second = node.handle("eth_accounts")[1]
    for tag in ({"blockHash": block["hash"]}, {"blockNumber": "0x1"}, block["hash"]):
        after = int(node.handle("eth_getBalance", [second, tag]), 16)
        before = int(node.handle("eth_getBalance", [second, "earliest"]), 16)
        assert after - before == 5


def test_what_is_not_there_is_null(node: Node) -> None:
    for method, params in (
        ("eth_getBlockByNumber", ["0x9", False]),
        ("eth_getBlockByHash", [UNKNOWN, False]),
        ("eth_getBlockReceipts", ["0x9"]),
        ("eth_getTransactionByHash", [UNKNOWN]),
        ("eth_getTransactionReceipt", [UNKNOWN]),
        ("eth_getTransactionByBlockNumberAndIndex", ["0x0", "0x0"]),
        ("eth_getBlockTransactionCountByHash", [UNKNOWN]),
        ("eth_getUncleByBlockNumberAndIndex", ["0x0", "0x0"]),
    ):
        assert node.handle(method, params) is None


def test_the_state_of_a_block_that_is_not_there_is_an_error(node: Node) -> None:
    with pytest.raises(RPCError, match="newest is 0") as raised:
        node.handle("eth_getBalance", ["0x" + "00" * 20, "0x9"])
    assert raised.value.code == RESOURCE_NOT_FOUND


@pytest.mark.parametrize("tag", ["newest", "", "0x", "0x1" + "0" * 17, 1.5, [], {"blockHash": 1}])
def test_a_wrong_tag_is_refused(node: Node, tag: Any) -> None:
    with pytest.raises(RPCError) as raised:
        node.handle("eth_getBlockByNumber", [tag, False])
    assert raised.value.code == INVALID_PARAMS


def test_a_transaction_is_the_same_on_all_ways(node: Node, sent: str) -> None:
    found = node.handle("eth_getTransactionByHash", [sent])
    block = node.handle("eth_getBlockByNumber", ["0x1", True])
    assert block["transactions"] == [found]
    by_index = ("eth_getTransactionByBlockNumberAndIndex", ["0x1", "0x0"])
    assert node.handle(*by_index) == found
    by_hash = ("eth_getTransactionByBlockHashAndIndex", [block["hash"], "0x0"])
    assert node.handle(*by_hash) == found
    assert (found["type"], found["value"], found["blockNumber"]) == ("0x2", "0x5", "0x1")


def test_a_receipt(node: Node, sent: str) -> None:
    receipt = node.handle("eth_getTransactionReceipt", [sent])
    assert (receipt["status"], receipt["gasUsed"], receipt["logs"]) == ("0x1", "0x5208", [])
    assert receipt["contractAddress"] is None
    assert node.handle("eth_getBlockReceipts", ["0x1"]) == [receipt]
    price = int(node.handle("eth_getTransactionByHash", [sent])["gasPrice"], 16)
    assert int(receipt["effectiveGasPrice"], 16) == price


def test_the_counts_of_a_block(node: Node, sent: str) -> None:
    assert node.handle("eth_getBlockTransactionCountByNumber", ["0x1"]) == "0x1"
    assert node.handle("eth_getUncleCountByBlockNumber", ["0x1"]) == "0x0"


def test_accounts_code_and_storage(node: Node) -> None:
    first = node.handle("eth_accounts")[0]
    created = node.handle("eth_sendTransaction", [{"from": first, "data": STORE_42}])
    contract = node.handle("eth_getTransactionReceipt", [created])["contractAddress"]
    assert node.handle("eth_getCode", [contract, "latest"]) == "0x602a600155"
    assert node.handle("eth_getCode", [contract, "earliest"]) == "0x"
    node.handle("eth_sendTransaction", [{"from": first, "to": contract}])
    word = f"{42:#066x}"
    assert node.handle("eth_getStorageAt", [contract, "0x1", "latest"]) == word
    assert node.handle("eth_getStorageAt", [contract, f"{1:#066x}"]) == word
    assert node.handle("eth_getStorageAt", [contract, "0x1", "0x1"]) == f"{0:#066x}"
    assert node.handle("eth_getTransactionCount", [first, "latest"]) == "0x2"


def test_what_the_node_is(node: Node) -> None:
    assert node.handle("eth_chainId") == "0x539"
    assert node.handle("net_version") == "1337"
    assert node.handle("eth_syncing") is False
    assert node.handle("net_listening") is True
    assert node.handle("net_peerCount") == "0x0"
    assert node.handle("web3_clientVersion").startswith("SmartVM/v")
    assert node.handle("web3_sha3", ["0x"]).startswith("0xc5d2460186f7233c")
    assert {"eth", "debug", "smartvm"} <= node.handle("rpc_modules").keys()
