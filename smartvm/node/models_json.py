"""Models, runs, blocks and inferences as the smartvm_* methods answer them (models.py)."""

from __future__ import annotations

from smartvm.chain.receipts import LoggedEvent, MinedTransaction
from smartvm.compiler.abi import decode_uint256
from smartvm.compiler.contract_abi import IS_FROZEN, OWNER, VERSION
from smartvm.node.formats import JSON, hex_bytes, hex_number
from smartvm.node.models_blocks import StoredBlock
from smartvm.node.models_contract import Model, Run, summary


def run_json(wanted: Model, run: Run) -> JSON:
    """A run with its layers, as smartvm_layers answers it."""
    tensors = wanted.block_map.tensors
    return {
        "gas": None if run.gas is None else hex_number(run.gas),
        "error": run.error,
        "layers": [one.to_json(tensors, details=True) for one in run.layers],
    }


def model_json(wanted: Model, creation: MinedTransaction | None) -> JSON:
    """A model, as smartvm_models lists it."""
    interface, stored = wanted.interface, wanted.block_map
    return {
        "address": hex_bytes(wanted.address),
        "name": wanted.name,
        "modelHash": hex_bytes(interface.model_hash),
        "version": wanted.get(VERSION),
        "frozen": bool(wanted.get(IS_FROZEN)),
        "owner": f"{wanted.get(OWNER):#042x}",
        "input": {
            "bytes": interface.input.nbytes,
            "items": interface.input.items,
            "itemBytes": interface.input.item_bytes,
            "unsigned": interface.input.unsigned,
        },
        "outputItems": interface.output_items,
        "outputScale": str(interface.output_scale),
        "classifies": interface.classifies,
        "summary": summary(interface.parts),
        "blockCount": len(stored.blocks),
        "weightBytes": sum(block.nbytes for block in stored.blocks),
        "missingBlocks": len(stored.missing),
        "matchesHash": stored.matches,
        "storageRoot": hex_bytes(wanted.storage_root),
        "blockNumber": hex_number(creation.header.block_number) if creation else None,
        "transactionHash": hex_bytes(creation.hash) if creation else None,
    }


def block_json(block: StoredBlock) -> JSON:
    """A weight block, as smartvm_blocks lists it."""
    return {
        "number": block.number,
        "items": block.items,
        "itemBytes": block.item_bytes,
        "bytes": block.nbytes,
        "hash": hex_bytes(block.digest),
    }


def inference_json(event: LoggedEvent) -> JSON:
    """An `Inferred` log, as smartvm_inferences lists it."""
    log, header = event.log, event.transaction.header
    return {
        "address": hex_bytes(log.address),
        "caller": hex_bytes(log.topics[1][-20:]),
        "inputHash": hex_bytes(log.data[:32]),
        "label": str(decode_uint256(log.data[32:])),
        "blockNumber": hex_number(header.block_number),
        "timestamp": hex_number(header.timestamp),
        "transactionHash": hex_bytes(event.transaction.hash),
        "logIndex": hex_number(event.index),
    }
