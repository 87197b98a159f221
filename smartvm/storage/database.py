"""The account database of SmartVM: py-evm's, with weight blocks beside the slots.

A block is written to the same journal as the slots, under a key of 33 bytes, and so follows
snapshots, reverts, wiped accounts and transactions exactly as they do. It is read on a way of
its own, which copies nothing and ends at the resident cache:

    journal -> locked changes (of earlier transactions) -> place in the trie -> trie
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from eth.abc import AtomicDatabaseAPI
from eth.constants import BLANK_ROOT_HASH
from eth.db.account import IS_PRESENT_VALUE, AccountDB
from eth.db.cache import CacheDB
from eth.db.journal import JournalDB
from eth.db.storage import AccountStorageDB
from eth.validation import validate_canonical_address, validate_is_bytes, validate_uint256
from eth_typing import Address, Hash32
from eth_utils.exceptions import ValidationError

from smartvm.dispatch.tensor import Tensor
from smartvm.storage.blocks import BLOCK_KEY_BYTES, Block, block_key
from smartvm.storage.cache import resident
from smartvm.storage.lookup import LookAhead, SmartVMStorageLookup
from smartvm.storage.ranges import BlockRange, mark, touches
from smartvm.storage.trie import WeightTrie

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


class SmartVMStorageDB(AccountStorageDB):
    """The storage of one account: slots, and weight blocks journalled with them."""

    def __init__(self, db: AtomicDatabaseAPI, storage_root: Hash32, address: Address) -> None:
        """Open the storage under a storage root; py-evm's layers, two of them our own."""
        super().__init__(db, storage_root, address)
        self._storage_lookup: SmartVMStorageLookup = SmartVMStorageLookup(db, storage_root, address)
        self._storage_cache = SlotCacheDB(self._storage_lookup)
        self._locked_changes = JournalDB(self._storage_cache)
        self._journal_storage = JournalDB(self._locked_changes)

    def get_block(self, number: int, ahead: LookAhead | None = None) -> Block | None:
        """The block under a number, or None.

        Raises:
            BlockMalformed: what is stored there is no block.
            MissingStorageTrieNode: the database lacks a node of the path.
        """
        pending = self._pending(block_key(number))
        if pending is None:
            return self._storage_lookup.get_block(number, ahead)
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

    def find_range(self, base: int, items: int) -> tuple[BlockRange, Tensor] | None:
        """The tensor in the trie from a block on, if it is resident and nothing of it is pending.

        The witness is as before (`note_range`).
        """
        found = self._storage_lookup.find_range(base, items)
        return None if found is None or self._touches(found[0].keys) else found

    def keep_range(self, base: int, blocks: Sequence[Block], tensor: Tensor) -> None:
        """Keep what is known of a tensor gathered from the blocks from a number on."""
        if not self._touches([block_key(base + index) for index in range(len(blocks))]):
            self._storage_lookup.keep_range(base, blocks, tensor)

    def note_range(self, found: BlockRange) -> None:
        """Enter the nodes of a range in the witness, as reading its blocks would."""
        self._storage_lookup.note_range(found)

    def _touches(self, keys: Sequence[bytes]) -> bool:
        """Whether one of the keys is written but not yet in the trie."""
        pending = touches(self._journal_storage._journal, keys)
        return pending or touches(self._locked_changes._journal, keys)

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

    _account_stores: dict[Address, SmartVMStorageDB]  # type: ignore[assignment]

    def __init__(self, db: AtomicDatabaseAPI, state_root: Hash32 = BLANK_ROOT_HASH) -> None:
        """Open the accounts under a state root, in a trie that is read faster than py-evm's."""
        super().__init__(db, state_root)
        self._trie._db = WeightTrie(  # type: ignore[assignment]
            self._batchtrie, state_root, prune=True
        )

    def get_block(
        self, address: Address, number: int, ahead: LookAhead | None = None
    ) -> Block | None:
        """The weight block of an account under a number, or None.

        Args:
            address: the account.
            number: of the block.
            ahead: says what will be asked for next, so that it can be read meanwhile.

        Raises:
            BlockMalformed: what is stored there is no block.
            MissingStorageTrieNode: the database lacks a node of the path.
        """
        store = self._account_stores.get(address)
        if store is None:
            store = self._block_store(address, number)
        return store.get_block(number, ahead)

    def peek_block(self, address: Address, number: int) -> Block | None:
        """The weight block of an account, if it is at hand without reading anything.

        Raises:
            BlockMalformed: what has been written there is no block.
        """
        store = self._account_stores.get(address)
        return None if store is None else store.peek_block(number)

    def find_range(
        self, address: Address, base: int, items: int
    ) -> tuple[BlockRange, Tensor, list[bytes]] | None:
        """The tensor of so many items in an account's blocks, if nothing need be read for it.

        With it come the keys of those blocks that this transaction has not accessed; it has not
        done so yet (`touch_range`).
        """
        store = self._account_stores.get(address)
        if store is None:
            store = self._block_store(address, base)
        found = store.find_range(base, items)
        if found is None:
            return None
        accessed = self._journal_accessed_state._journal._current_values
        return *found, [key for key in found[0].warm_keys if key not in accessed]

    def peek_range(self, address: Address, base: int, items: int) -> Tensor | None:
        """The same tensor; nobody notices, for not even the account is read."""
        store = self._account_stores.get(address)
        found = None if store is None else store.find_range(base, items)
        return None if found is None else found[1]

    def keep_range(
        self, address: Address, base: int, blocks: Sequence[Block], tensor: Tensor
    ) -> None:
        """Keep what is known of a tensor gathered from an account's blocks from a number on."""
        self._block_store(address, base).keep_range(base, blocks, tensor)

    def touch_range(self, address: Address, found: BlockRange, cold: Sequence[bytes]) -> None:
        """Note that this transaction has accessed a range, and with it the blocks that were cold.

        A revert forgets it; the nodes stay in the witness.
        """
        mark(self._journal_accessed_state._journal, cold, IS_PRESENT_VALUE)
        self._account_stores[address].note_range(found)

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
        return store
