"""Merkle proofs of blocks: what they prove, with the library's trie alone, and every forgery."""

from __future__ import annotations

import pytest
import rlp
from eth.db.atomic import AtomicDB
from eth.db.backends.memory import MemoryDB
from eth_hash.auto import keccak
from trie import HexaryTrie

from smartvm.dispatch.tensor import Tensor
from smartvm.exceptions import ProofError
from smartvm.storage import (
    BlockProof,
    SmartVMAccountDB,
    block_key,
    encode_block,
    prove_block,
    prove_blocks,
    storage_root,
    verify_block,
    verify_blocks,
)
from smartvm.storage.proofs import MAX_KEYS, prove_keys

MODEL, OTHER, EMPTY, NOBODY = (bytes([byte]) * 20 for byte in (0xAA, 0xBB, 0xCC, 0xDD))


@pytest.fixture(scope="module")
def nodes():
    return MemoryDB()


@pytest.fixture(scope="module")
def root(nodes):
    """A state of two models and an account without storage."""
    database = SmartVMAccountDB(AtomicDB(nodes))
    for number in range(5):
        items = Tensor.from_ints(range(number, number + 4))
        database.set_block(MODEL, number, encode_block(items, 2))
        database.set_block(OTHER, number, encode_block(items, 3))
    database.set_storage(MODEL, 1, 77)
    database.set_block(MODEL, 99, b"\x83\x02\x01\x05")  # no version that there is
    database.set_balance(EMPTY, 1)
    database.persist()
    return database.state_root


def items_proven(root, address, number, proof):
    block = verify_block(root, address, number, proof)
    return None if block is None else block.items.to_ints()


@pytest.mark.parametrize("address", [MODEL, OTHER])
@pytest.mark.parametrize("number", range(5))
def test_a_block_is_proven(nodes, root, address, number):
    proof = prove_block(nodes, root, address, number)
    expected = list(range(number, number + 4))
    assert items_proven(root, address, number, proof) == expected
    assert items_proven(root, address, number, BlockProof.from_bytes(proof.to_bytes())) == expected


@pytest.mark.parametrize(
    ("address", "number"), [*((MODEL, n) for n in range(5, 30)), (EMPTY, 0), (NOBODY, 0)]
)
def test_the_absence_of_a_block_is_proven(nodes, root, address, number):
    proof = prove_block(nodes, root, address, number)
    assert proof.account_proof
    assert verify_block(root, address, number, proof) is None


def test_in_an_empty_state_nothing_needs_a_proof():
    root = HexaryTrie({}).root_hash
    proof = prove_block({}, root, MODEL, 1)
    assert proof == BlockProof((), ())
    assert verify_block(root, MODEL, 1, proof) is None
    with pytest.raises(ProofError):
        verify_block(root, MODEL, 1, BlockProof((b"\x80",), ()))


def test_the_librarys_trie_alone_verifies_the_same_proof(nodes, root):
    proof = prove_block(nodes, root, MODEL, 3)
    account = HexaryTrie.get_from_proof(
        root, keccak(MODEL), [rlp.decode(node) for node in proof.account_proof]
    )
    _nonce, _balance, storage_root, _code_hash = rlp.decode(account)
    key = keccak(b"\x01" + (3).to_bytes(32, "big"))
    value = HexaryTrie.get_from_proof(
        storage_root, key, [rlp.decode(node) for node in proof.storage_proof]
    )
    assert rlp.decode(value) == bytes.fromhex("0102" + "0300" + "0400" + "0500" + "0600")


def test_blocks_and_slots_share_a_proof_of_as_few_nodes_as_will_do(nodes, root):
    numbers, slots = [3, 0, 70], [1, 2]
    proof = prove_blocks(nodes, root, MODEL, numbers, slots)
    shown = verify_blocks(root, MODEL, numbers, proof, slots)
    assert shown.slots == {1: 77, 2: 0}
    assert shown.blocks[3].items.to_ints() == [3, 4, 5, 6]
    assert (list(shown.blocks), shown.blocks[70]) == (numbers, None)
    assert len(set(proof.storage_proof)) == len(proof.storage_proof)
    for other in ([0, 3, 70], [3, 70], [3, 0, 70, 4], []):
        with pytest.raises(ProofError):
            verify_blocks(root, MODEL, other, proof, slots)


def test_an_account_is_shown_with_its_fields(nodes, root):
    shown = verify_blocks(root, EMPTY, [], prove_blocks(nodes, root, EMPTY, []))
    assert (shown.account.balance, shown.account.nonce) == (1, 0)
    assert verify_blocks(root, NOBODY, [], prove_blocks(nodes, root, NOBODY, [])).account is None


def test_the_storage_root_follows_from_what_is_stored(nodes, root):
    blocks = {n: encode_block(Tensor.from_ints(range(n, n + 4)), 3) for n in range(5)}
    account = verify_blocks(root, OTHER, [], prove_blocks(nodes, root, OTHER, [])).account
    assert storage_root({}, blocks) == account.storage_root
    assert storage_root({7: 0}, blocks) == account.storage_root
    assert storage_root({7: 1}, blocks) != account.storage_root
    assert storage_root({}, {}) == HexaryTrie({}).root_hash


def test_the_work_is_bounded(nodes, root):
    with pytest.raises(ProofError, match="at most 65,536 keys"):
        prove_blocks(nodes, root, MODEL, range(MAX_KEYS + 1))
    with pytest.raises(ProofError, match="prove fewer blocks"):
        prove_blocks(nodes, root, MODEL, range(5), max_bytes=100)
    keys = [keccak(MODEL)]
    size = sum(map(len, prove_keys(nodes, root, keys)))
    assert prove_keys(nodes, root, keys, max_bytes=size)


def test_a_large_block_is_proven():
    nodes = MemoryDB()
    database = SmartVMAccountDB(AtomicDB(nodes))
    value = encode_block(Tensor.full(1 << 19, -2), 2)
    database.set_block(MODEL, 1, value)
    database.persist()
    proof = prove_block(nodes, database.state_root, MODEL, 1)
    block = verify_block(database.state_root, MODEL, 1, BlockProof.from_bytes(proof.to_bytes()))
    assert block.content == value


@pytest.mark.parametrize(("address", "number"), [(MODEL, 2), (MODEL, 17), (NOBODY, 0), (EMPTY, 0)])
@pytest.mark.parametrize("flip", [0x01, 0x80, 0xFF])
def test_no_byte_of_a_proof_can_be_changed(nodes, root, address, number, flip):
    encoding = prove_block(nodes, root, address, number).to_bytes()
    for position in range(len(encoding)):
        forged = bytearray(encoding)
        forged[position] ^= flip
        with pytest.raises(ProofError):
            verify_block(root, address, number, BlockProof.from_bytes(bytes(forged)))


@pytest.mark.parametrize("number", [2, 17])
def test_no_byte_of_what_is_proven_can_be_changed(nodes, root, number):
    proof = prove_block(nodes, root, MODEL, number)
    for position in range(32):
        forged = bytearray(root)
        forged[position] ^= 1
        with pytest.raises(ProofError):
            verify_block(bytes(forged), MODEL, number, proof)
    for position in range(20):
        forged = bytearray(MODEL)
        forged[position] ^= 1
        with pytest.raises(ProofError):
            verify_block(root, bytes(forged), number, proof)


def test_a_proof_of_one_block_is_none_of_another(nodes, root):
    proof = prove_block(nodes, root, MODEL, 2)
    for number in (0, 1, 3, 4):
        with pytest.raises(ProofError):
            verify_block(root, MODEL, number, proof)
        with pytest.raises(ProofError):
            verify_block(root, OTHER, number, proof)


def test_nodes_cannot_be_left_out_added_doubled_or_moved(nodes, root):
    proof = prove_block(nodes, root, MODEL, 2)
    other = prove_block(nodes, root, MODEL, 4)
    account, storage = proof.account_proof, proof.storage_proof
    assert len(account) > 1
    assert len(storage) > 1
    forgeries = [
        BlockProof((), ()),
        BlockProof(account, ()),
        BlockProof((), storage),
        BlockProof(storage, account),
        BlockProof(account[:-1], storage),
        BlockProof(account[1:], storage),
        BlockProof(account, storage[:-1]),
        BlockProof(account, storage[::-1]),
        BlockProof(account[::-1], storage),
        BlockProof(account, storage + storage[-1:]),
        BlockProof(account, (*storage, other.storage_proof[-1])),
        BlockProof((*account, b""), storage),
        BlockProof(account, (b"", *storage)),
        BlockProof(account, (*storage, b"\xc0")),
    ]
    for forged in forgeries:
        with pytest.raises(ProofError):
            verify_block(root, MODEL, 2, forged)


@pytest.mark.parametrize(
    "encoding",
    [b"", b"\x80", b"\xc0", b"\xc1\xc0", b"\xc2\xc0\xc0\x00", b"\xc2\x80\x80", b"\xc3\xc0\xc0\xc0"],
)
def test_bytes_that_are_no_proof_are_named(encoding):
    with pytest.raises(ProofError, match="not the encoding of a proof"):
        BlockProof.from_bytes(encoding)


def test_a_proven_leaf_that_is_no_block_is_named(nodes, root):
    proof = prove_block(nodes, root, MODEL, 99)
    with pytest.raises(ProofError, match="block version: expected 1, found 2"):
        verify_block(root, MODEL, 99, proof)


def test_a_database_that_lacks_a_node_proves_nothing(nodes, root):
    path = prove_block(nodes, root, MODEL, 2)
    for node in path.account_proof + path.storage_proof:
        incomplete = {key: value for key, value in nodes.kv_store.items() if value != node}
        with pytest.raises(ProofError, match="lacks a trie node"):
            prove_block(incomplete, root, MODEL, 2)


def test_the_key_that_is_proven_is_that_of_the_block():
    assert block_key(2) == b"\x01" + (2).to_bytes(32, "big")
