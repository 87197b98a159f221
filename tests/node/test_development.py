"""Blocks on demand, time, snapshots."""

from __future__ import annotations

from typing import Any

import pytest

from smartvm.chain import Chain
from smartvm.node.errors import RESOURCE_NOT_FOUND, RPCError
from smartvm.node.limits import Limits
from smartvm.node.node import Node

TARGET = "0x" + "77" * 20


def send(node: Node) -> Any:
    first = node.handle("eth_accounts")[0]
    return node.handle("eth_sendTransaction", [{"from": first, "to": TARGET, "value": "0x1"}])


def newest(node: Node) -> tuple[int, int]:
    """Number and time of the newest block."""
    block = node.handle("eth_getBlockByNumber", ["latest"])
    return int(block["number"], 16), int(block["timestamp"], 16)


def test_a_block_is_12_seconds_after_the_one_before(node: Node) -> None:
    node.handle("evm_mine")
    assert newest(node) == (1, 13)


def test_time_is_put_later_once(node: Node) -> None:
    assert node.handle("evm_increaseTime", [100]) == "0x64"
    assert node.handle("evm_increaseTime", ["0x1"]) == "0x65"
    node.handle("evm_mine")
    assert newest(node) == (1, 13 + 101)
    node.handle("evm_mine")
    assert newest(node) == (2, 13 + 101 + 12)


def test_the_time_of_the_next_block_is_set(node: Node) -> None:
    node.handle("evm_setNextBlockTimestamp", [5_000])
    send(node)
    assert newest(node) == (1, 5_000)
    node.handle("evm_mine", ["0x1770"])
    assert newest(node) == (2, 6_000)
    with pytest.raises(RPCError, match="expected more than 6000, found 6000"):
        node.handle("evm_setNextBlockTimestamp", [6_000])


def test_blocks_are_mined_in_number(node: Node) -> None:
    node.handle("evm_mine", [{"blocks": 5}])
    assert newest(node)[0] == 5
    with pytest.raises(RPCError, match="from 1 to 1000"):
        node.handle("evm_mine", [{"blocks": 10**6}])


def test_automine_is_turned_off_and_on(node: Node) -> None:
    node.handle("evm_setAutomine", [False])
    sent = send(node)
    assert newest(node)[0] == 0
    node.handle("evm_setAutomine", [True])
    assert newest(node)[0] == 1
    assert node.handle("eth_getTransactionReceipt", [sent])["status"] == "0x1"


def test_a_snapshot_is_gone_back_to_once(node: Node) -> None:
    send(node)
    snapshot = node.handle("evm_snapshot")
    sent = send(node)
    node.handle("evm_setAutomine", [False])
    send(node)
    assert node.handle("evm_revert", [snapshot]) is True
    assert newest(node)[0] == 1
    assert node.handle("eth_getBalance", [TARGET]) == "0x1"
    assert node.handle("eth_getTransactionReceipt", [sent]) is None
    assert node.pool.waiting == {}
    with pytest.raises(RPCError, match="not there, or was used") as raised:
        node.handle("evm_revert", [snapshot])
    assert raised.value.code == RESOURCE_NOT_FOUND


def test_a_snapshot_takes_later_ones_with_it(node: Node) -> None:
    first = node.handle("evm_snapshot")
    send(node)
    second = node.handle("evm_snapshot")
    node.handle("evm_revert", [first])
    with pytest.raises(RPCError, match="not there"):
        node.handle("evm_revert", [second])
    assert node.handle("evm_snapshot") == "0x3"


def test_the_oldest_snapshot_is_forgotten() -> None:
    node = Node(Chain(), limits=Limits(snapshots=2))
    oldest, *_ = [node.handle("evm_snapshot") for _ in range(3)]
    with pytest.raises(RPCError, match="not there"):
        node.handle("evm_revert", [oldest])


def test_the_same_requests_give_the_same_blocks() -> None:
    nodes = [Node(Chain()), Node(Chain())]
    for node in nodes:
        send(node)
        node.handle("evm_increaseTime", [7])
        send(node)
    first, second = (node.handle("eth_getBlockByNumber", ["latest", True]) for node in nodes)
    assert first == second
