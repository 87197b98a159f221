"""Small models for the tests of the chain, and a chain of which proofs are made."""

from __future__ import annotations

import numpy as np
import pytest

from smartvm.chain import Chain, upload_blocks
from smartvm.chain.proofs import InferenceProof, ModelProof, prove_inference, prove_model
from smartvm.compiler.abi import encode_call
from smartvm.compiler.artefact import Artefact
from smartvm.compiler.compile import compile
from smartvm.compiler.contract import ModelContract, build_contract
from smartvm.compiler.contract_abi import INFER
from smartvm.compiler.integer_graph import Interval
from smartvm.compiler.program import init_code
from smartvm.compiler.sequential import Sequential


@pytest.fixture(scope="session")
def linear() -> ModelContract:
    """A fully connected layer of 7 × 6, its weights in 7 blocks."""
    weights = np.random.default_rng(1).integers(-900, 900, (7, 6))
    network = Sequential("linear", (1, 2, 3), scale=255, input_range=Interval(0, 255))
    network.fully_connected("fc", weights, np.arange(7) * 70_000)
    return build_contract(network.graph, block_bytes=20)


def model(bias: int) -> Artefact:
    network = Sequential("tiny", (3,), scale=10, input_range=Interval(0, 100))
    weights = np.array([[3, -4, 5], [-300, 2, 1], [0, 9, 2]])
    return compile(network.fully_connected("fc", weights, np.array([7, bias, 0])).graph)


class ProofSetting:
    """A chain with two models, a DNN contract that is none, and an inference between others."""

    INPUT = bytes([1, 2, 3])

    def __init__(self) -> None:
        self.chain, self.artefact, self.other = Chain(), model(8), model(9)
        self.address = self.deploy(self.artefact)
        self.second = self.deploy(self.other)
        self.numbers = sorted(self.artefact.contract.blocks)
        self.plain = self.chain.deploy(init_code(bytes.fromhex("fc444e4e0100"))).contract
        calls = [(self.second, 0), (self.address, 1), (self.address, 2)]
        signed = [
            self.chain.sign(to, encode_call(INFER, self.INPUT), sender=self.chain.accounts[number])
            for to, number in calls
        ]
        receipts = self.chain.mine(signed)
        assert all(receipt.is_success for receipt in receipts)
        self.transaction = receipts[1].transaction_hash
        self.label = int.from_bytes(receipts[1].output, "big")
        self.hash = self.chain.header().hash

    def deploy(self, artefact: Artefact) -> bytes:
        address = self.chain.deploy(artefact.contract.init_code).contract
        upload_blocks(self.chain, address, artefact.contract.blocks)
        return address

    def model_proof(self, *numbers: int) -> ModelProof:
        return prove_model(self.chain, self.address, numbers)

    def inference_proof(self) -> InferenceProof:
        return prove_inference(self.chain, self.transaction)


@pytest.fixture(scope="module")
def setting() -> ProofSetting:
    """What the tests of proofs share."""
    return ProofSetting()


@pytest.fixture
def own_setting() -> ProofSetting:
    """The same for a test that changes it."""
    return ProofSetting()
