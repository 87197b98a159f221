from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from smartvm.chain import Chain
from smartvm.compiler import lenet5
from smartvm.compiler.abi import encode_call
from smartvm.compiler.contract import ModelContract, build_contract
from smartvm.compiler.contract_abi import INFER
from smartvm.compiler.price import run_gas
from smartvm.node.errors import INVALID_PARAMS, RPCError
from smartvm.node.formats import hex_bytes
from smartvm.node.node import Node


class Lenet(SimpleNamespace):
    """A node whose chain has LeNet-5, and three inferences of it."""

    node: Node
    chain: Chain
    model: ModelContract
    address: str
    images: list[bytes]
    transactions: list[str]

    def rpc(self, method: str, *parameters: Any) -> Any:
        return self.node.handle(method, parameters)


@pytest.fixture(scope="module")
def lenet() -> Lenet:
    chain, model = Chain(), build_contract(lenet5.load())
    address = chain.deploy_model(model).address
    images = [pixels.tobytes() for pixels in lenet5.test_split().pixels[:3]]
    hashes = [chain.infer(address, image).receipt.transaction_hash for image in images]
    return Lenet(
        node=Node(chain),
        chain=chain,
        model=model,
        address=hex_bytes(address),
        images=images,
        transactions=[hex_bytes(one) for one in hashes],
    )


def gas_by_layer(answer: dict[str, Any]) -> dict[str, int]:
    return {layer["name"]: int(layer["gas"], 16) for layer in answer["layers"]}


def test_a_model_is_found_and_described(lenet: Lenet) -> None:
    (found,) = lenet.rpc("smartvm_models")
    assert found["address"] == lenet.address
    assert found["name"] == "LeNet-5"
    assert found["modelHash"] == hex_bytes(lenet.model.model_hash)
    assert found["owner"] == hex_bytes(lenet.chain.accounts[0].address)
    assert found["input"] == {"bytes": 1024, "items": 1024, "itemBytes": 1, "unsigned": True}
    assert (found["outputItems"], found["outputScale"], found["classifies"]) == (10, "1020", True)
    assert found["summary"] == "3 conv, 4 relu, 2 pool, 2 fc"
    assert found["weightBytes"] == sum(len(b.packed) for b in lenet.model.blocks.values())
    assert (found["blockCount"], found["missingBlocks"], found["matchesHash"]) == (10, 0, True)
    creation = lenet.rpc("eth_getTransactionReceipt", found["transactionHash"])
    assert creation["contractAddress"].lower() == lenet.address
    assert found["blockNumber"] == creation["blockNumber"]


def test_layers_are_those_of_the_artefact(lenet: Lenet) -> None:
    """A name is derived from an instruction, and the gas of a layer is exactly its own."""
    found = gas_by_layer(
        lenet.rpc("smartvm_estimateGasByLayer", lenet.address, hex_bytes(lenet.images[0]))
    )
    price = run_gas(lenet.model, lenet.images[0])
    assert list(found) == ["input", *price.layers, "answer"]
    assert {name: found[name] for name in price.layers} == price.layers


def test_the_estimate_is_what_the_transaction_takes(lenet: Lenet) -> None:
    answer = lenet.rpc("smartvm_estimateGasByLayer", lenet.address, hex_bytes(lenet.images[1]))
    receipt = lenet.rpc("eth_getTransactionReceipt", lenet.transactions[1])
    assert answer["gas"] == receipt["gasUsed"]
    assert answer["calldata"] == hex_bytes(encode_call(INFER, lenet.images[1]))
    assert sum(gas_by_layer(answer).values()) == int(answer["frameGas"], 16)


def test_a_transaction_is_traced_by_layer(lenet: Lenet) -> None:
    trace = lenet.rpc("smartvm_traceLayers", lenet.transactions[0])
    estimate = lenet.rpc("smartvm_estimateGasByLayer", lenet.address, hex_bytes(lenet.images[0]))
    assert gas_by_layer(trace) == gas_by_layer(estimate)
    assert (trace["gas"], trace["frameGas"]) == (estimate["gas"], estimate["frameGas"])
    assert trace["address"] == lenet.address
    assert trace["error"] is None
    _, conv1, *_, answer = trace["layers"]
    assert (conv1["instruction"], conv1["blocks"]) == ("CONV_MUL", [1, 2])
    assert conv1["shape"] == [6, 28, 28]
    mnemonics = [line["mnemonic"] for line in conv1["instructions"]]
    assert mnemonics == ["CONV_MUL", "BUF_BIAS", "BUF_SCL1"]
    assert conv1["instructions"][0]["operands"] == (
        "weights=1 in_channels=1 out_channels=6 size=32 kernel=5"
    )
    label = lenet.rpc("smartvm_inferences")[-1]["label"]
    assert answer["bounds"] == [label, label]


def test_a_trace_says_what_bounds_the_map_of_a_layer(lenet: Lenet) -> None:
    found = lenet.rpc("smartvm_layers", lenet.address, hex_bytes(lenet.images[0]))
    outputs = lenet.chain.predict(bytes.fromhex(lenet.address[2:]), lenet.images[0]).outputs
    assert found["layers"][-2]["name"] == "fc2"
    assert found["layers"][-2]["bounds"] == [str(min(outputs)), str(max(outputs))]


def test_what_calls_no_model_has_no_layers(lenet: Lenet) -> None:
    other = lenet.chain.transact(lenet.chain.accounts[1].address)
    with pytest.raises(RPCError, match="it calls no model directly"):
        lenet.rpc("smartvm_traceLayers", hex_bytes(other.transaction_hash))
    with pytest.raises(RPCError, match="no block of the chain holds it"):
        lenet.rpc("smartvm_traceLayers", "0x" + "11" * 32)


def test_a_prediction_is_the_contracts(lenet: Lenet) -> None:
    image = lenet.images[2]
    expected = lenet.chain.predict(bytes.fromhex(lenet.address[2:]), image)
    found = lenet.rpc("smartvm_predict", lenet.address, hex_bytes(image))
    assert found["outputs"] == [str(output) for output in expected.outputs]
    assert found["values"] == [output / 1020 for output in expected.outputs]
    assert found["label"] == str(expected.label)
    as_items = lenet.rpc("smartvm_predict", lenet.address, list(image))
    assert as_items["outputs"] == found["outputs"]
    layers = lenet.rpc("smartvm_layers", lenet.address, hex_bytes(image))
    assert found["gas"] == layers["gas"]


def test_the_block_map_has_the_hashes_of_the_model_hash(lenet: Lenet) -> None:
    found = lenet.rpc("smartvm_blocks", lenet.address)
    assert [block["number"] for block in found["blocks"]] == list(lenet.model.blocks)
    for block in found["blocks"]:
        expected = lenet.model.blocks[block["number"]]
        assert block["hash"] == hex_bytes(expected.digest)
        assert (block["items"], block["itemBytes"]) == (len(expected.items), expected.item_bytes)
        assert block["bytes"] == len(expected.packed)
    assert (found["missing"], found["matchesHash"]) == ([], True)


def test_inferences_are_listed_from_the_newest(lenet: Lenet) -> None:
    found = lenet.rpc("smartvm_inferences")
    assert [one["transactionHash"] for one in found] == lenet.transactions[::-1]
    labels = [
        lenet.rpc("smartvm_predict", lenet.address, hex_bytes(i))["label"] for i in lenet.images
    ]
    assert [one["label"] for one in found] == labels[::-1]
    assert {one["caller"] for one in found} == {hex_bytes(lenet.chain.accounts[0].address)}
    assert lenet.rpc("smartvm_inferences", lenet.address, 1) == found[:1]
    assert lenet.rpc("smartvm_inferences", "0x" + "11" * 20) == []


def test_info_names_the_chain_and_what_runs_it(lenet: Lenet) -> None:
    found = lenet.rpc("smartvm_info")
    head = lenet.rpc("eth_getBlockByNumber", "latest", False)
    assert (found["blockHash"], found["stateRoot"]) == (head["hash"], head["stateRoot"])
    assert found["indexedBlock"] == found["blockNumber"] == head["number"]
    assert found["backend"].endswith("reference")


@pytest.mark.parametrize(
    ("method", "parameters", "message"),
    [
        ("smartvm_model", ["0x12"], "address: expected 20 bytes"),
        ("smartvm_model", ["0x" + "11" * 20], "expected a model contract, found no contract"),
        ("smartvm_predict", ["MODEL", "0x00"], "expected 1024 bytes .1024 items of 1., found 1"),
        ("smartvm_predict", ["MODEL", "zeros"], "expected bytes as 0x"),
        ("smartvm_predict", ["MODEL", [1, 2.5]], "or integers, found"),
        ("smartvm_predict", ["MODEL", [True] * 1024], "or integers, found"),
        ("smartvm_predict", ["MODEL", [256] * 1024], "expected integers of 1 bytes"),
        ("smartvm_predict", ["MODEL", []], "expected a number of items that divides 1024 bytes"),
        ("smartvm_layers", ["MODEL", {}], "expected bytes as 0x"),
        ("smartvm_traceLayers", ["0x00"], "transaction hash: expected 32 bytes"),
        ("smartvm_inferences", [None, -1], "limit: expected"),
        ("smartvm_inferences", [None, 10_000], "at most 1000"),
        ("smartvm_inferences", [7], "address: expected 20 bytes"),
    ],
)
def test_wrong_parameters_are_refused(
    lenet: Lenet, method: str, parameters: list[Any], message: str
) -> None:
    given = [lenet.address if one == "MODEL" else one for one in parameters]
    with pytest.raises(RPCError, match=message):
        lenet.rpc(method, *given)


def test_the_error_of_a_parameter_has_its_code(lenet: Lenet) -> None:
    with pytest.raises(RPCError) as refused:
        lenet.rpc("smartvm_predict", lenet.address, "0x00")
    assert refused.value.code == INVALID_PARAMS
