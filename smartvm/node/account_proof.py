"""eth_getProof: an account and slots of it, to be checked against a state root (EIP-1186)."""

from __future__ import annotations

from typing import Any

import rlp
from eth.rlp.accounts import Account
from eth_utils import keccak
from rlp.sedes import big_endian_int
from trie.constants import BLANK_NODE_HASH

from smartvm.node import params
from smartvm.node.blocks import header
from smartvm.node.formats import JSON, hex_bytes, hex_number, hex_word
from smartvm.storage.proofs import decode_account, prove_keys, verify_keys

MOST_SLOTS = 1_000
"""Slots of one proof."""


def get_proof(node: Any, address: Any, slots: Any, tag: Any = None) -> JSON:
    """An account, some of its slots, and the trie nodes that lead to each."""
    account, root = params.address(address), header(node, tag).state_root
    keys = [params.slot(slot) for slot in params.array(slots, "slots", MOST_SLOTS)]
    nodes, leaf = _prove(node, root, keccak(account))
    found = decode_account(leaf) or Account(storage_root=BLANK_NODE_HASH)
    return {
        "address": hex_bytes(account),
        "accountProof": nodes,
        "balance": hex_number(found.balance),
        "codeHash": hex_bytes(found.code_hash),
        "nonce": hex_number(found.nonce),
        "storageHash": hex_bytes(found.storage_root),
        "storageProof": [_slot(node, found.storage_root, key) for key in keys],
    }


def _slot(node: Any, storage_root: bytes, slot: int) -> JSON:
    nodes, leaf = _prove(node, storage_root, keccak(slot.to_bytes(32, "big")))
    word = int(rlp.decode(leaf, big_endian_int)) if leaf else 0
    return {"key": hex_word(slot), "value": hex_number(word), "proof": nodes}


def _prove(node: Any, root: bytes, key: bytes) -> tuple[list[str], bytes]:
    """The nodes from a root to a key, and what lies there."""
    nodes = prove_keys(node.chain.database, root, [key])
    (leaf,) = verify_keys(root, [key], nodes)
    return [hex_bytes(encoded) for encoded in nodes], leaf


METHODS = {"eth_getProof": get_proof}
