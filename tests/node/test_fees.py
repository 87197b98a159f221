"""Fees, their suggestions and their history."""

from __future__ import annotations

from typing import Any

import pytest

from smartvm.node.errors import INVALID_PARAMS, RPCError
from smartvm.node.node import Node

GWEI = 10**9


@pytest.fixture
def busy(node: Node) -> Node:
    """A node with two blocks; the second holds transactions that pay 1 and 3 gwei a gas."""
    first, second, third = node.handle("eth_accounts")[:3]
    node.handle("evm_mine")
    node.handle("evm_setAutomine", [False])
    for sender, tip in ((first, GWEI), (second, 3 * GWEI)):
        fees = {"maxFeePerGas": hex(9 * GWEI), "maxPriorityFeePerGas": hex(tip)}
        node.handle("eth_sendTransaction", [{"from": sender, "to": third, "gas": "0x5208", **fees}])
    node.handle("evm_mine")
    return node


def test_what_is_suggested_is_mined(node: Node) -> None:
    first, second = node.handle("eth_accounts")[:2]
    price = node.handle("eth_gasPrice")
    tip = node.handle("eth_maxPriorityFeePerGas")
    for fees in ({"gasPrice": price}, {"maxFeePerGas": price, "maxPriorityFeePerGas": tip}):
        node.handle("eth_sendTransaction", [{"from": first, "to": second, **fees}])
    assert node.handle("eth_blockNumber") == "0x2"
    assert node.handle("eth_blobBaseFee") == "0x1"


def test_the_history_of_fees(busy: Node) -> None:
    history = busy.handle("eth_feeHistory", ["0x2", "latest", [0, 50, 50.1, 100]])
    fees = [busy.handle("eth_getBlockByNumber", [n])["baseFeePerGas"] for n in ("0x1", "0x2")]
    assert history["oldestBlock"] == "0x1"
    assert history["baseFeePerGas"][:2] == fees
    assert len(history["baseFeePerGas"]) == 3
    assert history["gasUsedRatio"] == [0.0, 42_000 / 2**40]
    assert history["reward"][0] == ["0x0"] * 4
    assert history["reward"][1] == [hex(tip * GWEI) for tip in (1, 1, 3, 3)]


def test_the_next_base_fee_is_that_of_the_next_block(busy: Node) -> None:
    promised = busy.handle("eth_feeHistory", ["0x1", "latest", []])["baseFeePerGas"][-1]
    busy.handle("evm_mine")
    assert busy.handle("eth_getBlockByNumber", ["latest"])["baseFeePerGas"] == promised


def test_a_history_ends_at_the_first_block(busy: Node) -> None:
    assert busy.handle("eth_feeHistory", [1_000, "0x1"])["oldestBlock"] == "0x0"
    assert "reward" not in busy.handle("eth_feeHistory", ["0x1", "latest"])
    assert busy.handle("eth_feeHistory", ["0x0", "latest"])["gasUsedRatio"] == []


@pytest.mark.parametrize("wrong", [[-1], [101], [True], ["5"], [50, 10], [0] * 101, 5])
def test_wrong_percentiles_are_refused(node: Node, wrong: Any) -> None:
    with pytest.raises(RPCError, match="rewardPercentiles") as raised:
        node.handle("eth_feeHistory", ["0x1", "latest", wrong])
    assert raised.value.code == INVALID_PARAMS
