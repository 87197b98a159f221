"""Merkle proofs of an account, its slots and its weight blocks, from a state root.

A proof is the encoded trie nodes of the paths and nothing else, each node once, in the order in
which walking to the keys meets them. What it proves is said by whoever checks it: which state
root, which account, which slots and blocks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import rlp
from eth.rlp.accounts import Account
from eth_hash.auto import keccak
from eth_typing import Address, Hash32
from rlp.sedes import CountableList, List, big_endian_int, binary
from trie.constants import BLANK_NODE_HASH
from trie.exceptions import MissingTrieNode

from smartvm.exceptions import ProofError
from smartvm.storage.blocks import Block, block_key, decode_block
from smartvm.storage.trie import Found, WeightTrie

MAX_KEYS = 1 << 16
"""Most slots and blocks of one proof: more than any model has blocks."""
MAX_PROOF_BYTES = 1 << 30
"""Most bytes of one proof by default: all weights of the largest models."""

_SEDES = List([CountableList(binary), CountableList(binary)])

Nodes = tuple[bytes, ...]


@dataclass(frozen=True)
class BlockProof:
    """The encoded trie nodes on the way to blocks and slots, or to where they would be.

    Attributes:
        account_proof: from the state root to the account, the root first.
        storage_proof: from the account's storage root to the slots and blocks; empty if there
            is no account or its storage is empty.
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
        with refusing("not the encoding of a proof"):
            account_proof, storage_proof = rlp.decode(encoding, _SEDES)
        return cls(tuple(account_proof), tuple(storage_proof))


@dataclass(frozen=True)
class Proven:
    """What a proof shows of an account.

    Attributes:
        account: its nonce, balance, storage root and code hash; None if there is no account.
        slots: the words of the slots, by key; 0 where nothing is stored.
        blocks: the blocks, by number; None where there is none.
    """

    account: Account | None
    slots: dict[int, int]
    blocks: dict[int, Block | None]


def prove_blocks(
    database: Mapping[bytes, bytes],
    state_root: Hash32,
    address: Address,
    numbers: Sequence[int],
    slots: Sequence[int] = (),
    max_bytes: int = MAX_PROOF_BYTES,
) -> BlockProof:
    """Prove what an account holds in slots and under block numbers, something or nothing.

    Args:
        database: trie nodes by hash: the database of a chain.
        state_root: the root of the state to prove it of.
        address: the account.
        numbers: of the blocks.
        slots: keys of the slots.
        max_bytes: bytes of nodes below the account, at most.

    Raises:
        ProofError: the database lacks a node, they are more than `MAX_KEYS`, or their nodes take
            more than `max_bytes`.
    """
    account_proof = prove_keys(database, state_root, [keccak(address)])
    (account,) = verify_keys(state_root, [keccak(address)], account_proof)
    root = _storage_root(decode_account(account))
    keys = _storage_keys(numbers, slots)
    return BlockProof(account_proof, prove_keys(database, root, keys, max_bytes))


def verify_blocks(
    state_root: Hash32,
    address: Address,
    numbers: Sequence[int],
    proof: BlockProof,
    slots: Sequence[int] = (),
) -> Proven:
    """Check a proof of the same blocks and slots, in the same order; return what they hold.

    Raises:
        ProofError: the proof lacks a node, has one too many, or one that was changed, or the
            state holds something there that is no block.
    """
    account = verify_account(state_root, address, proof.account_proof)
    keys = _storage_keys(numbers, slots)
    values = verify_keys(_storage_root(account), keys, proof.storage_proof)
    with refusing("the state holds what it should not"):
        words = [_word(value) for value in values[: len(slots)]]
        blocks = [decode_block(value) if value else None for value in values[len(slots) :]]
    return Proven(
        account,
        dict(zip(slots, words, strict=True)),
        dict(zip(numbers, blocks, strict=True)),
    )


def prove_block(
    database: Mapping[bytes, bytes], state_root: Hash32, address: Address, number: int
) -> BlockProof:
    """The proof of a single block (`prove_blocks`)."""
    return prove_blocks(database, state_root, address, [number])


def verify_block(
    state_root: Hash32, address: Address, number: int, proof: BlockProof
) -> Block | None:
    """The block of a proof of a single one, None where there is none (`verify_blocks`)."""
    return verify_blocks(state_root, address, [number], proof).blocks[number]


def verify_account(state_root: Hash32, address: Address, proof: Nodes) -> Account | None:
    """The account to which the nodes lead from a state root; None if there is none.

    Raises:
        ProofError: as `verify_keys`.
    """
    (value,) = verify_keys(state_root, [keccak(address)], proof)
    return decode_account(value)


def decode_account(value: bytes) -> Account | None:
    """The account of a leaf of the state trie; None of an empty value.

    Raises:
        ProofError: it is no account.
    """
    with refusing("the state holds what it should not"):
        return rlp.decode(value, Account) if value else None


def prove_keys(
    database: Mapping[bytes, bytes],
    root: bytes,
    keys: Sequence[bytes],
    max_bytes: int = MAX_PROOF_BYTES,
) -> Nodes:
    """The nodes of a trie on the way to keys of which none begins another.

    Raises:
        ProofError: the database lacks a node, there are more than `MAX_KEYS` keys, or the nodes
            take more than `max_bytes`.
    """
    nodes: dict[bytes, bytes] = {}
    with refusing("the database lacks a trie node"):
        for found in _walk(database, root, keys):
            new = [node_hash for node_hash in found.nodes if node_hash not in nodes]
            nodes |= {node_hash: bytes(database[node_hash]) for node_hash in new}
            max_bytes -= sum(len(nodes[node_hash]) for node_hash in new)
            if max_bytes < 0:
                raise ProofError("the proof would be too large: prove fewer blocks at once")
    return tuple(nodes.values())


def verify_keys(root: bytes, keys: Sequence[bytes], proof: Nodes) -> list[bytes]:
    """The values at the keys to which the nodes lead, b"" where there is none.

    Raises:
        ProofError: a node is missing, was changed, is of no use or in another place.
    """
    # Under the hash of its bytes, a node that was changed is simply not there.
    nodes = {keccak(node): node for node in proof}
    values: list[bytes] = []
    met: dict[bytes, None] = {}
    with refusing("the proof does not lead from the root"):
        for found in _walk(nodes, root, keys):
            values.append(b"" if found.value is None else bytes(found.value))
            met.update(dict.fromkeys(found.nodes))
    if tuple(nodes[node_hash] for node_hash in met) != proof:
        raise ProofError("the proof has nodes that are not on the path, or in another order")
    return values


def storage_root(slots: Mapping[int, int], blocks: Mapping[int, bytes]) -> bytes:
    """The storage root of an account that holds these and nothing else.

    Args:
        slots: words by key; 0 is not stored.
        blocks: leaf values (`encode_block`) by number.
    """
    trie = WeightTrie({}, prune=True)
    values = [rlp.encode(word) if word else b"" for word in slots.values()] + [*blocks.values()]
    for key, value in zip(_storage_keys(list(blocks), list(slots)), values, strict=True):
        if value:
            trie[key] = value
    return bytes(trie.root_hash)


@contextmanager
def refusing(what: str) -> Iterator[None]:
    """Turn whatever is raised over bytes that may be anything into a ProofError."""
    try:
        yield
    except ProofError:
        raise
    except MissingTrieNode as error:
        raise ProofError(f"{what}: {error}") from error
    except Exception as error:  # each library has its own, RecursionError among them
        raise ProofError(f"{what}: {' '.join(f'{error}'.split()) or error!r}"[:300]) from error


def _walk(
    database: Mapping[bytes, bytes], root: bytes, keys: Sequence[bytes]
) -> Iterator[Found[None]]:
    """The ends of the walks to the keys."""
    if len(keys) > MAX_KEYS:
        raise ProofError(f"expected at most {MAX_KEYS:,} keys, found {len(keys):,}")
    trie = WeightTrie(database, root)
    for key in keys:
        yield trie.find(key)


def _storage_keys(numbers: Sequence[int], slots: Sequence[int]) -> list[bytes]:
    """The paths in the storage trie: those of the slots, then those of the blocks."""
    words = [keccak(slot.to_bytes(32, "big")) for slot in slots]
    return [*words, *(keccak(block_key(number)) for number in numbers)]


def _word(value: bytes) -> int:
    return int(rlp.decode(value, big_endian_int)) if value else 0


def _storage_root(account: Account | None) -> Hash32:
    return Hash32(BLANK_NODE_HASH) if account is None else Hash32(account.storage_root)
