from __future__ import annotations

import numpy as np
import pytest

from smartvm.chain import Chain
from smartvm.compiler.abi import encode_call
from smartvm.compiler.artefact import Artefact
from smartvm.compiler.contract import set_block_call
from smartvm.compiler.contract_abi import FREEZE, TRANSFER_OWNERSHIP
from smartvm.compiler.emit import WeightBlock
from smartvm.compiler.program import Program, init_code
from smartvm.node.errors import RPCError
from smartvm.node.formats import hex_bytes
from smartvm.node.limits import Limits
from smartvm.node.node import Node


def test_other_contracts_are_no_models(node: Node) -> None:
    for program in (Program(dnn=False).op("STOP"), Program().op("STOP")):
        node.chain.deploy(init_code(program.bytecode()))
    assert node.handle("smartvm_models") == []


def impostor(claimed: int, returned: int) -> bytes:
    """Init code of a DNN contract that answers every call with `claimed`, a MTOB behind it."""
    program = Program().push(claimed).push(0).op("MSTORE").push(returned).push(0).op("RETURN")
    return init_code(program.op("MTOB", offset=0, count=4, item_bytes=1).bytecode())


@pytest.mark.parametrize("claimed", [0, 3, 1 << 30, (1 << 256) - 1])
def test_a_contract_that_claims_what_cannot_be_is_no_model(node: Node, claimed: int) -> None:
    node.chain.deploy(impostor(claimed, 32))
    assert node.handle("smartvm_models") == []


def test_a_contract_that_answers_nonsense_harms_nothing(node: Node) -> None:
    receipt = node.chain.deploy(impostor(4, 32))
    assert receipt.contract is not None
    (found,) = node.handle("smartvm_models")
    assert found["matchesHash"] is False
    assert node.handle("smartvm_model", [found["address"]])["layers"] == []
    with pytest.raises(RPCError, match=r"predict: expected an ABI-encoded int256\[\]"):
        node.handle("smartvm_predict", [found["address"], "0x00000000"])


def test_a_model_that_a_contract_has_created_is_found_by_its_blocks(
    node: Node, small_model: Artefact
) -> None:
    """A factory creates the model and passes it on to the sender."""
    payload, owner = small_model.contract.init_code, node.chain.accounts[0].address
    factory = Program(dnn=False).data("payload", payload).data("call", bytes(12) + owner)
    factory.push(len(payload)).push_offset("payload").push(0).op("CODECOPY")
    factory.push(len(payload)).push(0).push(0).op("CREATE")
    selector = encode_call(TRANSFER_OWNERSHIP, 0)[:4]
    factory.push_bytes(selector + bytes(28)).push(0).op("MSTORE")
    factory.push(32).push_offset("call").push(4).op("CODECOPY")
    for argument in (0, 0, 36, 0, 0):
        factory.push(argument)
    factory.op("DUP6").op("GAS").op("CALL").op("POP")
    factory.push(0).op("MSTORE").push(32).push(0).op("RETURN")
    receipt = node.chain.deploy(factory.bytecode())
    address = receipt.output[-20:]
    assert node.handle("smartvm_models") == []
    node.chain.deploy_model(small_model, address=address)
    (found,) = node.handle("smartvm_models")
    assert found["address"] == hex_bytes(address)
    assert found["blockNumber"] is found["transactionHash"] is None


def test_a_model_whose_upload_is_not_finished(node: Node, small_model: Artefact) -> None:
    receipt = node.chain.deploy(small_model.contract.init_code)
    assert receipt.contract is not None
    address = hex_bytes(receipt.contract)
    (found,) = node.handle("smartvm_models")
    assert (found["blockCount"], found["matchesHash"]) == (0, False)
    assert node.handle("smartvm_blocks", [address])["missing"] == list(small_model.contract.blocks)
    shown = node.handle("smartvm_model", [address])
    assert "expected block 1, found no such block" in shown["error"]
    assert [layer["name"] for layer in shown["layers"]] == [
        "input",
        "conv1",
        "relu1",
        "pool1",
        "fc1",
    ]
    assert all(layer["gas"] is None for layer in shown["layers"])
    with pytest.raises(RPCError, match="no such block"):
        node.handle("smartvm_predict", [address, "0x" + "00" * 64])


def test_weights_that_are_written_anew_are_no_longer_those_of_the_model_hash(
    node: Node, small_model: Artefact
) -> None:
    address = node.chain.deploy_model(small_model).address
    before = node.handle("smartvm_model", [hex_bytes(address)])
    block = WeightBlock(np.ones(9, int), 1)
    node.chain.transact(address, set_block_call(1, block))
    node.chain.transact(address, encode_call(FREEZE))
    after = node.handle("smartvm_model", [hex_bytes(address)])
    assert (before["matchesHash"], after["matchesHash"]) == (True, False)
    assert after["version"] == before["version"] + 1
    assert (before["frozen"], after["frozen"]) == (False, True)
    assert before["storageRoot"] != after["storageRoot"]


def test_a_trace_that_is_too_long_is_cut_off(small_model: Artefact) -> None:
    node = Node(Chain(), limits=Limits(trace_items=40))
    address = hex_bytes(node.chain.deploy_model(small_model).address)
    found = node.handle("smartvm_model", [address])
    assert "the trace is too long" in found["error"]
    assert [layer["name"] for layer in found["layers"]] == [
        "input",
        "conv1",
        "relu1",
        "pool1",
        "fc1",
    ]
    assert node.handle("smartvm_predict", [address, "0x" + "00" * 64])["outputs"]


def test_a_model_that_does_not_come_with_smartvm_has_no_name(
    node: Node, small_model: Artefact
) -> None:
    node.chain.deploy_model(small_model)
    (found,) = node.handle("smartvm_models")
    assert found["name"] is None
    assert found["summary"] == "1 conv, 1 relu, 1 pool, 1 fc"
