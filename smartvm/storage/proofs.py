"""Merkle proofs of weight blocks: from a state root to an account, and on to a block.

A proof is the trie nodes on the two paths and nothing else. What it proves is said by whoever
checks it: which state root, which account, which block.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import rlp
from eth_hash.auto import keccak
from eth_typing import Address, Hash32
from rlp.sedes import CountableList, List, binary
from trie.constants import BLANK_NODE_HASH
from trie.exceptions import MissingTrieNode
from trie.hexary import HexaryTrie

from smartvm.exceptions import ProofError
from smartvm.storage.blocks import Block, block_key, decode_block

_SEDES = List([CountableList(binary), CountableList(binary)])
_STORAGE_ROOT = 2  # an account is (nonce, balance, storage root, code hash)
_HASH_BYTES = 32

Nodes = tuple[bytes, ...]


@dataclass(frozen=True)
class BlockProof:
    """The encoded trie nodes on the way to a block, or to where it would be.

    Attributes:
        account_proof: from the state root to the account, the root first.
        storage_proof: from the account's storage root to the block; empty if there is no
            account or its storage is empty.
    """

    account_proof: Nodes
    storage_proof: Nodes

    def to_bytes(self) -> bytes:
        """The RLP of the two lists of nodes."""
        return bytes(rlp.encode([self.account_proof, self.storage_proof], _SEDES))

    @classmethod
    def from_bytes(cls, encoding: bytes) -> BlockProof:
        """The proof that `to_bytes` has written.

        Raises:
            ProofError: the bytes are no such encoding.
        """
        try:
            account_proof, storage_proof = rlp.decode(encoding, _SEDES)
        except rlp.RLPException as error:
            raise ProofError(f"not the encoding of a proof: {error}") from error
        return cls(tuple(account_proof), tuple(storage_proof))


def prove_block(
    database: Mapping[bytes, bytes], state_root: Hash32, address: Address, number: int
) -> BlockProof:
    """Prove what an account holds under a block number, a block or nothing.

    Args:
        database: trie nodes by hash: the database of a chain.
        state_root: the root of the state to prove it of.
        address: the account.
        number: the block's number.

    Raises:
        ProofError: the database lacks a node.
    """
    account_key, key = keccak(address), keccak(block_key(number))
    try:
        account_proof = _path(database, state_root, account_key)
        storage_root = _storage_root(HexaryTrie(database, state_root).get(account_key))
        return BlockProof(account_proof, _path(database, storage_root, key))
    except (KeyError, MissingTrieNode) as error:
        raise ProofError(f"the database lacks a trie node: {error}") from error


def verify_block(
    state_root: Hash32, address: Address, number: int, proof: BlockProof
) -> Block | None:
    """Check a proof; return the block, or None where it proves that there is none.

    Raises:
        ProofError: the proof lacks a node, has one too many, or one that was changed.
        BlockMalformed: the state holds something there that is no block.
    """
    account = _proven(state_root, keccak(address), proof.account_proof)
    storage_root = _storage_root(account)
    value = _proven(storage_root, keccak(block_key(number)), proof.storage_proof)
    return decode_block(value) if value else None


def _proven(root: Hash32, key: bytes, proof: Nodes) -> bytes:
    """The value at a key that a proof leads to, b"" where it proves that there is none."""
    # Under the hash of its bytes, a node that was changed is simply not there.
    nodes = {keccak(node): node for node in proof}
    try:
        value: bytes = HexaryTrie(nodes, root).get(key)
        if _path(nodes, root, key) != proof:
            raise ProofError("the proof has nodes that are not on the path, or in another order")
    except (KeyError, MissingTrieNode) as error:
        raise ProofError(f"the proof does not lead from the root: {error}") from error
    return value


def _path(database: Mapping[bytes, bytes], root: Hash32, key: bytes) -> Nodes:
    """The encoded nodes from a root to a key, but for those written into the one before."""
    if root == BLANK_NODE_HASH:
        return ()
    nodes = HexaryTrie(database, root).get_proof(key)  # type: ignore[no-untyped-call]
    encoded = [rlp.encode(node) for node in nodes]
    return (encoded[0], *(node for node in encoded[1:] if len(node) >= _HASH_BYTES))


def _storage_root(account: bytes) -> Hash32:
    """The storage root of an encoded account; that of an empty trie if there is no account."""
    return Hash32(rlp.decode(account)[_STORAGE_ROOT]) if account else Hash32(BLANK_NODE_HASH)
