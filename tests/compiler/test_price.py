from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartvm.chain import Chain, upload_blocks
from smartvm.compiler import lenet5
from smartvm.compiler.abi import encode_call
from smartvm.compiler.certify import Bound, certify
from smartvm.compiler.contract import ModelContract, build_contract, set_block_call
from smartvm.compiler.contract_abi import INFER, PREDICT
from smartvm.compiler.integer_graph import IntegerGraph, Interval, Value
from smartvm.compiler.operations import EXP, Function, Multiply, MultiplyConstant
from smartvm.compiler.price import (
    block_gas,
    deploy_gas,
    layer_blocks,
    run_bound,
    run_gas,
    update_gas,
    upload_gas,
)
from smartvm.compiler.sequential import Sequential


@pytest.fixture(scope="module")
def contract() -> ModelContract:
    return build_contract(lenet5.load())


@pytest.fixture(scope="module")
def chain() -> Chain:
    return Chain()


@pytest.fixture(scope="module")
def address(chain: Chain, contract: ModelContract) -> bytes:
    """The contract with its weights, once prices of deployment and upload are as the chain's."""
    receipt = chain.deploy(contract.init_code)
    assert receipt.gas_used == deploy_gas(contract)
    upload = upload_blocks(chain, receipt.contract, contract.blocks)
    assert upload.gas_used == upload_gas(contract)
    for number, written in zip(contract.blocks, upload.receipts, strict=True):
        assert written.gas_used == block_gas(contract, number, exists=False)
    return receipt.contract


@pytest.mark.parametrize("image", [0, 7, 100])
def test_a_run_costs_what_is_said_before(
    chain: Chain, address: bytes, contract: ModelContract, image: int
) -> None:
    packed = lenet5.test_split().pixels[image].tobytes()
    price = run_gas(contract, packed)
    assert chain.transact(address, encode_call(INFER, packed)).gas_used == price.total
    assert list(price.layers) == [layer.name for layer in contract.layers]
    computation = chain.simulate(address, encode_call(INFER, packed))
    assert sum(price.layers.values()) + price.around == computation.get_gas_used()


def test_updates_of_a_layer_cost_what_is_said_before(
    chain: Chain, address: bytes, contract: ModelContract
) -> None:
    numbers, prices = layer_blocks(contract), update_gas(contract)
    assert numbers == {
        "conv1": [1, 2],
        "conv2": [3, 4],
        "conv3": [5, 6],
        "fc1": [7, 8],
        "fc2": [9, 10],
    }
    for layer in ("conv1", "fc2"):
        receipts = [
            chain.transact(address, set_block_call(number, contract.blocks[number]))
            for number in numbers[layer]
        ]
        assert sum(receipt.gas_used for receipt in receipts) == prices[layer]


def test_no_image_costs_more_than_the_bound(contract: ModelContract) -> None:
    bound = run_bound(contract, certify(contract.graph))
    images = [bytes(1024), b"\xff" * 1024, b"\x00\xff" * 512]
    images += [pixels.tobytes() for pixels in lenet5.test_split().pixels[:10]]
    prices = [run_gas(contract, image).total for image in images]
    assert max(prices) <= bound.total
    assert bound.total < 1.5 * max(prices)


@st.composite
def networks(draw: st.DrawFn) -> IntegerGraph:
    """Layers whose values are of any width."""
    low = -draw(st.sampled_from([0, 1, 100, 1 << 15, 1 << 31, 1 << 62, 1 << 90]))
    high = draw(st.sampled_from([0, 1, 255, 1 << 20, 1 << 40, 1 << 70]))
    network = Sequential(
        "any", (2, 4, 4), scale=draw(st.integers(1, 999)), input_range=Interval(low, high)
    )
    generator = np.random.default_rng(draw(st.integers(0, 99)))
    magnitude = draw(st.sampled_from([1, 1000, 1 << 40]))
    weights = generator.integers(-magnitude, magnitude, (3, 2, 3, 3), endpoint=True)
    network.convolution("conv", weights, weights[:, 0, 0, 0], padding=1)
    if draw(st.booleans()):
        network.relu("relu")
    draw(st.sampled_from([network.max_pool, network.average_pool]))("pool", 2)
    rows = generator.integers(-magnitude, magnitude, (2, 12), endpoint=True)
    return network.fully_connected("fc", rows, rows[:, 0]).graph


@given(networks(), st.data())
def test_the_bound_holds_for_every_input_in_range(graph: IntegerGraph, data: st.DataObject) -> None:
    contract = build_contract(graph)
    bound = run_bound(contract, certify(graph))
    items = st.integers(*graph.input_ranges["input"])
    values = data.draw(st.lists(items, min_size=32, max_size=32))
    packed = contract.input_format.pack(np.array(values, dtype=object))
    assert run_gas(contract, packed).total <= bound.total


@pytest.mark.parametrize("ends", [(-5000, 3), (-3, 5000), (-9000, 9000)])
def test_the_bound_holds_for_an_input_of_one_item(ends: tuple[int, int]) -> None:
    graph = IntegerGraph(
        "one",
        inputs=("x",),
        outputs=("z",),
        values={"x": Value((1,)), "y": Value((1,)), "z": Value((1,))},
        operations=[Function("y", ("x",), 100, EXP), Multiply("z", ("y", "x"), 1)],
        input_ranges={"x": Interval(*ends)},
    )
    contract = build_contract(graph)
    bound = run_bound(contract, certify(graph)).total
    for value in (*ends, 0):
        packed = contract.input_format.pack(np.array([value]))
        assert run_gas(contract, packed).total <= bound


def test_the_bound_is_that_of_the_certificate() -> None:
    graph = Sequential("scaled", (4,), scale=1, input_range=Interval(-9, 9)).graph
    graph.operations.append(MultiplyConstant("y", ("input",), 1 << 20, source="scale"))
    graph.operations.append(MultiplyConstant("z", ("y",), 3, source="again"))
    graph.values |= {"y": Value((4,)), "z": Value((4,))}
    graph.outputs = ("z",)
    contract, certificate = build_contract(graph), certify(graph)
    wider = certificate | {"y": Bound("y", Interval(0, 1 << 200), Interval(0, 0))}
    narrow, wide = (run_bound(contract, bounds).layers["again"] for bounds in (certificate, wider))
    assert narrow < wide


def test_a_network_without_classes_is_priced_by_predict() -> None:
    network = Sequential("map", (1, 2, 2), scale=1, input_range=Interval(0, 255))
    contract = build_contract(network.relu("relu").graph)
    chain = Chain()
    address = chain.deploy(contract.init_code).contract
    packed = bytes([1, 2, 3, 4])
    paid = chain.transact(address, encode_call(PREDICT, packed)).gas_used
    assert run_gas(contract, packed).total == paid
    assert update_gas(contract) == {}
    assert upload_gas(contract) == 0
