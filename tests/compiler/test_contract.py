from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from eth.exceptions import Revert, WriteProtection
from eth_utils import keccak
from hypothesis import given
from hypothesis import strategies as st

import smartvm
from smartvm.compiler import lenet5
from smartvm.compiler.abi import (
    decode_int256_array,
    decode_uint256,
    encode_call,
    event_topic,
    revert_reason,
)
from smartvm.compiler.contract import (
    CLASSIFY,
    ERRORS,
    INFER,
    INFERRED,
    OWNER,
    PREDICT,
    SET_BLOCK,
    ModelContract,
    build_contract,
)
from smartvm.compiler.network import FullyConnected, Network
from smartvm.execution import CALLER

CALLER_WORD = int.from_bytes(CALLER, "big")
PIXELS = bytes([0, 1, 2, 254, 255, 77])
IMAGE_REFUSED = "image: expected 6 bytes, one a pixel"


def linear(weights: list[list[int]], bias: list[int], scale: int = 255) -> Network:
    """One fully connected layer on six pixels."""
    layer = FullyConnected("fc", np.array(weights, object), np.array(bias, object))
    return Network("linear", (1, 2, 3), scale, (layer,))


@pytest.fixture(scope="module")
def contract() -> ModelContract:
    weights = [[1, 2, 3, 4, 5, 6], [-6, 5, -4, 3, -2, 1], [0, 0, 0, 0, 0, -900]]
    return build_contract(linear(weights, [-1000, 0, 300]))


def call(contract: ModelContract, calldata: bytes, **options: object) -> smartvm.Execution:
    blocks = {number: block.items for number, block in contract.blocks.items()}
    storage = {0: CALLER_WORD}
    return smartvm.execute(
        contract.runtime, calldata=calldata, **{"blocks": blocks, "storage": storage, **options}
    )


def refusal(execution: smartvm.Execution) -> str:
    assert isinstance(execution.error, Revert), execution.error
    assert execution.gas_used < 10_000, "a refusal leaves the rest of the gas"
    return revert_reason(execution.output)


def test_predict_returns_the_logits(
    contract: ModelContract, evaluate: Callable[[Network, list[int]], list[int]]
) -> None:
    output = call(contract, encode_call(PREDICT, PIXELS)).raise_for_error().output
    assert decode_int256_array(output) == evaluate(contract.compiled.network, list(PIXELS))


def test_pixels_are_brought_to_the_scale_by_nearest_division() -> None:
    identity = np.eye(6, dtype=int).tolist()
    contract = build_contract(linear([[1000 * w for w in row] for row in identity], [0] * 6, 1000))
    output = call(contract, encode_call(PREDICT, PIXELS)).raise_for_error().output
    assert decode_int256_array(output) == [0, 4, 8, 996, 1000, 302]


def test_classify_returns_the_index_of_the_greatest_logit(contract: ModelContract) -> None:
    for pixels, label in ((PIXELS, 0), (bytes([0, 255, 0, 255, 0, 0]), 1), (bytes(6), 2)):
        logits = decode_int256_array(call(contract, encode_call(PREDICT, pixels)).output)
        assert int(np.argmax(logits)) == label
        assert decode_uint256(call(contract, encode_call(CLASSIFY, pixels)).output) == label


LOGITS = st.integers(-(2**240), 2**240) | st.sampled_from([-1, 0, 1])


@given(st.lists(LOGITS, min_size=1, max_size=20))
def test_the_first_of_the_greatest_logits_wins(logits: list[int]) -> None:
    contract = build_contract(linear([[0] * 6] * len(logits), logits, scale=1))
    output = call(contract, encode_call(CLASSIFY, PIXELS)).raise_for_error().output
    assert decode_uint256(output) == logits.index(max(logits))


def test_a_thousand_classes() -> None:
    logits = [min(index, 700) for index in range(1000)]
    contract = build_contract(linear([[0] * 6] * 1000, logits, scale=1))
    output = call(contract, encode_call(CLASSIFY, PIXELS)).raise_for_error().output
    assert decode_uint256(output) == 700


def test_infer_logs_the_caller_the_input_and_the_label(contract: ModelContract) -> None:
    execution = call(contract, encode_call(INFER, PIXELS)).raise_for_error()
    ((_, topics, data),) = execution.logs
    assert topics == (event_topic(INFERRED), CALLER_WORD)
    assert data == keccak(PIXELS) + execution.output
    assert execution.output == call(contract, encode_call(CLASSIFY, PIXELS)).output


def test_infer_is_no_view(contract: ModelContract) -> None:
    execution = call(contract, encode_call(INFER, PIXELS), static=True)
    assert isinstance(execution.error, WriteProtection)


@pytest.mark.parametrize("function", [PREDICT, CLASSIFY])
def test_views_run_in_a_static_call(contract: ModelContract, function: str) -> None:
    assert call(contract, encode_call(function, PIXELS), static=True).is_success


@pytest.mark.parametrize("function", [PREDICT, CLASSIFY, INFER])
@pytest.mark.parametrize("length", [0, 5, 7, 38])
def test_an_image_of_another_length_is_refused(
    contract: ModelContract, function: str, length: int
) -> None:
    assert refusal(call(contract, encode_call(function, bytes(length)))) == IMAGE_REFUSED


@pytest.mark.parametrize("kept", [3, 4, 35, 36, 67, 68, 73])
def test_cut_calldata_is_refused(contract: ModelContract, kept: int) -> None:
    message = "unknown function" if kept < 4 else IMAGE_REFUSED
    assert refusal(call(contract, encode_call(PREDICT, PIXELS)[:kept])) == message


def test_the_bytes_may_stand_anywhere_and_need_no_padding(contract: ModelContract) -> None:
    usual = encode_call(PREDICT, PIXELS)
    far = usual[:4] + (96).to_bytes(32, "big") + bytes(64) + usual[36:68] + PIXELS
    assert call(contract, far).output == call(contract, usual).output


@pytest.mark.parametrize("offset", [2**256 - 36, 2**256 - 1, 2**255, 1 << 64])
def test_an_offset_beyond_the_calldata_is_refused(contract: ModelContract, offset: int) -> None:
    usual = encode_call(PREDICT, PIXELS)
    calldata = usual[:4] + offset.to_bytes(32, "big") + usual[36:]
    assert refusal(call(contract, calldata)) == IMAGE_REFUSED


@pytest.mark.parametrize("calldata", [b"", b"\x12\x34\x56\x78", encode_call("transfer()")])
def test_an_unknown_function_is_refused(contract: ModelContract, calldata: bytes) -> None:
    assert refusal(call(contract, calldata)) == ERRORS["unknown_function"]


def test_ether_is_refused(contract: ModelContract) -> None:
    execution = call(contract, encode_call(PREDICT, PIXELS), value=1)
    assert refusal(execution) == ERRORS["not_payable"]


def test_owner(contract: ModelContract) -> None:
    assert decode_uint256(call(contract, encode_call(OWNER)).output) == CALLER_WORD


@pytest.mark.parametrize(
    ("item_bytes", "values"),
    [(1, [0, -128, 127]), (2, [-32768]), (3, [1, -(2**23)]), (32, [2**255 - 1, -(2**255)])],
)
def test_set_block_writes_a_block(
    contract: ModelContract, item_bytes: int, values: list[int]
) -> None:
    items = b"".join(value.to_bytes(item_bytes, "big", signed=True) for value in values)
    calldata = encode_call(SET_BLOCK, 2**64 - 1, item_bytes, items)
    execution = call(contract, calldata).raise_for_error()
    block = execution.state.get_block(smartvm.execution.CONTRACT, 2**64 - 1)
    assert block.item_bytes == item_bytes
    assert list(block.items) == values
    assert execution.output == b""


def test_only_the_owner_writes(contract: ModelContract) -> None:
    calldata = encode_call(SET_BLOCK, 1, 1, b"\1")
    execution = call(contract, calldata, storage={0: CALLER_WORD + 1})
    assert refusal(execution) == ERRORS["not_owner"]


@pytest.mark.parametrize(
    ("number", "item_bytes", "items"),
    [
        (1 << 64, 1, b"\1"),
        (2**256 - 1, 1, b"\1"),
        (1, 0, b"\1"),
        (1, 33, bytes(33)),
        (1, 2**256 - 1, b"\1"),
        (1, 2, b"\1\2\3"),
        (1, 1, b""),
    ],
)
def test_a_malformed_block_is_refused(
    contract: ModelContract, number: int, item_bytes: int, items: bytes
) -> None:
    calldata = encode_call(SET_BLOCK, number, item_bytes, items)
    assert refusal(call(contract, calldata)) == ERRORS["bad_block"]


@pytest.mark.parametrize("kept", [4, 36, 68, 100, 132, 135])
def test_a_cut_block_is_refused(contract: ModelContract, kept: int) -> None:
    calldata = encode_call(SET_BLOCK, 1, 1, b"\1\2\3\4")[:kept]
    assert refusal(call(contract, calldata)) == ERRORS["bad_block"]


def test_a_block_of_more_than_a_megabyte_is_refused(contract: ModelContract) -> None:
    calldata = encode_call(SET_BLOCK, 1, 1, bytes((1 << 20) + 1))
    assert refusal(call(contract, calldata)) == ERRORS["bad_block"]


def test_a_missing_weight_block_is_named(contract: ModelContract) -> None:
    execution = call(contract, encode_call(CLASSIFY, PIXELS), blocks={})
    assert isinstance(execution.error, smartvm.DNNError)
    assert "FULL_CON: weights" in str(execution.error)


def test_layer_at_finds_the_layer_of_an_instruction(contract: ModelContract) -> None:
    execution = call(contract, encode_call(CLASSIFY, PIXELS), trace=True)
    inside = [step.mnemonic for step in execution.steps if contract.layer_at(step.pc)]
    assert [name for name in inside if "PUSH" not in name] == ["FULL_CON", "BUF_SCL1"]
    assert len(inside) == contract.compiled.program.instruction_count


def test_lenet5_classifies_in_at_most_150_instructions() -> None:
    contract = build_contract(lenet5.load())
    images = lenet5.test_split()
    calldata = encode_call(CLASSIFY, images.pixels[0].tobytes())
    execution = call(contract, calldata, trace=True).raise_for_error()
    assert decode_uint256(execution.output) == images.labels[0]
    assert len(execution.steps) <= 150
    assert len(contract.runtime) < 24_576
