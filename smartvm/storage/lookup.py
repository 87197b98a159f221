"""Looking up weight blocks in the storage trie of an account, with slots beside them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager

from eth.abc import AtomicDatabaseAPI
from eth.db.batch import BatchDB
from eth.db.storage import StorageLookup
from eth.vm.interrupt import MissingStorageTrieNode
from eth_hash.auto import keccak
from eth_typing import Address, Hash32
from trie.exceptions import MissingTrieNode

from smartvm.dispatch.tensor import Tensor
from smartvm.storage.blocks import Block, block_key
from smartvm.storage.cache import resident
from smartvm.storage.prefetch import Ahead, Prefetch, find_block, source_of
from smartvm.storage.ranges import BlockRange, find_range, keep_range
from smartvm.storage.trie import WeightTrie

LookAhead = Callable[[], Ahead]
"""Says what a frame will come to; asked where a block is not resident."""


class SmartVMStorageLookup(StorageLookup):
    """The storage trie of one account, of slots and of blocks."""

    _write_trie: WeightTrie | None  # type: ignore[assignment]  # None until the first write
    _trie_nodes_batch: BatchDB | None  # type: ignore[assignment]

    def __init__(self, db: AtomicDatabaseAPI, storage_root: Hash32, address: Address) -> None:
        """Look up in `db` under a storage root."""
        super().__init__(db, storage_root, address)
        # Where py-evm notes which trie nodes the transactions have read (the witness).
        self._nodes_read: set[bytes] = getattr(db, "_keys_read", set())
        self._prefetch: Prefetch | None = None

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

    def get_block(self, number: int, ahead: LookAhead | None = None) -> Block | None:
        """The block in the trie under a number.

        Raises:
            BlockMalformed: the leaf there is no block.
            MissingStorageTrieNode: the database lacks a node of the path.
        """
        if self._prefetch is not None and self._prefetch.root == self._root_hash:
            self._prefetch.take(number)
        known = self._known(number)
        if known is None and ahead is not None and self._fetch_ahead(number, ahead):
            known = self._known(number)
        if known is not None:
            return known
        with self._naming_nodes():
            found = find_block(self._get_read_trie(), number)
        if found is None:
            return None
        block, place = found
        self._note_read(place.nodes[-1:])
        return block

    def _fetch_ahead(self, number: int, ahead: LookAhead) -> bool:
        """Let threads read what the frame comes to, this block first; whether they do."""
        source = source_of(self._db)
        if source is None or self._write_trie is not None:
            return False
        if self._prefetch is not None and not self._prefetch.is_over(number):
            return False
        self._prefetch = Prefetch(source, self._root_hash, ahead())
        self._prefetch.take(number)
        return True

    def has_block(self, number: int) -> bool:
        """Whether the trie has a block under a number; it is not decoded.

        Raises:
            MissingStorageTrieNode: the database lacks a node of the path.
        """
        if self._known(number) is not None:
            return True
        with self._naming_nodes():
            return self._get_read_trie().find(keccak(block_key(number))).value is not None

    def peek_block(self, number: int) -> Block | None:
        """The block under a number, if the resident cache knows it; the witness is as before."""
        known = resident.place(self._root_hash, number)
        return None if known is None else known[0]

    def find_range(self, base: int, items: int) -> tuple[BlockRange, Tensor] | None:
        """The tensor of so many items from a block on, if it is resident; the witness is as before.

        None while blocks are being fetched ahead, for that goes by the blocks asked for.
        """
        root = self._root_hash
        if self._prefetch is not None and self._prefetch.root == root:
            return None
        return find_range(self._address, root, base, items)

    def keep_range(self, base: int, blocks: Sequence[Block], tensor: Tensor) -> None:
        """Keep what is known of a tensor that was gathered from blocks found here."""
        keep_range(self._address, self._root_hash, base, blocks, tensor)

    def note_range(self, found: BlockRange) -> None:
        """Enter the nodes of a range in the witness, as reading its blocks would."""
        self._note_read(found.nodes)

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

    @contextmanager
    def _naming_nodes(self) -> Iterator[None]:
        """Name a missing node as py-evm does."""
        try:
            yield
        except MissingTrieNode as error:
            raise MissingStorageTrieNode(
                Hash32(error.missing_node_hash),
                self._starting_root_hash,
                Hash32(error.requested_key),
                error.prefix,
                self._address,
            ) from error

    def _note_read(self, nodes: Collection[bytes]) -> None:
        """Enter nodes in the witness that the cache has saved reading, as reading them would."""
        if self._trie_nodes_batch is not None:
            unsaved = self._trie_nodes_batch._track_diff
            nodes = [node for node in nodes if node not in unsaved]
        self._nodes_read.update(nodes)
