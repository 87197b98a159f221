from __future__ import annotations

from smartvm.compiler.abi import event_topic
from smartvm.compiler.artefact import Artefact
from smartvm.compiler.contract_abi import INFERRED
from smartvm.compiler.program import Program, init_code
from smartvm.node.models_index import HistoryIndex
from smartvm.node.node import Node


def test_a_log_that_only_looks_like_an_inference_is_not_listed(node: Node) -> None:
    liar = Program(dnn=False).op("CALLER").push(event_topic(INFERRED))
    liar.push(64).push(0).op("LOG2").op("STOP")
    receipt = node.chain.deploy(init_code(liar.bytecode()))
    assert receipt.contract is not None
    node.chain.transact(receipt.contract)
    assert node.handle("smartvm_inferences") == []


def test_what_a_rewound_chain_has_left_is_forgotten(node: Node, small_model: Artefact) -> None:
    address = node.chain.deploy_model(small_model).address
    snapshot = node.handle("evm_snapshot")
    node.chain.infer(address, bytes(64))
    assert len(node.handle("smartvm_inferences")) == 1
    node.handle("evm_revert", [snapshot])
    assert node.handle("smartvm_inferences") == []
    node.chain.infer(address, bytes(63) + b"\xff")
    node.chain.infer(address, bytes(64))
    assert len(node.handle("smartvm_inferences")) == 2


def test_a_long_history_is_read_in_parts(node: Node, small_model: Artefact) -> None:
    address = node.chain.deploy_model(small_model).address
    hashes = [node.chain.infer(address, bytes(64)).receipt.transaction_hash for _ in range(3)]
    index = HistoryIndex()
    index.update(node.chain, most=2)
    assert index.newest == 1
    while index.newest < node.chain.block_number:
        index.update(node.chain, most=2)
    assert [event.transaction.hash for event in index.inferences()] == hashes[::-1]
    assert list(index.contracts()) == [address]
