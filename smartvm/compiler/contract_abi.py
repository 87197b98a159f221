"""What a model contract offers: its functions and events, as other software reads them.

Every contract has these; `classify` and `infer` only those whose output is one vector of classes.
"""

from __future__ import annotations

from typing import Any

PREDICT = "predict(bytes)"
CLASSIFY = "classify(bytes)"
INFER = "infer(bytes)"
SET_BLOCK = "setBlock(uint256,uint256,bytes)"
SET_BLOCKS = "setBlocks(uint256,uint256,bytes[])"
FREEZE = "freeze()"
TRANSFER_OWNERSHIP = "transferOwnership(address)"
OWNER = "owner()"
VERSION = "version()"
IS_FROZEN = "frozen()"
MODEL_HASH = "modelHash()"
INPUT_BYTES = "inputBytes()"
OUTPUT_ITEMS = "outputItems()"
OUTPUT_SCALE = "outputScale()"

INFERRED = "Inferred(address,bytes32,uint256)"
BLOCKS_SET = "BlocksSet(uint256)"
FROZEN = "Frozen()"
OWNERSHIP_TRANSFERRED = "OwnershipTransferred(address,address)"

_FUNCTIONS = (
    (PREDICT, "view", ("input",), "int256[] outputs"),
    (CLASSIFY, "view", ("input",), "uint256 label"),
    (INFER, "nonpayable", ("input",), "uint256 label"),
    (SET_BLOCK, "nonpayable", ("number", "itemBytes", "items"), ""),
    (SET_BLOCKS, "nonpayable", ("first", "itemBytes", "items"), ""),
    (FREEZE, "nonpayable", (), ""),
    (TRANSFER_OWNERSHIP, "nonpayable", ("newOwner",), ""),
    (OWNER, "view", (), "address owner"),
    (VERSION, "view", (), "uint256 version"),
    (IS_FROZEN, "view", (), "bool frozen"),
    (MODEL_HASH, "view", (), "bytes32 modelHash"),
    (INPUT_BYTES, "view", (), "uint256 bytes"),
    (OUTPUT_ITEMS, "view", (), "uint256 items"),
    (OUTPUT_SCALE, "view", (), "uint256 scale"),
)
"""Signature, mutability, names of the arguments, type and name of the result."""

_EVENTS = (
    (INFERRED, ("*caller", "inputHash", "label")),
    (BLOCKS_SET, ("version",)),
    (FROZEN, ()),
    (OWNERSHIP_TRANSFERRED, ("*previousOwner", "*newOwner")),
)
"""Signature, and the names of the arguments, * before those that are topics."""


def contract_abi(classifies: bool) -> list[dict[str, Any]]:
    """The contract's JSON ABI."""
    entries = [_constructor()]
    for signature, mutability, names, result in _FUNCTIONS:
        if classifies or signature not in (CLASSIFY, INFER):
            entries.append(_function(signature, mutability, names, result))
    for event, arguments in _EVENTS:
        if classifies or event != INFERRED:
            entries.append(_event(event, arguments))
    return entries


def _constructor() -> dict[str, Any]:
    return {"type": "constructor", "inputs": [], "stateMutability": "nonpayable"}


def _function(
    signature: str, mutability: str, names: tuple[str, ...], result: str
) -> dict[str, Any]:
    name, types = _split(signature)
    kind, _, result_name = result.partition(" ")
    return {
        "type": "function",
        "name": name,
        "stateMutability": mutability,
        "inputs": [{"name": n, "type": t} for n, t in zip(names, types, strict=True)],
        "outputs": [{"name": result_name, "type": kind}] if result else [],
    }


def _event(signature: str, names: tuple[str, ...]) -> dict[str, Any]:
    name, types = _split(signature)
    inputs = [
        {"name": n.removeprefix("*"), "type": t, "indexed": n.startswith("*")}
        for n, t in zip(names, types, strict=True)
    ]
    return {"type": "event", "name": name, "anonymous": False, "inputs": inputs}


def _split(signature: str) -> tuple[str, list[str]]:
    name, _, types = signature.removesuffix(")").partition("(")
    return name, types.split(",") if types else []
