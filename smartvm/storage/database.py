"""The account database of SmartVM: py-evm's, with weight blocks beside the slots.

A block is written to the same journal as the slots, under a key of 33 bytes, and so follows
snapshots, reverts, wiped accounts and transactions exactly as they do. It is read on a way of
its own, which copies nothing and ends at the resident cache:

    journal -> locked changes (of earlier transactions) -> place in the trie -> trie
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

from eth.abc import AtomicDatabaseAPI
from eth.constants import BLANK_ROOT_HASH
from eth.db.account import IS_PRESENT_VALUE, AccountDB
from eth.db.batch import BatchDB
from eth.db.cache import CacheDB
from eth.db.journal import JournalDB
from eth.db.storage import AccountStorageDB, StorageLookup
from eth.validation import validate_canonical_address, validate_is_bytes, validate_uint256
from eth.vm.interrupt import MissingStorageTrieNode
from eth_hash.auto import keccak
from eth_typing import Address, Hash32
from eth_utils.exceptions import ValidationError
from trie.exceptions import MissingTrieNode

from smartvm.storage.blocks import BLOCK_KEY_BYTES, Block, block_key
from smartvm.storage.cache import Place, leaf_content, resident
from smartvm.storage.trie import Found, WeightTrie

_DELETED = b""


class SlotCacheDB(CacheDB):
    """py-evm's cache of the last 2,048 values, which lets blocks pass by."""

    def __getitem__(self, key: bytes) -> bytes:
        """The value of a slot from the cache, that of a block from the trie."""
        return self._db[key] if len(key) == BLOCK_KEY_BYTES else super().__getitem__(key)

    def __setitem__(self, key: bytes, value: bytes) -> None:
        """Write through; only slots are kept."""
        if len(key) == BLOCK_KEY_BYTES:
            self._db[key] = value
        else:
            super().__setitem__(key, value)

    def __contains__(self, key: object) -> bool:
        """Yes for every block, without reading it, as `CacheDB` answers for every slot."""
        slot = cast(bytes, key)
        return len(slot) == BLOCK_KEY_BYTES or super().__contains__(slot)


class SmartVMStorageLookup(StorageLookup):
    """The storage trie of one account, of slots and of blocks."""

    _write_trie: WeightTrie | None  # type: ignore[assignment]  # None until the first write
    _trie_nodes_batch: BatchDB | None  # type: ignore[assignment]

    def __init__(self, db: AtomicDatabaseAPI, storage_root: Hash32, address: Address) -> None:
        """Look up in `db` under a storage root."""
        super().__init__(db, storage_root, address)
        # Where py-evm notes which trie nodes the transactions have read (the witness).
        self._nodes_read: set[bytes] = getattr(db, "_keys_read", set())

    def _get_write_trie(self) -> WeightTrie:
        if self._trie_nodes_batch is None:
            self._trie_nodes_batch = BatchDB(self._db, read_through_deletes=True)
        if self._write_trie is None:
            root_hash = self._starting_root_hash
            self._write_trie = WeightTrie(self._trie_nodes_batch, root_hash, prune=True)
        return self._write_trie

    def _get_read_trie(self) -> WeightTrie:
        if self._write_trie is not None:
            return self._write_trie
        return WeightTrie(self._db, self._starting_root_hash)

    def get_block(self, number: int) -> Block | None:
        """The block in the trie under a number.

        Raises:
            BlockMalformed: the leaf there is no block.
            MissingStorageTrieNode: the database lacks a node of the path.
        """
        known = self._known(number)
        if known is not None:
            return known
        found = self._find(number, lambda node: resident.block(leaf_content(node, number)))
        if found.held is not None:
            self._note_read(found.nodes[-1:])
            block = found.held
        elif found.value is not None:
            block = resident.decode(found.value, leaf_content(found.nodes[-1], number))
        else:
            return None
        resident.set_place(self._root_hash, number, Place(block.content, found.nodes))
        return block

    def has_block(self, number: int) -> bool:
        """Whether the trie has a block under a number; it is not decoded.

        Raises:
            MissingStorageTrieNode: the database lacks a node of the path.
        """
        return self._known(number) is not None or self._find(number).value is not None

    def peek_block(self, number: int) -> Block | None:
        """The block under a number, if the resident cache knows it; the witness is as before."""
        known = resident.place(self._root_hash, number)
        return None if known is None else known[0]

    @property
    def _root_hash(self) -> Hash32:
        trie = self._write_trie
        return self._starting_root_hash if trie is None else Hash32(trie.root_hash)

    def _known(self, number: int) -> Block | None:
        """The block under a number, if the resident cache knows it under the present root."""
        known = resident.place(self._root_hash, number)
        if known is None:
            return None
        block, place = known
        self._note_read(place.nodes)
        return block

    def _find(
        self, number: int, held: Callable[[bytes], Block | None] | None = None
    ) -> Found[Block]:
        path = keccak(block_key(number))
        try:
            return self._get_read_trie().find(path, held)
        except MissingTrieNode as error:
            raise MissingStorageTrieNode(
                Hash32(error.missing_node_hash),
                self._starting_root_hash,
                Hash32(error.requested_key),
                error.prefix,
                self._address,
            ) from error

    def _note_read(self, nodes: Sequence[bytes]) -> None:
        """Enter nodes in the witness that the cache has saved reading, as reading them would."""
        if self._trie_nodes_batch is not None:
            unsaved = self._trie_nodes_batch._track_diff
            nodes = [node for node in nodes if node not in unsaved]
        self._nodes_read.update(nodes)


class SmartVMStorageDB(AccountStorageDB):
    """The storage of one account: slots, and weight blocks journalled with them."""

    def __init__(self, db: AtomicDatabaseAPI, storage_root: Hash32, address: Address) -> None:
        """Open the storage under a storage root; py-evm's layers, two of them our own."""
        super().__init__(db, storage_root, address)
        self._storage_lookup: SmartVMStorageLookup = SmartVMStorageLookup(db, storage_root, address)
        self._storage_cache = SlotCacheDB(self._storage_lookup)
        self._locked_changes = JournalDB(self._storage_cache)
        self._journal_storage = JournalDB(self._locked_changes)

    def get_block(self, number: int) -> Block | None:
        """The block under a number, or None.

        Raises:
            BlockMalformed: what is stored there is no block.
            MissingStorageTrieNode: the database lacks a node of the path.
        """
        pending = self._pending(block_key(number))
        if pending is None:
            return self._storage_lookup.get_block(number)
        return resident.decode(pending) if pending else None

    def peek_block(self, number: int) -> Block | None:
        """The block under a number, if it is written lately or resident; the witness is as before.

        Raises:
            BlockMalformed: what has been written there is no block.
        """
        pending = self._pending(block_key(number))
        if pending is None:
            return self._storage_lookup.peek_block(number)
        return resident.decode(pending) if pending else None

    def has_block(self, number: int) -> bool:
        """Whether there is a block under a number; it is not decoded."""
        pending = self._pending(block_key(number))
        return self._storage_lookup.has_block(number) if pending is None else bool(pending)

    def set_block(self, number: int, value: bytes) -> None:
        """Write the leaf's value of a block."""
        self._journal_storage[block_key(number)] = value

    def delete_block(self, number: int) -> None:
        """Remove a block; nothing happens if there is none."""
        if self.has_block(number):
            del self._journal_storage[block_key(number)]

    def _pending(self, key: bytes) -> bytes | None:
        """What is written but not yet in the trie: the value, b"" if deleted, None if neither."""
        for database in (self._journal_storage, self._locked_changes):
            change = database._journal[key]
            if change is not None:
                return change if isinstance(change, bytes) else _DELETED
        return None


class SmartVMAccountDB(AccountDB):
    """py-evm's account database with weight blocks (the state's `account_db_class`)."""

    def __init__(self, db: AtomicDatabaseAPI, state_root: Hash32 = BLANK_ROOT_HASH) -> None:
        """Open the accounts under a state root, in a trie that is read faster than py-evm's."""
        super().__init__(db, state_root)
        self._trie._db = WeightTrie(  # type: ignore[assignment]
            self._batchtrie, state_root, prune=True
        )

    def get_block(self, address: Address, number: int) -> Block | None:
        """The weight block of an account under a number, or None.

        Raises:
            BlockMalformed: what is stored there is no block.
            MissingStorageTrieNode: the database lacks a node of the path.
        """
        store = self._account_stores.get(address)
        if store is None:
            store = self._block_store(address, number)
        return cast(SmartVMStorageDB, store).get_block(number)

    def peek_block(self, address: Address, number: int) -> Block | None:
        """The weight block of an account, if it is at hand without reading anything.

        Raises:
            BlockMalformed: what has been written there is no block.
        """
        store = self._account_stores.get(address)
        return None if store is None else cast(SmartVMStorageDB, store).peek_block(number)

    def has_block(self, address: Address, number: int) -> bool:
        """Whether an account has a block under a number; it is not decoded."""
        return self._block_store(address, number).has_block(number)

    def set_block(self, address: Address, number: int, value: bytes) -> None:
        """Write a block, given as its leaf's value (`encode_block`)."""
        validate_is_bytes(value, title="Block Value")
        if not value:
            raise ValidationError("the value of a block is never empty; use delete_block")
        store = self._block_store(address, number)
        self._dirty_accounts.add(address)
        store.set_block(number, value)

    def delete_block(self, address: Address, number: int) -> None:
        """Remove a block; nothing happens if there is none."""
        store = self._block_store(address, number)
        self._dirty_accounts.add(address)
        store.delete_block(number)

    def is_block_warm(self, address: Address, number: int) -> bool:
        """Whether this transaction has accessed a block (EIP-2929, as for slots)."""
        return address + block_key(number) in self._journal_accessed_state

    def mark_block_warm(self, address: Address, number: int) -> bool:
        """Note that this transaction has accessed a block; whether it had. A revert forgets it."""
        # 53 bytes: no slot's key, of at most 52, can be the same.
        key = address + block_key(number)
        warm = key in self._journal_accessed_state
        if not warm:
            self._journal_accessed_state[key] = IS_PRESENT_VALUE
        return warm

    def _get_accessed_node_hashes(self) -> set[Hash32]:
        # py-evm copies the set, and looks into it at every call of a contract. A model of a
        # thousand blocks would make each call slower by a tenth of a millisecond.
        return cast(set[Hash32], self._raw_store_db._keys_read)

    def _block_store(self, address: Address, number: int) -> SmartVMStorageDB:
        validate_canonical_address(address, title="Storage Address")
        validate_uint256(number, title="Block Number")
        return self._get_address_store(address)

    def _get_address_store(self, address: Address) -> SmartVMStorageDB:
        store = self._account_stores.get(address)
        if store is None:
            storage_root = self._get_storage_root(address)
            store = SmartVMStorageDB(self._raw_store_db, storage_root, address)
            self._account_stores[address] = store
        return cast(SmartVMStorageDB, store)
