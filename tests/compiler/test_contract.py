"""The functions that answer: predict, classify, infer, and what is known of the model."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from eth.exceptions import WriteProtection
from eth_utils import keccak
from hypothesis import given
from hypothesis import strategies as st

import smartvm
from smartvm.compiler import lenet5
from smartvm.compiler.abi import decode_int256_array, decode_uint256, encode_call, event_topic
from smartvm.compiler.contract import ModelContract, build_contract, model_hash
from smartvm.compiler.contract_abi import (
    CLASSIFY,
    INFER,
    INFERRED,
    INPUT_BYTES,
    MODEL_HASH,
    OUTPUT_ITEMS,
    OUTPUT_SCALE,
    PREDICT,
)
from smartvm.compiler.contract_code import ERRORS
from smartvm.compiler.emit import emit
from smartvm.compiler.integer_graph import IntegerGraph, Interval, Value
from smartvm.compiler.operations import Clip
from smartvm.compiler.plan import plan
from smartvm.compiler.sequential import Sequential
from smartvm.exceptions import CodeSizeError, SmartVMError
from smartvm.execution import CALLER

Call = Callable[..., smartvm.Execution]
Refusal = Callable[[smartvm.Execution], str]

CALLER_WORD = int.from_bytes(CALLER, "big")
PIXELS = bytes([0, 1, 2, 254, 255, 77])
INPUT_REFUSED = "input: expected 6 bytes, 1 byte an item"
CODE_SIZE_LIMIT = 24_576
"""EIP-170."""


def linear(weights: list[list[int]], bias: list[int], scale: int = 255) -> IntegerGraph:
    """One fully connected layer on six pixels."""
    network = Sequential(
        "linear", (1, 2, 3), scale=scale, input_range=Interval(0, 255), input_scale=255
    )
    arrays = np.array(weights, object), np.array(bias, object)
    return network.fully_connected("fc", *arrays).graph


@pytest.fixture(scope="module")
def contract() -> ModelContract:
    weights = [[1, 2, 3, 4, 5, 6], [-6, 5, -4, 3, -2, 1], [0, 0, 0, 0, 0, -900]]
    return build_contract(linear(weights, [-1000, 0, 300]))


def test_predict_returns_the_logits(call: Call, contract: ModelContract) -> None:
    execution = call(contract, encode_call(PREDICT, PIXELS)).raise_for_error()
    sums = [
        sum(w * p for w, p in zip(row, PIXELS, strict=True)) + b
        for row, b in (
            ([1, 2, 3, 4, 5, 6], -1000),
            ([-6, 5, -4, 3, -2, 1], 0),
            ([0, 0, 0, 0, 0, -900], 300),
        )
    ]
    assert decode_int256_array(execution.output) == [round(total / 255) for total in sums]


def test_pixels_are_rounded_to_the_nearest_at_other_scales(call: Call) -> None:
    identity = np.identity(6, dtype=int).tolist()
    contract = build_contract(linear([[1000 * w for w in row] for row in identity], [0] * 6, 1000))
    output = call(contract, encode_call(PREDICT, PIXELS)).raise_for_error().output
    assert decode_int256_array(output) == [0, 4, 8, 996, 1000, 302]


def test_classify_returns_the_index_of_the_greatest_logit(
    call: Call, contract: ModelContract
) -> None:
    for pixels, label in ((PIXELS, 0), (bytes([0, 255, 0, 255, 0, 0]), 1), (bytes(6), 2)):
        logits = decode_int256_array(call(contract, encode_call(PREDICT, pixels)).output)
        assert int(np.argmax(logits)) == label
        assert decode_uint256(call(contract, encode_call(CLASSIFY, pixels)).output) == label


LOGITS = st.integers(-(2**254), 2**254) | st.sampled_from([-1, 0, 1])


@given(logits=st.lists(LOGITS, min_size=2, max_size=20))
def test_the_first_of_the_greatest_logits_wins(call: Call, logits: list[int]) -> None:
    contract = build_contract(linear([[0] * 6] * len(logits), logits, scale=1))
    output = call(contract, encode_call(CLASSIFY, PIXELS)).raise_for_error().output
    assert decode_uint256(output) == logits.index(max(logits))


def test_a_thousand_classes(call: Call) -> None:
    logits = [min(index, 700) for index in range(1000)]
    contract = build_contract(linear([[0] * 6] * 1000, logits, scale=1))
    output = call(contract, encode_call(CLASSIFY, PIXELS)).raise_for_error().output
    assert decode_uint256(output) == 700


def test_infer_logs_the_caller_the_input_and_the_label(call: Call, contract: ModelContract) -> None:
    execution = call(contract, encode_call(INFER, PIXELS)).raise_for_error()
    ((_, topics, data),) = execution.logs
    assert topics == (event_topic(INFERRED), CALLER_WORD)
    assert data == keccak(PIXELS) + execution.output
    assert execution.output == call(contract, encode_call(CLASSIFY, PIXELS)).output


def test_infer_is_no_view(call: Call, contract: ModelContract) -> None:
    execution = call(contract, encode_call(INFER, PIXELS), static=True)
    assert isinstance(execution.error, WriteProtection)


@pytest.mark.parametrize("function", [PREDICT, CLASSIFY])
def test_views_run_in_a_static_call(call: Call, contract: ModelContract, function: str) -> None:
    assert call(contract, encode_call(function, PIXELS), static=True).is_success


@pytest.mark.parametrize("function", [PREDICT, CLASSIFY, INFER])
@pytest.mark.parametrize("length", [0, 5, 7, 38])
def test_an_input_of_another_length_is_refused(
    call: Call, refusal: Refusal, contract: ModelContract, function: str, length: int
) -> None:
    assert refusal(call(contract, encode_call(function, bytes(length)))) == INPUT_REFUSED


@pytest.mark.parametrize("kept", [3, 4, 35, 36, 67, 68, 73])
def test_cut_calldata_is_refused(
    call: Call, refusal: Refusal, contract: ModelContract, kept: int
) -> None:
    message = "unknown function" if kept < 4 else INPUT_REFUSED
    assert refusal(call(contract, encode_call(PREDICT, PIXELS)[:kept])) == message


def test_the_bytes_may_stand_anywhere_and_need_no_padding(
    call: Call, contract: ModelContract
) -> None:
    usual = encode_call(PREDICT, PIXELS)
    far = usual[:4] + (96).to_bytes(32, "big") + bytes(64) + usual[36:68] + PIXELS
    assert call(contract, far).output == call(contract, usual).output


@pytest.mark.parametrize("offset", [2**256 - 36, 2**256 - 1, 2**255, 1 << 64])
def test_an_offset_beyond_the_calldata_is_refused(
    call: Call, refusal: Refusal, contract: ModelContract, offset: int
) -> None:
    usual = encode_call(PREDICT, PIXELS)
    calldata = usual[:4] + offset.to_bytes(32, "big") + usual[36:]
    assert refusal(call(contract, calldata)) == INPUT_REFUSED


@pytest.mark.parametrize("calldata", [b"", b"\x12\x34\x56\x78", encode_call("transfer()")])
def test_an_unknown_function_is_refused(
    call: Call, refusal: Refusal, contract: ModelContract, calldata: bytes
) -> None:
    assert refusal(call(contract, calldata)) == ERRORS["unknown_function"]


def test_ether_is_refused(call: Call, refusal: Refusal, contract: ModelContract) -> None:
    execution = call(contract, encode_call(PREDICT, PIXELS), value=1)
    assert refusal(execution) == ERRORS["not_payable"]


def test_a_missing_weight_block_is_named(call: Call, contract: ModelContract) -> None:
    execution = call(contract, encode_call(CLASSIFY, PIXELS), blocks={})
    assert isinstance(execution.error, smartvm.DNNError)
    assert "FULL_CON: weights" in str(execution.error)


def test_the_contract_says_what_it_takes_and_gives(call: Call, contract: ModelContract) -> None:
    answers = {
        name: decode_uint256(call(contract, encode_call(name)).raise_for_error().output)
        for name in (INPUT_BYTES, OUTPUT_ITEMS, OUTPUT_SCALE)
    }
    assert answers == {INPUT_BYTES: 6, OUTPUT_ITEMS: 3, OUTPUT_SCALE: 255}


def test_the_hash_is_that_of_the_code_and_the_blocks(call: Call, contract: ModelContract) -> None:
    found = call(contract, encode_call(MODEL_HASH)).raise_for_error().output
    assert found == contract.model_hash
    assert contract.runtime.count(found) == 1
    unhashed = contract.runtime.replace(found, bytes(32))
    assert model_hash(unhashed, contract.blocks) == found
    changed = {n: b._replace(items=b.items + (n == 2)) for n, b in contract.blocks.items()}
    assert model_hash(unhashed, changed) != found


def test_a_network_that_gives_no_classes_has_predict_alone(call: Call, refusal: Refusal) -> None:
    network = Sequential("map", (1, 2, 3), scale=1, input_range=Interval(0, 255))
    contract = build_contract(network.relu("relu").graph)
    names = [entry.get("name") for entry in contract.abi]
    assert "predict" in names
    assert not {"classify", "infer", "Inferred"} & set(names)
    output = call(contract, encode_call(PREDICT, PIXELS)).raise_for_error().output
    assert decode_int256_array(output) == list(PIXELS)
    execution = call(contract, encode_call(CLASSIFY, PIXELS))
    assert refusal(execution) == ERRORS["unknown_function"]


def test_several_outputs_follow_each_other(call: Call) -> None:
    network = Sequential("pair", (1, 2, 3), scale=1, input_range=Interval(0, 255))
    graph = network.relu("relu").max_pool("pool", 2, 1).graph
    graph.outputs = ("pool", "relu")
    output = call(build_contract(graph), encode_call(PREDICT, PIXELS)).raise_for_error().output
    assert decode_int256_array(output) == [255, 255, *PIXELS]


def test_a_network_of_several_inputs_is_refused() -> None:
    graph = linear([[0] * 6], [1])
    graph.inputs = ("input", "other")
    graph.values["other"] = Value((1,))
    with pytest.raises(SmartVMError, match="one input, found 2"):
        build_contract(graph)


def deep_network(layers: int, kinds: int) -> IntegerGraph:
    """Layers of 30 bytes that change nothing, as many of them different as `kinds` says."""
    graph = Sequential("deep", (1, 2, 3), scale=1, input_range=Interval(0, 255)).graph
    for number in range(layers):
        name = f"clip{number}"
        clip = Clip(name, graph.outputs, -(1 << 200) - number % kinds, 255, source=name)
        graph.operations.append(clip)
        graph.values[name] = graph.values["input"]
        graph.outputs = (name,)
    return graph


@pytest.mark.parametrize(("layers", "kinds"), [(900, 450), (1000, 7)])
def test_code_that_repeats_is_shared_where_it_would_be_too_long(
    call: Call, layers: int, kinds: int
) -> None:
    graph = deep_network(layers, kinds)
    assert len(emit(graph, plan(graph)).program.bytecode()) > CODE_SIZE_LIMIT
    contract = build_contract(graph)
    assert len(contract.runtime) <= CODE_SIZE_LIMIT
    execution = call(contract, encode_call(PREDICT, PIXELS), trace=True).raise_for_error()
    assert decode_int256_array(execution.output) == list(PIXELS)
    steps = list(contract.attribute(execution.steps))
    assert [step for step, _ in steps] == execution.steps
    assert {name for _, name in steps} == {"", *(layer.name for layer in contract.layers)}


def test_code_that_stays_too_long_is_refused_with_its_sizes() -> None:
    with pytest.raises(CodeSizeError, match=r"deep: .* EIP-170 allows 24,576"):
        build_contract(deep_network(1000, 1000))


def test_lenet5_classifies_in_at_most_150_instructions(call: Call) -> None:
    contract = build_contract(lenet5.load())
    images = lenet5.test_split()
    calldata = encode_call(CLASSIFY, images.pixels[0].tobytes())
    execution = call(contract, calldata, trace=True).raise_for_error()
    assert decode_uint256(execution.output) == images.labels[0]
    assert len(execution.steps) <= 150
    assert len(contract.runtime) < CODE_SIZE_LIMIT
