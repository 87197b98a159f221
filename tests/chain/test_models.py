"""Models on a chain, from the artefact to the answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from smartvm.chain import Chain, ExecutionFailed, Progress
from smartvm.chain.models import Deployment
from smartvm.compiler.contract import ModelContract
from smartvm.compiler.graph_execution import executable
from smartvm.exceptions import SmartVMError

IMAGE = np.array([0, 1, 2, 50, 200, 255])


@pytest.fixture(scope="module")
def chain() -> Chain:
    return Chain()


@pytest.fixture(scope="module")
def deployed(chain: Chain, linear: ModelContract) -> Deployment:
    return chain.deploy_model(linear)


def test_the_contract_and_its_blocks_are_there(chain, deployed, linear) -> None:
    assert chain.code(deployed.address) == linear.runtime
    assert all(chain.state.has_block(deployed.address, number) for number in linear.blocks)
    assert deployed.receipt.contract == deployed.address


def test_blocks_share_transactions(deployed: Deployment, linear: ModelContract) -> None:
    assert len(deployed.upload.receipts) < len(linear.blocks)


@pytest.mark.parametrize("form", ["list", "integers", "pixels", "bytes"])
def test_a_prediction(chain, deployed, linear, form: str) -> None:
    forms = {
        "list": IMAGE.tolist(),
        "integers": IMAGE.reshape(1, 2, 3),
        "pixels": IMAGE.astype(np.uint8),
        "bytes": IMAGE.astype(np.uint8).tobytes(),
    }
    prediction = chain.predict(deployed.address, forms[form])
    (name,) = linear.graph.inputs
    (computed,), _ = executable(linear.graph).run({name: IMAGE.tolist()})
    assert prediction.outputs == tuple(computed)
    assert prediction.label == int(np.argmax(prediction.outputs))
    assert list(prediction.values) == [output / prediction.scale for output in prediction.outputs]


def test_floats_need_the_model(chain, deployed, linear) -> None:
    floats = IMAGE / 255
    assert chain.predict(deployed.address, floats, model=linear) == chain.predict(
        deployed.address, IMAGE
    )
    with pytest.raises(SmartVMError, match="found float64; give the model"):
        chain.predict(deployed.address, floats)


def test_an_inference_is_logged(chain, deployed) -> None:
    inference = chain.infer(deployed.address, IMAGE, sender=chain.accounts[3])
    assert inference.label == chain.predict(deployed.address, IMAGE).label
    (log,) = inference.receipt.logs
    assert log.topics[1][12:] == chain.accounts[3].address
    assert int.from_bytes(log.data[32:], "big") == inference.label


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ([1, 2, 3, 4], "a number of items that divides 6 bytes, found 4"),
        (np.array([], int), "found 0"),
        ([0, 1, 2, 3, 4, 256], "expected integers of 1 bytes"),
        (["a"] * 6, "found <U1"),
        ([None] * 6, "expected integers"),
    ],
)
def test_an_input_that_does_not_fit(chain, deployed, x: object, message: str) -> None:
    with pytest.raises(SmartVMError, match=message):
        chain.predict(deployed.address, x)


def test_the_contract_refuses_bytes_of_another_length(chain, deployed) -> None:
    with pytest.raises(ExecutionFailed, match="reverted"):
        chain.predict(deployed.address, bytes(5))


@pytest.mark.parametrize("address", [b"\x01" * 20, bytes(20)])
def test_there_is_no_model(chain: Chain, address: bytes) -> None:
    with pytest.raises(SmartVMError, match="expected a model contract, found none"):
        chain.predict(address, IMAGE)
    with pytest.raises(SmartVMError, match="expected a model contract, found none"):
        chain.infer(address, IMAGE)
    with pytest.raises(SmartVMError, match="expected a model contract, found none"):
        chain.predict(address, bytes(6))


def test_an_interrupted_deployment_is_resumed(tmp_path: Path, linear: ModelContract) -> None:
    class Interruption(Exception):
        pass

    def interrupt(now: Progress) -> None:
        raise Interruption

    with Chain(tmp_path) as chain:
        with pytest.raises(Interruption):
            chain.deploy_model(linear, progress=interrupt)
        address = chain.transactions(1)[0].contract
    with Chain(tmp_path) as chain:
        resumed = chain.deploy_model(linear, address=address)
        assert resumed.receipt is None
        assert resumed.address == address
        assert chain.deploy_model(linear, address=address).upload.receipts == []
        assert chain.predict(address, IMAGE).outputs


def test_another_contract_is_not_taken_for_it(chain: Chain, linear: ModelContract) -> None:
    with pytest.raises(SmartVMError, match="expected the contract of linear, found none"):
        chain.deploy_model(linear, address=b"\x01" * 20)
    other = chain.deploy(bytes.fromhex("600160005360016000f3")).contract
    with pytest.raises(SmartVMError, match="expected the contract of linear, found another"):
        chain.deploy_model(linear, address=other)
