"""How blocks are read: nothing copied, nothing stale, and no trace of what was resident."""

from __future__ import annotations

import numpy as np
import pytest
import rlp
from eth.db.account import AccountDB
from eth.db.atomic import AtomicDB
from eth.vm.interrupt import MissingStorageTrieNode
from eth_hash.auto import keccak
from trie import HexaryTrie

from smartvm.storage import SmartVMAccountDB, block_key, gather, resident

ADDRESS = b"\xaa" * 20
NUMBERS = range(30)


@pytest.fixture
def opened(nodes, filled):
    """A function that opens the state of thirty blocks anew."""
    return lambda: SmartVMAccountDB(AtomicDB(nodes), filled)


def items(database, number):
    return database.get_block(ADDRESS, number).items.to_ints()


def write_a_slot(database):
    database.set_storage(ADDRESS, 5, 6)
    database.make_state_root()


def write_nothing(database):
    pass


def test_a_block_is_read_from_the_trie(opened):
    database = opened()
    assert [items(database, n) for n in NUMBERS] == [list(range(n, n + 50)) for n in NUMBERS]
    assert database.get_block(ADDRESS, 30) is None


def test_reading_a_block_neither_warms_it_nor_counts_as_a_slot(opened):
    database = opened()
    items(database, 1)
    assert not database.is_block_warm(ADDRESS, 1)
    assert database._account_stores[ADDRESS].get_accessed_slots() == frozenset()


def test_packed_items_are_a_view_of_the_node_in_the_database(nodes, opened):
    packed = np.frombuffer(opened().get_block(ADDRESS, 1).packed, np.uint8)
    encodings = [np.frombuffer(node, np.uint8) for node in nodes.kv_store.values()]
    assert sum(np.shares_memory(packed, encoding) for encoding in encodings) == 1


def test_blocks_do_not_stay_in_the_slot_cache(opened):
    database = opened()
    database.set_block(ADDRESS, 1, b"\x83\x01\x01\x07")
    database.set_storage(ADDRESS, 2, 3)
    database.make_state_root()
    assert (items(database, 1), database.get_storage(ADDRESS, 2)) == ([7], 3)
    cached = database._account_stores[ADDRESS]._storage_cache._cached_values
    assert cached.keys() == [b"\x02"]


def test_unpacked_weights_are_found_again_under_a_new_root(nodes, opened):
    database = opened()
    block = database.get_block(ADDRESS, 2)
    block.items.memo["derived"] = 1
    write_a_slot(database)
    assert database.get_block(ADDRESS, 2) is block
    database.persist()
    database = SmartVMAccountDB(AtomicDB(nodes), database.state_root)
    assert database.get_block(ADDRESS, 2) is block
    assert block.items.memo == {"derived": 1}


def test_gathered_blocks_are_kept_from_one_call_to_the_next(opened):
    def tensor():
        database = opened()
        return gather([database.get_block(ADDRESS, n) for n in (4, 5)], 90)

    assert tensor().to_ints() == [*range(4, 54), *range(5, 45)]
    assert tensor() is tensor()


@pytest.mark.parametrize("prepare", [write_nothing, write_a_slot])
def test_the_witness_is_the_same_whatever_is_resident(opened, prepare):
    def witness():
        database = opened()
        prepare(database)
        for number in NUMBERS:
            assert database.get_block(ADDRESS, number)
        return database.persist().hashes

    cold = witness()
    assert len(cold) > len(NUMBERS)
    assert witness() == cold
    resident.clear()
    other = opened()
    write_a_slot(other)
    for number in NUMBERS:  # the leaves become resident, but under another root
        items(other, number)
    assert witness() == cold


def test_the_witness_of_an_ordinary_account_is_py_evms(nodes):
    witnesses = []
    for kind in (AccountDB, SmartVMAccountDB):
        database = kind(AtomicDB(nodes))
        database.set_code(ADDRESS, b"code")
        for slot in range(20):
            database.set_storage(ADDRESS, slot, slot + 1)
        database.persist()
        database = kind(AtomicDB(nodes), database.state_root)
        assert database.get_code(ADDRESS) == b"code"
        database.get_storage(ADDRESS, 7)
        witnesses.append(database.persist())
    stock, ours = witnesses
    assert len(ours.hashes) > 3
    assert ours.hashes == stock.hashes
    assert ours.account_bytecodes_queried == stock.account_bytecodes_queried == {ADDRESS}
    assert ours.get_slots_queried(ADDRESS) == stock.get_slots_queried(ADDRESS) == {7}


def test_a_missing_node_is_reported_as_for_a_slot(nodes, opened):
    database = opened()
    storage_root = database._get_storage_root(ADDRESS)
    path = keccak(block_key(7))
    leaf = keccak(rlp.encode(HexaryTrie(nodes, storage_root).get_proof(path)[-1]))
    encoding = nodes.kv_store.pop(leaf)
    for read in (database.get_block, database.has_block):
        with pytest.raises(MissingStorageTrieNode) as caught:
            read(ADDRESS, 7)
        error = caught.value
        assert (error.missing_node_hash, error.requested_key) == (leaf, path)
        assert (error.storage_root_hash, error.account_address) == (storage_root, ADDRESS)
        assert 0 < len(error.prefix) < 4
    nodes[leaf] = encoding
    assert items(database, 7) == list(range(7, 57))


def test_a_missing_node_on_the_way_to_a_slot_is_reported_as_by_py_evm(nodes, filled, opened):
    stock = AccountDB(AtomicDB(nodes), filled)
    nodes.kv_store.pop(stock._get_storage_root(ADDRESS))
    arguments = []
    for database in (stock, opened()):
        with pytest.raises(MissingStorageTrieNode) as caught:
            database.get_storage(ADDRESS, 1)
        arguments.append(caught.value.args)
    assert arguments[0] == arguments[1]
