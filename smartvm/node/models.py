"""smartvm_* methods: the models on the chain, their layers, weight blocks and inferences.

Quantities of Ethereum (gas, block numbers) are hexadecimal as in eth_*; counts, sizes, positions
in code and milliseconds are numbers; what a network computes may have 256 bits and is decimal text.
"""

from __future__ import annotations

import platform
from importlib.metadata import version
from itertools import islice
from time import perf_counter
from typing import Any

import numpy as np

from smartvm import __version__
from smartvm.chain.models import pack
from smartvm.compiler.abi import encode_call
from smartvm.compiler.contract_abi import INFER, PREDICT
from smartvm.compiler.price import transaction_gas
from smartvm.node import params
from smartvm.node.errors import INVALID_PARAMS, RPCError
from smartvm.node.formats import JSON, hex_bytes, hex_number
from smartvm.node.models_contract import Model, Run, bounded_tracer
from smartvm.node.models_index import HistoryIndex, index_of
from smartvm.node.models_json import block_json, inference_json, model_json, run_json
from smartvm.node.models_layers import layers, parts_of_run
from smartvm.vm import SmartVM

MOST_INFERENCES = 1_000
"""Inferences of one answer."""


def info(node: Any) -> JSON:
    """The node's software, and its chain: number, hash and state root of the newest block.

    `indexedBlock` is the newest block of which smartvm_models and smartvm_inferences know.
    """
    chain = node.chain
    header = chain.header()
    index = index_of(chain)
    index.update(chain)
    return {
        "smartvm": __version__,
        "fork": SmartVM.fork,
        "python": platform.python_version(),
        "pyEvm": version("py-evm"),
        "backend": ", ".join(one.name for one in chain.state.kernels.backends),
        "chainId": hex_number(chain.chain_id),
        "blockNumber": hex_number(header.block_number),
        "blockHash": hex_bytes(header.hash),
        "stateRoot": hex_bytes(header.state_root),
        "timestamp": hex_number(header.timestamp),
        "indexedBlock": hex_number(index.newest),
    }


def models(node: Any) -> list[JSON]:
    """The model contracts of the chain, in the order of their deployment.

    Each has address, name (of models that come with SmartVM, else null), modelHash, version,
    frozen, owner, input (bytes, items, itemBytes, unsigned), outputItems, outputScale, classifies,
    summary of its layers, blockCount, weightBytes, missingBlocks (first blocks of tensors that
    are not uploaded), matchesHash (whether the blocks are those of modelHash), storageRoot, and
    blockNumber and transactionHash of its creation, null where another contract created it.
    """
    found = _updated(node.chain).contracts()
    pairs = ((Model.at(node.chain, address), creation) for address, creation in found.items())
    return [model_json(model, creation) for model, creation in pairs if model is not None]


def model(node: Any, address: Any) -> JSON:
    """One model, as smartvm_models gives it, with its `layers` and `gas` as smartvm_layers does."""
    wanted = _model(node, address)
    creation = _updated(node.chain).contracts().get(wanted.address)
    return {**model_json(wanted, creation), **run_json(wanted, _run(node, wanted, None))}


def layers_of(node: Any, address: Any, items: Any = None) -> JSON:
    """The layers of a model with the gas of each, in a call of `predict`.

    Args:
        node: the node.
        address: of the model.
        items: the input, as smartvm_predict takes it; zeros by default.

    Each layer has name, instruction, programCounters, blocks, gas, items, shape and bounds of the
    map that it leaves, and milliseconds, and lists its `instructions`. A model that cannot run
    yet has an `error`, and layers without gas, as its code shows them.
    """
    wanted = _model(node, address)
    return run_json(wanted, _run(node, wanted, items))


def estimate_gas_by_layer(node: Any, address: Any, items: Any) -> JSON:
    """What a transaction takes that runs a model on an input, exactly, layer by layer.

    It calls `infer` where the network classifies, else `predict`: `calldata` is what it sends.
    `gas` is that of the transaction, `frameGas` that of its frame, which the layers add up to.
    """
    wanted = _model(node, address)
    function = INFER if wanted.interface.classifies else PREDICT
    calldata = encode_call(function, _packed(wanted, items))
    steps, frame_gas = wanted.trace(calldata, node.limits)
    found = layers(parts_of_run(steps))
    return {
        "calldata": hex_bytes(calldata),
        "gas": hex_number(transaction_gas(calldata, frame_gas)),
        "frameGas": hex_number(frame_gas),
        "layers": [{"name": one.name, "gas": hex_number(one.gas or 0)} for one in found],
    }


def trace_layers(node: Any, transaction_hash: Any) -> JSON:
    """The layers of a transaction to a model, executed again at its block, as smartvm_layers.

    With transactionHash, blockNumber, address, gas of the transaction, frameGas and error (null
    where it succeeded).
    """
    wanted = params.hash32(transaction_hash, "transaction hash")
    mined = node.chain.transaction(wanted)
    tracer = bounded_tracer(node.limits)
    receipt = node.chain.replay(wanted, tracer)
    found = layers(parts_of_run(tracer.steps))
    if not found:
        raise RPCError(INVALID_PARAMS, f"transaction 0x{wanted.hex()}: it calls no model directly")
    current = Model.at(node.chain, mined.transaction.to)
    tensors = current.block_map.tensors if current else {}
    return {
        "transactionHash": hex_bytes(mined.hash),
        "blockNumber": hex_number(mined.header.block_number),
        "address": hex_bytes(mined.transaction.to),
        "gas": hex_number(mined.gas_used),
        "frameGas": hex_number(sum(one.gas or 0 for one in found)),
        "error": None if receipt.error is None else str(receipt.error),
        "layers": [one.to_json(tensors, details=True) for one in found],
    }


def blocks(node: Any, address: Any) -> JSON:
    """The weight blocks of a model: number, items, itemBytes, bytes and hash of each.

    `hash` is keccak256 of the items as `setBlock` takes them, of which modelHash is made;
    `missing` has the first block of each tensor that is not uploaded, `matchesHash` whether code
    and blocks are those of modelHash.
    """
    found = _model(node, address).block_map
    return {
        "blocks": [block_json(block) for block in found.blocks],
        "missing": list(found.missing),
        "matchesHash": found.matches,
    }


def inferences(node: Any, address: Any = None, limit: Any = 20) -> list[JSON]:
    """The latest `Inferred` logs of a model, or of all models, the newest first.

    Each has address, caller, inputHash, label (decimal), blockNumber, timestamp, transactionHash
    and logIndex.
    """
    only = None if address is None else params.address(address)
    most = params.quantity(limit, "limit")
    if most > MOST_INFERENCES:
        params.refuse("limit", f"a number of at most {MOST_INFERENCES}", limit)
    index = _updated(node.chain)
    known = {a for a in index.contracts() if only in (None, a) and Model.at(node.chain, a)}
    found = (event for event in index.inferences() if event.log.address in known)
    return [inference_json(event) for event in islice(found, most)]


def predict(node: Any, address: Any, items: Any) -> JSON:
    """What a model answers to an input, by a call.

    Args:
        node: the node.
        address: of the model.
        items: packed, as 0x and hexadecimal digits, or an array of integers.

    The answer has `outputs`, `scale` (the integer that stands for 1.0), `values` (the first
    divided by the second, as floating-point numbers), `label` (the index of the greatest output
    of a network that classifies, else null), the `gas` of the frame, and `milliseconds`.
    """
    wanted = _model(node, address)
    packed = _packed(wanted, items)
    started = perf_counter()
    outputs, gas = wanted.predict(packed, node.limits)
    seconds = perf_counter() - started
    scale = wanted.interface.output_scale
    label = outputs.index(max(outputs)) if wanted.interface.classifies and outputs else None
    return {
        "label": None if label is None else str(label),
        "outputs": [str(output) for output in outputs],
        "scale": str(scale),
        "values": [output / scale for output in outputs],
        "gas": hex_number(gas),
        "milliseconds": round(seconds * 1e3, 3),
    }


def _updated(chain: Any) -> HistoryIndex:
    index = index_of(chain)
    index.update(chain)
    return index


def _model(node: Any, address: Any) -> Model:
    """The model contract at an address.

    Raises:
        RPCError: it is no address, or there is none.
    """
    at = params.address(address)
    found = Model.at(node.chain, at)
    if found is None:
        has = "another contract" if node.chain.code(at) else "no contract"
        raise RPCError(INVALID_PARAMS, f"0x{at.hex()}: expected a model contract, found {has}")
    return found


def _packed(wanted: Model, items: Any) -> bytes:
    """The input of a model, packed.

    Raises:
        RPCError: it is neither bytes nor integers.
        SmartVMError: it does not fit.
    """
    expected = wanted.interface.input
    if not isinstance(items, list):
        packed = params.data(items, "input")
    elif all(isinstance(item, int) and not isinstance(item, bool) for item in items):
        integers = np.array(items, dtype=object)
        packed = pack(wanted.chain, wanted.address, integers)
    else:
        params.refuse("input", "packed bytes as 0x and hexadecimal digits, or integers", items)
    if len(packed) != expected.nbytes:
        found = f"{expected.nbytes} bytes ({expected.items} items of {expected.item_bytes})"
        raise RPCError(INVALID_PARAMS, f"input: expected {found}, found {len(packed)} bytes")
    return packed


def _run(node: Any, wanted: Model, items: Any) -> Run:
    packed = None if items is None else _packed(wanted, items)
    return wanted.run(packed, node.limits)


METHODS = {
    "smartvm_blocks": blocks,
    "smartvm_estimateGasByLayer": estimate_gas_by_layer,
    "smartvm_inferences": inferences,
    "smartvm_info": info,
    "smartvm_layers": layers_of,
    "smartvm_model": model,
    "smartvm_models": models,
    "smartvm_predict": predict,
    "smartvm_traceLayers": trace_layers,
}
