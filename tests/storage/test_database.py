"""Weight blocks follow the journal, the trie and the account exactly as slots do."""

from __future__ import annotations

import pytest
import rlp
from eth.constants import BLANK_ROOT_HASH
from eth.db.account import AccountDB
from eth.db.atomic import AtomicDB
from eth.db.backends.memory import MemoryDB
from eth_hash.auto import keccak
from eth_utils import ValidationError
from trie import HexaryTrie

from smartvm.dispatch.tensor import Tensor
from smartvm.exceptions import BlockMalformed
from smartvm.storage import (
    SmartVMAccountDB,
    block_key,
    encode_block,
    resident,
)

ADDRESS, OTHER = b"\xaa" * 20, b"\xbb" * 20


def encoded(*values: int, item_bytes: int = 2) -> bytes:
    return encode_block(Tensor.from_ints(values), item_bytes)


def contents(database, number, address=ADDRESS):
    """The items of a block, None if there is none."""
    block = database.get_block(address, number)
    assert database.has_block(address, number) == (block is not None)
    return None if block is None else block.items.to_ints()


def storage_root_of(slots: dict[int, int], blocks: dict[int, bytes]) -> bytes:
    """The root worked out by the library's trie alone."""
    trie = HexaryTrie({})
    for slot, value in slots.items():
        trie[keccak(slot.to_bytes(32, "big"))] = rlp.encode(value)
    for number, value in blocks.items():
        trie[keccak(block_key(number))] = value
    return trie.root_hash


def saved(database, nodes):
    """The same state, reopened at its root after everything was written to disk."""
    database.persist()
    return SmartVMAccountDB(AtomicDB(nodes), database.state_root)


def test_a_block_is_read_before_and_after_every_step_to_the_disk(database, nodes):
    database.set_block(ADDRESS, 3, encoded(1, -2))
    assert contents(database, 3) == [1, -2]
    database.lock_changes()
    assert contents(database, 3) == [1, -2]
    database.make_state_root()
    assert contents(database, 3) == [1, -2]
    database = saved(database, nodes)
    assert contents(database, 3) == [1, -2]
    resident.clear()
    assert contents(database, 3) == [1, -2]
    assert contents(database, 4) is None
    assert contents(database, 3, OTHER) is None


def test_a_block_and_a_slot_of_the_same_number_are_independent(database, nodes):
    database.set_storage(ADDRESS, 1, 7)
    assert contents(database, 1) is None
    database.set_block(ADDRESS, 1, encoded(5))
    database = saved(database, nodes)
    assert (database.get_storage(ADDRESS, 1), contents(database, 1)) == (7, [5])
    database.set_storage(ADDRESS, 1, 0)
    assert (database.get_storage(ADDRESS, 1), contents(database, 1)) == (0, [5])
    database.delete_block(ADDRESS, 1)
    database.set_storage(ADDRESS, 1, 8)
    database = saved(database, nodes)
    assert (database.get_storage(ADDRESS, 1), contents(database, 1)) == (8, None)


def test_the_storage_root_is_that_of_the_slots_and_the_blocks(database):
    database.set_storage(ADDRESS, 1, 7)
    database.set_storage(ADDRESS, 2, 1 << 255)
    blocks = {number: encoded(*range(number, number + 40)) for number in range(30)}
    for number, value in blocks.items():
        database.set_block(ADDRESS, number, value)
    database.make_state_root()
    expected = storage_root_of({1: 7, 2: 1 << 255}, blocks)
    assert database._get_storage_root(ADDRESS) == expected


def test_the_state_root_changes_just_when_the_contents_do(database):
    database.set_block(ADDRESS, 1, encoded(1, 2))
    first = database.make_state_root()
    database.set_block(ADDRESS, 1, encoded(1, 2))
    assert database.make_state_root() == first
    database.delete_block(ADDRESS, 2)
    assert database.make_state_root() == first
    database.set_block(ADDRESS, 1, encoded(1, 2, item_bytes=3))
    second = database.make_state_root()
    database.set_block(ADDRESS, 1, encoded(1, 3))
    third = database.make_state_root()
    assert len({first, second, third}) == 3
    database.set_block(ADDRESS, 1, encoded(1, 2))
    assert database.make_state_root() == first


def test_a_revert_restores_what_was_there(database, nodes):
    database.set_block(ADDRESS, 1, encoded(1))
    database = saved(database, nodes)
    outer = database.record()
    database.set_block(ADDRESS, 1, encoded(2))
    inner = database.record()
    database.delete_block(ADDRESS, 1)
    database.set_block(ADDRESS, 2, encoded(3))
    assert (contents(database, 1), contents(database, 2)) == (None, [3])
    database.discard(inner)
    assert (contents(database, 1), contents(database, 2)) == ([2], None)
    database.discard(outer)
    assert contents(database, 1) == [1]


def test_deleting_alone_is_reverted_and_saved_too(database, nodes):
    database.set_block(ADDRESS, 1, encoded(1))
    database = saved(database, nodes)
    checkpoint = database.record()
    database.delete_block(ADDRESS, 1)
    assert contents(database, 1) is None
    database.discard(checkpoint)
    assert contents(database, 1) == [1]
    database.delete_block(ADDRESS, 1)
    assert contents(saved(database, nodes), 1) is None


@pytest.mark.parametrize("wipe", ["delete_account", "delete_storage"])
def test_a_wiped_account_has_no_blocks_until_a_revert(database, nodes, wipe):
    database.set_block(ADDRESS, 1, encoded(1))
    database = saved(database, nodes)
    assert contents(database, 1) == [1]
    database.set_block(ADDRESS, 2, encoded(2))
    before = database.record()
    getattr(database, wipe)(ADDRESS)
    assert (contents(database, 1), contents(database, 2)) == (None, None)
    database.set_block(ADDRESS, 1, encoded(3))
    assert (contents(database, 1), contents(database, 2)) == ([3], None)
    database.discard(before)
    assert (contents(database, 1), contents(database, 2)) == ([1], [2])
    getattr(database, wipe)(ADDRESS)
    database.lock_changes()
    database = saved(database, nodes)
    assert (contents(database, 1), contents(database, 2)) == (None, None)
    assert database._get_storage_root(ADDRESS) == BLANK_ROOT_HASH


def test_a_wiped_account_can_be_filled_again(database, nodes):
    database.set_block(ADDRESS, 1, encoded(1))
    database.set_block(ADDRESS, 2, encoded(2))
    database = saved(database, nodes)
    database.delete_account(ADDRESS)
    database.set_block(ADDRESS, 2, encoded(4))
    database.delete_block(ADDRESS, 1)
    database = saved(database, nodes)
    assert (contents(database, 1), contents(database, 2)) == (None, [4])
    assert database._get_storage_root(ADDRESS) == storage_root_of({}, {2: encoded(4)})


def test_no_stale_block_after_a_revert_or_on_a_fork(database, nodes):
    database.set_block(ADDRESS, 1, encoded(1))
    database = saved(database, nodes)
    root = database.state_root
    assert contents(database, 1) == [1]
    checkpoint = database.record()
    database.set_block(ADDRESS, 1, encoded(2))
    assert contents(database, 1) == [2]
    database.discard(checkpoint)
    assert contents(database, 1) == [1]
    database.set_block(ADDRESS, 1, encoded(3))
    forked = saved(database, nodes)
    assert contents(forked, 1) == [3]
    assert contents(SmartVMAccountDB(AtomicDB(nodes), root), 1) == [1]


def test_an_absent_block_is_not_taken_for_the_leaf_that_its_path_ends_at(database, nodes):
    database.set_block(ADDRESS, 0, encoded(9))
    database = saved(database, nodes)
    for _ in range(2):  # the second time with block 0 resident
        assert [n for n in range(100) if contents(database, n)] == [0]


def test_blocks_are_warm_for_one_transaction_and_a_revert_cools_them(database):
    assert not database.is_block_warm(ADDRESS, 1)
    database.mark_block_warm(ADDRESS, 1)
    checkpoint = database.record()
    database.mark_block_warm(ADDRESS, 2)
    database.mark_block_warm(ADDRESS, 1)
    database.discard(checkpoint)
    assert database.is_block_warm(ADDRESS, 1)
    assert not database.is_block_warm(ADDRESS, 2)
    assert not database.is_block_warm(OTHER, 1)
    assert not database.is_storage_warm(ADDRESS, 1)
    database.mark_storage_warm(ADDRESS, 3)
    assert not database.is_block_warm(ADDRESS, 3)
    database.lock_changes()
    assert not database.is_block_warm(ADDRESS, 1)


def test_a_malformed_block_is_named_and_can_be_replaced(database, nodes):
    database.set_block(ADDRESS, 1, b"\x83\x02\x01\x05")
    for _ in range(2):
        with pytest.raises(BlockMalformed, match="version: expected 1, found 2"):
            database.get_block(ADDRESS, 1)
        assert database.has_block(ADDRESS, 1)
        database = saved(database, nodes)
    database.set_block(ADDRESS, 1, encoded(1))
    assert contents(database, 1) == [1]


def test_wrong_use_is_refused(database):
    with pytest.raises(ValidationError, match="never empty"):
        database.set_block(ADDRESS, 1, b"")
    with pytest.raises(ValidationError):
        database.set_block(ADDRESS, 1, bytearray(encoded(1)))
    with pytest.raises(ValidationError):
        database.get_block(ADDRESS, 1 << 256)
    with pytest.raises(ValidationError):
        database.get_block(ADDRESS, -1)
    with pytest.raises(ValidationError):
        database.get_block(ADDRESS[:19], 1)


def test_slots_read_and_write_as_on_the_stock_database(nodes):
    stock, ours = AccountDB(AtomicDB(MemoryDB())), SmartVMAccountDB(AtomicDB(nodes))
    for database in (stock, ours):
        for slot in range(60):
            database.set_storage(ADDRESS, slot * slot, slot + 1)
        database.persist()
        for slot in range(0, 60, 2):
            database.set_storage(ADDRESS, slot * slot, 0)
    assert [stock.get_storage(ADDRESS, n) for n in range(80)] == [
        ours.get_storage(ADDRESS, n) for n in range(80)
    ]
    assert stock.make_state_root() == ours.make_state_root()
