"""Nodes give each other blocks, and a proof of an account leads from their root."""

from __future__ import annotations

import pytest
from eth_utils import keccak, to_bytes

from smartvm.chain import Chain
from smartvm.node.errors import SERVER_ERROR, RPCError
from smartvm.node.limits import Limits
from smartvm.node.node import Node
from smartvm.storage.proofs import verify_account, verify_keys

STORE = "0x602a600155"
"""Init code that writes 42 to slot 1 and leaves no code."""


@pytest.fixture
def grown(node: Node) -> Node:
    """A node with three blocks."""
    first, second = node.handle("eth_accounts")[:2]
    for _ in range(2):
        node.handle("eth_sendTransaction", [{"from": first, "to": second, "value": "0x1"}])
    node.handle("eth_sendTransaction", [{"from": first, "data": STORE}])
    return node


def test_blocks_of_one_node_are_the_others(grown: Node) -> None:
    other = Node(Chain())
    for block in grown.handle("smartvm_exportBlocks", ["0x1"]):
        added = other.handle("smartvm_importBlock", [block])
    newest = grown.handle("eth_getBlockByNumber", ["latest", True])
    assert added == {key: newest[key] for key in ("number", "hash", "stateRoot")}
    assert other.handle("eth_getBlockByNumber", ["latest", True]) == newest


def test_what_was_imported_waits_no_more(grown: Node) -> None:
    other = Node(Chain(), automine=False)
    raw = grown.handle("eth_getBlockByNumber", ["0x1", True])["transactions"][0]
    first, second = other.handle("eth_accounts")[:2]
    request = {"from": first, "to": second, "value": "0x1", "gas": raw["gas"]}
    waiting = other.handle("eth_sendTransaction", [request])
    assert waiting == raw["hash"]
    other.handle("smartvm_importBlock", grown.handle("smartvm_exportBlocks", [1, 1]))
    assert other.pool.waiting == {}
    assert other.handle("eth_getTransactionByHash", [waiting])["blockNumber"] == "0x1"


def test_an_export_is_given_in_parts(grown: Node) -> None:
    node = Node(grown.chain, limits=Limits(export_bytes=1))
    assert len(node.handle("smartvm_exportBlocks", [1])) == 1
    assert node.handle("smartvm_exportBlocks", [4]) == []


def test_a_block_that_does_not_fit_is_refused(grown: Node) -> None:
    first, second, _ = grown.handle("smartvm_exportBlocks", [1])
    other = Node(Chain())
    for wrong in (second, first[:-2], "0x", "0xc0", "0x" + first[2:].replace("01", "02", 3)):
        with pytest.raises(RPCError, match="block refused") as raised:
            other.handle("smartvm_importBlock", [wrong])
        assert raised.value.code == SERVER_ERROR
    assert other.handle("eth_blockNumber") == "0x0"


def test_a_proof_of_an_account_and_its_slots(grown: Node) -> None:
    block = grown.handle("eth_getBlockByNumber", ["latest", True])
    sent = block["transactions"][0]["hash"]
    contract = grown.handle("eth_getTransactionReceipt", [sent])["contractAddress"]
    proof = grown.handle("eth_getProof", [contract, ["0x1", "0x2"], "latest"])
    root = to_bytes(hexstr=block["stateRoot"])
    nodes = tuple(to_bytes(hexstr=node) for node in proof["accountProof"])
    account = verify_account(root, to_bytes(hexstr=contract), nodes)
    assert account is not None
    assert "0x" + account.storage_root.hex() == proof["storageHash"]
    first, second = proof["storageProof"]
    assert (first["value"], second["value"]) == ("0x2a", "0x0")
    nodes = tuple(to_bytes(hexstr=node) for node in first["proof"])
    assert verify_keys(account.storage_root, [keccak((1).to_bytes(32, "big"))], nodes) == [b"\x2a"]


def test_a_proof_that_there_is_no_account(grown: Node) -> None:
    proof = grown.handle("eth_getProof", ["0x" + "12" * 20, ["0x0"]])
    assert (proof["balance"], proof["nonce"]) == ("0x0", "0x0")
    assert proof["accountProof"]
    assert proof["storageProof"] == [{"key": f"{0:#066x}", "value": "0x0", "proof": []}]
