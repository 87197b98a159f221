"""The resident cache: unpacked weights, and what backends derived from them, kept between calls.

Everything in it is found by content, under hashes that fix it (a storage root, a leaf of the
trie) or under the very bytes, so that an entry can be useless but never wrong: no write, revert
or fork has to touch it, and chains of one process may share it. It is bounded in bytes, counted
as follows:

- a block: its packed bytes, which its leaf keeps in memory, and its items unpacked;
- a tensor gathered from several blocks: its items. Blocks that lie in it whole, in the same form,
  give up their own bytes for it; they go when it goes;
- the memo of either: each value as it is noted, by its `nbytes`;
- a place (storage root and block number): a flat `PLACE_BYTES`;
- a range (`smartvm.storage.ranges`): a flat number of bytes for each of its blocks.

The least recently used entries go first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, NamedTuple

from smartvm.dispatch.tensor import Tensor
from smartvm.storage.blocks import Block, decode_block
from smartvm.storage.gathering import Gathered, concatenated, needed, size_of

DEFAULT_CAPACITY = 1 << 30
PLACE_BYTES = 512
ENTRY_BYTES = 512
"""What the objects around the bytes of a block or tensor take, roughly."""


def leaf_content(leaf_hash: bytes, number: int) -> Hashable:
    """The content of a block that a walk to its number finds in the leaf with that hash.

    The number belongs to it because the walk to another may end at the same leaf in vain.
    """
    return "leaf", leaf_hash, number


class Place(NamedTuple):
    """Where the trie of a storage root holds a block.

    Attributes:
        content: the block's content.
        nodes: the hashes of the trie nodes on the path.
    """

    content: Hashable
    nodes: tuple[bytes, ...]


class Memo(dict[Any, Any]):
    """The memo of a resident tensor: it has the size of what is noted in it counted.

    Counted are item assignment and `setdefault`, the two ways in which kernels note things.
    """

    __slots__ = ("_cache", "owner")

    def __init__(self, cache: BlockCache, owner: Hashable) -> None:
        """Start empty, as the memo of the entry under the key `owner`."""
        super().__init__()
        # The key, not the entry: a cycle would keep what was dropped until the next collection.
        self._cache = cache
        self.owner = owner

    def __setitem__(self, key: Any, value: Any) -> None:
        """Note a value."""
        before = size_of(self[key]) if key in self else 0
        super().__setitem__(key, value)
        self._cache.count(self.owner, self, size_of(value) - before)

    def setdefault(self, key: Any, default: Any = None) -> Any:
        """Note a value unless there is one already; return the one that is there."""
        if key not in self:
            self[key] = default
        return self[key]


@dataclass(slots=True)
class _Entry:
    """A value and what it costs; blocks that lie in a tensor are its guests, it is their host."""

    value: Any
    cost: int
    memo: Memo | None = None
    host: Hashable = None
    guests: list[Hashable] = field(default_factory=list)


class BlockCache:
    """Blocks, the places where they are, and tensors gathered from them; safe between threads."""

    def __init__(self, capacity: int = DEFAULT_CAPACITY) -> None:
        """Start empty, with room for `capacity` bytes."""
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()
        self._lock = Lock()
        self._capacity = capacity
        self._used = 0

    def __len__(self) -> int:
        """How many entries it holds."""
        return len(self._entries)

    @property
    def capacity(self) -> int:
        """Most bytes that it holds."""
        return self._capacity

    @property
    def nbytes(self) -> int:
        """Bytes that it holds."""
        return self._used

    def set_capacity(self, capacity: int) -> None:
        """Change the bound, dropping what no longer fits; 0 turns the cache off."""
        with self._lock:
            self._capacity = capacity
            self._shrink()

    def clear(self) -> None:
        """Drop everything."""
        with self._lock:
            self._entries.clear()
            self._used = 0

    def find(self, key: Hashable) -> Any:
        """What is kept under a key, or None."""
        with self._lock:
            return self._found(key)

    def keep(self, key: Hashable, value: Any, cost: int) -> None:
        """Keep a value that takes `cost` bytes, unless there is one under the key."""
        self._put(key, _Entry(value, cost))

    def block(self, content: Hashable) -> Block | None:
        """The block of that content, if it is resident."""
        found: Block | None = self.find(content)
        return found

    def decode(self, value: bytes | memoryview, content: Hashable | None = None) -> Block:
        """The block of a leaf's value: the resident one, else a new one, from now on resident.

        Args:
            value: the leaf's value; it must never change.
            content: what identifies the value, else the value itself.

        Raises:
            BlockMalformed: the value is no block.
        """
        key = bytes(value) if content is None else content
        resident = self.block(key)
        if resident is not None:
            return resident
        memo = Memo(self, key)
        block = decode_block(value, key, memo)
        kept: Block = self._put(key, _Entry(block, block.resident_bytes + ENTRY_BYTES, memo))
        return kept

    def place(self, root: bytes, number: int) -> tuple[Block, Place] | None:
        """The block under a number in the trie of a storage root, if both are known."""
        found = self.resolve(("place", root, number))
        return None if found is None else (found[1], found[0])

    def resolve(self, key: Hashable) -> tuple[Any, Any] | None:
        """What is kept under a key, and what is kept under the key that it names: its `content`."""
        with self._lock:
            found = self._found(key)
            content = None if found is None else self._found(found.content)
        return None if content is None else (found, content)

    def set_place(self, root: bytes, number: int, place: Place) -> None:
        """Note where the trie of a storage root holds a block."""
        self.keep(("place", root, number), place, PLACE_BYTES)

    def gather(self, blocks: Sequence[Block], items: int) -> Tensor:
        """The first `items` items of blocks one after the other.

        One block of just that length gives its own `items`. A gathered tensor is kept like a
        block, so that it is not put together again and does not lose its memo.

        Raises:
            ValueError: the blocks hold fewer items.
        """
        if blocks and len(blocks[0]) == items:
            return blocks[0].items
        blocks = needed(blocks, items)
        key = Gathered(items, tuple(block.content for block in blocks))
        resident: Tensor | None = self.find(key)
        if resident is not None:
            return resident
        tensor = concatenated(blocks, items)
        tensor.memo = memo = Memo(self, key)
        entry = _Entry(tensor, tensor.nbytes + size_of(key) + ENTRY_BYTES, memo)
        kept: Tensor = self._put(key, entry)
        if kept is tensor:
            self._move_in(key, entry, blocks)
        return kept

    def _move_in(self, key: Hashable, entry: _Entry, blocks: Sequence[Block]) -> None:
        """Let the blocks that a gathered tensor holds whole lie in it."""
        start = 0
        with self._lock:
            if self._entries.get(key) is not entry:
                return
            for block in blocks:
                end = start + len(block)
                if end <= len(entry.value) and self._moves(block, entry.value, start):
                    guest = self._entries[block.content]
                    guest.host = key
                    guest.cost -= block.resident_bytes
                    self._used -= block.resident_bytes
                    entry.guests.append(block.content)
                start = end

    def _moves(self, block: Block, tensor: Tensor, start: int) -> bool:
        """Let a block lie in a tensor, if it is resident and lies in no other; the lock is held."""
        guest = self._entries.get(block.content)
        if guest is None or guest.value is not block or guest.host is not None:
            return False
        # What a backend derived from a block's own items may hold on to them.
        return not block.memo and block.lie_in(tensor, start)

    def count(self, key: Hashable, memo: Memo, nbytes: int) -> None:
        """Count what was noted in the memo of an entry, unless the entry was dropped."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None and entry.memo is memo:
                self._entries.move_to_end(key)
                entry.cost += nbytes
                self._used += nbytes
                self._bound(key, entry)

    def _found(self, key: Hashable) -> Any:
        """The value under a key, now the last to be dropped, or None; the lock is held."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry.value

    def _put(self, key: Hashable, entry: _Entry) -> Any:
        """Keep a new entry, unless another thread was quicker; return the value that is kept."""
        with self._lock:
            kept = self._entries.setdefault(key, entry)
            if kept is entry:
                self._used += entry.cost
                self._bound(key, entry)
            return kept.value

    def _bound(self, key: Hashable, entry: _Entry) -> None:
        """Drop an entry that fits alone neither, then the least recently used ones."""
        if entry.cost > self._capacity:
            self._drop(key)
        self._shrink()

    def _shrink(self) -> None:
        while self._used > self._capacity:
            self._drop(next(iter(self._entries)))

    def _drop(self, key: Hashable) -> None:
        """Drop an entry and what lies in it; the lock is held."""
        entry = self._entries.pop(key)
        self._used -= entry.cost
        for guest in entry.guests:
            if guest in self._entries and self._entries[guest].host == key:
                self._drop(guest)


resident = BlockCache()
"""The cache that the virtual machines of this process share."""


def gather(blocks: Sequence[Block], items: int) -> Tensor:
    """The first `items` items of blocks one after the other, kept in the shared cache.

    Raises:
        ValueError: the blocks hold fewer items.
    """
    return resident.gather(blocks, items)
