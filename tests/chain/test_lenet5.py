"""LeNet-5 on a chain: what the whole project promises of it."""

from __future__ import annotations

import numpy as np
import pytest

from smartvm.chain import Chain, ExecutionFailed, upload_blocks
from smartvm.compiler import lenet5
from smartvm.compiler.abi import (
    decode_int256_array,
    decode_uint256,
    encode_call,
    event_topic,
)
from smartvm.compiler.contract import build_contract
from smartvm.compiler.contract_abi import CLASSIFY, INFER, INFERRED, PREDICT
from smartvm.trace import Tracer

PAPER_GAS = 2_120_000


@pytest.fixture(scope="module")
def images() -> lenet5.Images:
    return lenet5.test_split()


@pytest.fixture(scope="module")
def chain() -> Chain:
    return Chain()


@pytest.fixture(scope="module")
def address(chain: Chain) -> bytes:
    contract = build_contract(lenet5.load())
    created = chain.deploy(contract.init_code).contract
    assert created is not None
    with pytest.raises(ExecutionFailed, match="CONV_MUL: weights"):
        chain.call(created, encode_call(CLASSIFY, bytes(1024)))
    upload_blocks(chain, created, contract.blocks)
    return created


@pytest.fixture(scope="module")
def labels(chain: Chain, address: bytes, images: lenet5.Images) -> np.ndarray:
    """The answer of the contract for every held-out image."""
    calls = (encode_call(CLASSIFY, pixels.tobytes()) for pixels in images.pixels)
    return np.array([decode_uint256(chain.call(address, calldata)) for calldata in calls])


def test_it_agrees_with_the_float_model(labels: np.ndarray, images: lenet5.Images) -> None:
    floats = lenet5.float_logits(images.pixels).argmax(axis=1)
    assert (labels == floats).mean() >= 0.995


def test_it_is_as_accurate_as_the_float_model(labels: np.ndarray, images: lenet5.Images) -> None:
    assert (labels == images.labels).mean() >= 0.99


def test_its_logits_are_those_of_the_float_model_at_the_scale(
    chain: Chain, address: bytes, images: lenet5.Images
) -> None:
    outputs = (
        chain.call(address, encode_call(PREDICT, pixels.tobytes())) for pixels in images.pixels[:20]
    )
    logits = np.array([decode_int256_array(output) for output in outputs]) / lenet5.SCALE
    np.testing.assert_allclose(logits, lenet5.float_logits(images.pixels[:20]), atol=0.05)


def test_a_transaction_costs_a_tenth_of_the_papers_gas_and_logs_the_label(
    chain: Chain, address: bytes, images: lenet5.Images, labels: np.ndarray
) -> None:
    sender = chain.accounts[3]
    calldata = encode_call(INFER, images.pixels[0].tobytes())
    receipt = chain.transact(address, calldata, sender=sender)
    assert receipt.gas_used < PAPER_GAS / 10
    (log,) = receipt.logs
    assert log.topics == (event_topic(INFERRED).to_bytes(32, "big"), bytes(12) + sender.address)
    assert decode_uint256(log.data[32:]) == labels[0]


def test_a_classification_executes_at_most_150_instructions(
    chain: Chain, address: bytes, images: lenet5.Images
) -> None:
    tracer = Tracer()
    chain.simulate(address, encode_call(CLASSIFY, images.pixels[0].tobytes()), tracer=tracer)
    assert len(tracer.steps) <= 150


def test_a_second_chain_comes_to_the_same_state(
    chain: Chain, address: bytes, images: lenet5.Images, labels: np.ndarray
) -> None:
    second = chain.replica()
    second.import_blocks(chain.export_blocks())
    assert second.state_root == chain.state_root
    calldata = encode_call(CLASSIFY, images.pixels[7].tobytes())
    assert decode_uint256(second.call(address, calldata)) == labels[7]
