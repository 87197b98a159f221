"""Calls on past states, and past transactions executed again."""

from __future__ import annotations

import numpy as np
import pytest

from smartvm.chain import Chain, ExecutionFailed
from smartvm.chain.models import Deployment
from smartvm.compiler.contract import ModelContract
from smartvm.exceptions import NotFound, SmartVMError
from smartvm.trace import Tracer
from smartvm.vm import SmartVM

IMAGE = np.arange(6)


@pytest.fixture
def chain() -> Chain:
    return Chain()


@pytest.fixture
def deployed(chain: Chain, linear: ModelContract) -> Deployment:
    return chain.deploy_model(linear)


def test_a_call_on_a_past_state(chain: Chain, deployed: Deployment) -> None:
    chain.mine()
    now = chain.predict(deployed.address, IMAGE)
    before = deployed.upload.receipts[-1].block_number - 1
    with pytest.raises(ExecutionFailed, match="BlockMissing"):
        chain.predict(deployed.address, IMAGE, block=before)
    assert chain.predict(deployed.address, IMAGE, block=before + 1) == now
    assert chain.predict(deployed.address, IMAGE, block=chain.header().hash) == now
    assert chain.call(deployed.address, b"", block=0) == b""
    with pytest.raises(NotFound):
        chain.call(deployed.address, b"", block=99)


def test_every_transaction_is_replayed_as_it_was(chain: Chain, deployed: Deployment) -> None:
    chain.infer(deployed.address, IMAGE)
    receipts = [deployed.receipt, *deployed.upload.receipts]
    root = chain.state_root
    for receipt in receipts:
        assert chain.replay(receipt.transaction_hash) == receipt
    assert chain.state_root == root


def test_a_transaction_is_replayed_after_those_before_it(chain: Chain, linear) -> None:
    other = chain.accounts[1].address
    receipts = chain.mine(
        [
            chain.sign(other, value=5),
            chain.sign(b"", linear.init_code, nonce=1),
            chain.sign(other, value=5, nonce=2),
        ]
    )
    chain.mine()
    assert [chain.replay(receipt.transaction_hash) for receipt in receipts] == receipts


def test_a_failure_is_replayed_with_its_error(chain: Chain, deployed: Deployment) -> None:
    failed = chain.transact(deployed.address, b"\xff" * 4, check=False)
    again = chain.replay(failed.transaction_hash)
    assert not again.is_success
    assert again.output == failed.output
    assert repr(again.error) == repr(failed.error)


def test_a_tracer_sees_the_replayed_transaction_alone(chain: Chain, deployed: Deployment) -> None:
    inference = chain.infer(deployed.address, IMAGE)
    tracer = Tracer()
    chain.replay(inference.receipt.transaction_hash, tracer)
    names = [step.mnemonic for step in tracer.steps]
    assert names.count("FULL_CON") == 1
    assert names.count("LOG2") == 1


def test_a_transaction_that_no_block_holds_is_not_replayed(chain: Chain) -> None:
    with pytest.raises(NotFound):
        chain.replay(bytes(32))


def test_a_vm_that_differs_is_noticed(chain: Chain, deployed: Deployment, monkeypatch) -> None:
    inference = chain.infer(deployed.address, IMAGE)
    monkeypatch.setattr("smartvm.gas.LIMB_PRODUCTS_PER_GAS", 1)
    with pytest.raises(SmartVMError, match="executed again, it leaves another receipt"):
        chain.replay(inference.receipt.transaction_hash)


def test_an_estimate_is_exact_where_gas_is_looked_at(chain: Chain, deployed: Deployment) -> None:
    gas = chain.estimate(deployed.address, calldata_of(chain, deployed))
    data = calldata_of(chain, deployed)
    assert chain.transact(deployed.address, data, gas=gas).is_success
    with pytest.raises(ExecutionFailed, match="OutOfGas"):
        chain.transact(deployed.address, data, gas=gas - 1)


def calldata_of(chain: Chain, deployed: Deployment) -> bytes:
    """Of an inference."""
    mined = chain.transaction(chain.infer(deployed.address, IMAGE).receipt.transaction_hash)
    return bytes(mined.transaction.data)


def test_a_call_does_not_depend_on_the_clock(chain: Chain, monkeypatch) -> None:
    returns_time = bytes.fromhex("425f5260205ff3")
    assert int.from_bytes(chain.call(b"", returns_time), "big") == chain.header().timestamp + 12
    chain.mine(timestamp=10_000)
    assert int.from_bytes(chain.call(b"", returns_time), "big") == 10_012


def test_replays_on_another_backend_are_equal(chain: Chain, deployed: Deployment) -> None:
    inference = chain.infer(deployed.address, IMAGE)
    reference = Chain(vm=SmartVM.with_backend("reference"))
    reference.import_blocks(chain.export_blocks())
    assert reference.replay(inference.receipt.transaction_hash) == inference.receipt
