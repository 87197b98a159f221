"""Logs and filters."""

from __future__ import annotations

from typing import Any

import pytest

from smartvm.chain import Chain
from smartvm.node.errors import INVALID_PARAMS, LIMIT_EXCEEDED, RESOURCE_NOT_FOUND, RPCError
from smartvm.node.limits import Limits
from smartvm.node.node import Node

LOG_FIRST_WORD = "60003560005260005160006000a1" + "00"
"""Code that logs the first word of its calldata as a topic."""


def word(number: int) -> str:
    return f"{number:#066x}"


@pytest.fixture
def contract(node: Node) -> str:
    return deploy(node)


def deploy(node: Node) -> str:
    first = node.handle("eth_accounts")[0]
    size = len(LOG_FIRST_WORD) // 2
    init = f"0x60{size:02x}80600b6000396000f3{LOG_FIRST_WORD}"
    sent = node.handle("eth_sendTransaction", [{"from": first, "data": init}])
    address: str = node.handle("eth_getTransactionReceipt", [sent])["contractAddress"]
    return address


def log(node: Node, contract: str, number: int) -> str:
    """Have the contract log a number; the transaction's hash."""
    first = node.handle("eth_accounts")[0]
    request = {"from": first, "to": contract, "data": word(number), "gas": "0x186a0"}
    sent: str = node.handle("eth_sendTransaction", [request])
    return sent


def topics(logs: list[Any]) -> list[int]:
    return [int(entry["topics"][0], 16) for entry in logs]


def test_logs_are_found_by_range_address_and_topic(node: Node, contract: str) -> None:
    for number in (7, 8, 9):
        log(node, contract, number)

    def found(**fields: Any) -> list[int]:
        return topics(node.handle("eth_getLogs", [fields]))

    whole = {"fromBlock": "earliest", "toBlock": "latest"}
    assert found() == [9]
    assert found(**whole) == [7, 8, 9]
    assert found(fromBlock="0x2", toBlock="0x3") == [7, 8]
    assert found(fromBlock="0x3", toBlock="0xffff") == [8, 9]
    assert found(**whole, address=contract) == [7, 8, 9]
    assert found(**whole, address=["0x" + "11" * 20, contract]) == [7, 8, 9]
    assert found(**whole, address="0x" + "11" * 20) == []
    assert found(**whole, topics=[word(8)]) == [8]
    assert found(**whole, topics=[[word(7), word(9)]]) == [7, 9]
    assert found(**whole, topics=[None]) == [7, 8, 9]
    assert found(**whole, topics=[None, word(1)]) == []


def test_there_are_no_logs_in_blocks_to_come(node: Node, contract: str) -> None:
    log(node, contract, 1)
    assert node.handle("eth_getLogs", [{"fromBlock": "0x63"}]) == []
    assert node.handle("eth_getLogs", [{"fromBlock": "0x63", "toBlock": "0x1"}]) == []


def test_a_log_says_where_it_lies(node: Node, contract: str) -> None:
    sent = log(node, contract, 7)
    receipt = node.handle("eth_getTransactionReceipt", [sent])
    by_hash = node.handle("eth_getLogs", [{"blockHash": receipt["blockHash"]}])
    assert receipt["logs"] == by_hash
    (entry,) = by_hash
    assert (entry["address"], entry["transactionHash"]) == (contract, sent)
    assert (entry["blockNumber"], entry["logIndex"], entry["removed"]) == ("0x2", "0x0", False)
    assert int(receipt["logsBloom"], 16) != 0


def test_logs_are_counted_through_a_block() -> None:
    node = Node(Chain())
    address = deploy(node)
    node.handle("evm_setAutomine", [False])
    for number in (1, 2):
        log(node, address, number)
    node.handle("evm_mine")
    logs = node.handle("eth_getLogs", [{}])
    assert [entry["logIndex"] for entry in logs] == ["0x0", "0x1"]
    assert [entry["transactionIndex"] for entry in logs] == ["0x0", "0x1"]


def test_a_filter_tells_what_is_new(node: Node, contract: str) -> None:
    log(node, contract, 1)
    logs = node.handle("eth_newFilter", [{"topics": [[word(2), word(3)]]}])
    blocks = node.handle("eth_newBlockFilter")
    sent = node.handle("eth_newPendingTransactionFilter")
    transactions = [log(node, contract, number) for number in (2, 3, 4)]
    assert topics(node.handle("eth_getFilterChanges", [logs])) == [2, 3]
    assert node.handle("eth_getFilterChanges", [logs]) == []
    assert topics(node.handle("eth_getFilterLogs", [logs])) == []  # of the newest block
    assert node.handle("eth_getFilterChanges", [sent]) == transactions
    told = node.handle("eth_getFilterChanges", [blocks])
    assert told == [node.handle("eth_getBlockByNumber", [n])["hash"] for n in ("0x3", "0x4", "0x5")]


def test_a_filter_tells_anew_what_came_after_a_revert(node: Node, contract: str) -> None:
    found = node.handle("eth_newFilter", [{}])
    snapshot = node.handle("evm_snapshot")
    log(node, contract, 1)
    assert topics(node.handle("eth_getFilterChanges", [found])) == [1]
    node.handle("evm_revert", [snapshot])
    log(node, contract, 2)
    assert topics(node.handle("eth_getFilterChanges", [found])) == [2]


def test_a_filter_that_is_not_there(node: Node) -> None:
    installed = node.handle("eth_newBlockFilter")
    with pytest.raises(RPCError, match="a block has no news"):
        node.handle("eth_newFilter", [{"blockHash": word(1)}])
    with pytest.raises(RPCError, match="a filter on logs") as raised:
        node.handle("eth_getFilterLogs", [installed])
    assert raised.value.code == INVALID_PARAMS
    assert node.handle("eth_uninstallFilter", [installed]) is True
    assert node.handle("eth_uninstallFilter", [installed]) is False
    with pytest.raises(RPCError, match="not installed") as raised:
        node.handle("eth_getFilterChanges", [installed])
    assert raised.value.code == RESOURCE_NOT_FOUND


def test_bounds() -> None:
    node = Node(Chain(), limits=Limits(logs=2, log_blocks=4, filters=2))
    address = deploy(node)
    for number in range(3):
        log(node, address, number)
    with pytest.raises(RPCError, match="more than 2 logs") as raised:
        node.handle("eth_getLogs", [{"fromBlock": "0x1"}])
    assert raised.value.code == LIMIT_EXCEEDED
    with pytest.raises(RPCError, match="at most 4 blocks, found 0 to 4"):
        node.handle("eth_getLogs", [{"fromBlock": "0x0"}])
    oldest, *_ = [node.handle("eth_newBlockFilter") for _ in range(3)]
    with pytest.raises(RPCError, match="not installed"):
        node.handle("eth_getFilterChanges", [oldest])
