"""smartvm_proveModel and smartvm_proveInference: the proofs of docs/proofs.md."""

from __future__ import annotations

from typing import Any

from smartvm.chain.proofs import prove_inference, prove_model
from smartvm.node import params
from smartvm.node.blocks import block_id
from smartvm.node.formats import hex_bytes
from smartvm.node.models_contract import Model
from smartvm.node.registry import Methods
from smartvm.storage.proofs import MAX_KEYS

ALL = "all"
MAX_ANSWER_BYTES = 1 << 26
"""Bytes of weights and of their paths in one answer."""


def model_proof(node: Any, address: Any, numbers: Any = None, block: Any = "latest") -> str:
    """The encoded proof of a contract after a block.

    Args:
        node: the node.
        address: of the contract.
        numbers: of the weight blocks in it: an array of numbers, or "all" those that the model
            has now.
        block: number, hash or tag of the block.
    """
    contract = params.address(address)
    if numbers == ALL:
        wanted = _all_numbers(node, contract)
    else:
        wanted = [params.quantity(n, "number") for n in params.array(numbers, "numbers", MAX_KEYS)]
    at = block_id(block)
    proof = prove_model(node.chain, contract, wanted, block=at, max_bytes=MAX_ANSWER_BYTES)
    return hex_bytes(proof.to_bytes())


def inference_proof(node: Any, transaction_hash: Any, address: Any = None) -> str:
    """The encoded proof of an inference.

    Args:
        node: the node.
        transaction_hash: of the transaction that made it.
        address: of the contract that logged it; the first that did by default.
    """
    wanted = params.hash32(transaction_hash, "transaction hash")
    contract = None if address is None else params.address(address)
    return hex_bytes(prove_inference(node.chain, wanted, address=contract).to_bytes())


def _all_numbers(node: Any, contract: bytes) -> list[int]:
    model = Model.at(node.chain, contract)
    if model is None:
        params.refuse("numbers", "an array: the contract is no model", ALL)
    return [block.number for block in model.block_map.blocks]


METHODS: Methods = {
    "smartvm_proveModel": model_proof,
    "smartvm_proveInference": inference_proof,
}
