"""smartvm_proveModel and smartvm_proveInference: encoded proofs, checked by the library."""

from __future__ import annotations

import numpy as np
import pytest

from smartvm.chain import Chain
from smartvm.chain.models import deploy_model, infer
from smartvm.chain.proofs import read_proof
from smartvm.compiler.compile import compile
from smartvm.compiler.integer_graph import Interval
from smartvm.compiler.sequential import Sequential
from smartvm.node import proofs
from smartvm.node.errors import RPCError
from smartvm.node.node import Node


@pytest.fixture(scope="module")
def node() -> Node:
    return Node(Chain())


@pytest.fixture(scope="module")
def model(node: Node) -> bytes:
    network = Sequential("tiny", (2,), scale=10, input_range=Interval(0, 255))
    network.fully_connected("fc", np.array([[3, -4], [1, 2]]), np.array([7, 8]))
    return deploy_model(node.chain, compile(network.graph)).address


def proven(node: Node, method: str, *params: object, block: int | None = None):
    encoding = bytes.fromhex(node.handle(method, list(params)).removeprefix("0x"))
    return read_proof(encoding).verify(node.chain.header(block).hash)


@pytest.mark.parametrize(
    ("numbers", "expected"), [([], []), (None, []), ([2, 1, 1], [1, 2]), (["0x1", 9], [1, 9])]
)
def test_weight_blocks_are_chosen_by_number(
    node: Node, model: bytes, numbers: object, expected: list[int]
) -> None:
    shown = proven(node, "smartvm_proveModel", f"0x{model.hex()}", numbers)
    assert list(shown.blocks) == expected


def test_all_means_what_the_model_has(node: Node, model: bytes) -> None:
    assert proven(node, "smartvm_proveModel", f"0x{model.hex()}", "all").is_whole


def test_a_block_of_the_chain_may_be_named(node: Node, model: bytes) -> None:
    created = proven(node, "smartvm_proveModel", f"0x{model.hex()}", [1], "0x1", block=1)
    assert (created.version, created.blocks) == (0, {1: None})


def test_an_inference_is_proven(node: Node, model: bytes) -> None:
    found = infer(node.chain, model, bytes([3, 4]))
    name = f"0x{found.receipt.transaction_hash.hex()}"
    for params in ([name], [name, f"0x{model.hex()}"]):
        shown = proven(node, "smartvm_proveInference", *params)
        assert shown.inferences[0].label == found.label


def test_what_is_wrong_is_an_error_of_json_rpc(
    node: Node, model: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"0x{model.hex()}"
    monkeypatch.setattr(proofs, "MAX_ANSWER_BYTES", 64)
    for method, params, message in [
        ("smartvm_proveModel", ["0x12"], "address"),
        ("smartvm_proveModel", [address, "some"], "numbers"),
        ("smartvm_proveModel", [address, [-1]], "number"),
        ("smartvm_proveModel", [address, [1] * 65_537], "at most 65536"),
        ("smartvm_proveModel", [address, [], "0x999"], "block 2457"),
        ("smartvm_proveModel", [f"0x{'11' * 20}", "all"], "no model"),
        ("smartvm_proveModel", [f"0x{'11' * 20}"], "found no code"),
        ("smartvm_proveModel", [address, [1, 2]], "prove fewer blocks"),
        ("smartvm_proveInference", [address], "transaction hash"),
        ("smartvm_proveInference", [f"0x{'22' * 32}"], "no block of the chain holds it"),
    ]:
        with pytest.raises(RPCError, match=message):
            node.handle(method, params)
