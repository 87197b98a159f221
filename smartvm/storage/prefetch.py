"""Prefetching: threads read the weight blocks that a frame will come to while it computes.

They do no more than fill the resident cache, whose entries are found by content. So nothing of it
can be seen: a block that is missing, malformed or damaged is left for the frame to find, one that
was written lately never comes this way, and what a frame reads enters its witness when it reads it.

It needs a database that offers a `Source`, which the one on disk does (`smartvm.storage.disk`).
The frame is a reader like the threads: a block that nobody reads yet it reads itself, and waits
for one that is on its way. The threads start when there is enough to read, and end with the
database.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from threading import Condition
from typing import Any, NamedTuple

from eth_hash.auto import keccak
from eth_typing import Hash32

from smartvm import gas
from smartvm.storage.blocks import Block, block_key
from smartvm.storage.cache import Place, leaf_content, resident
from smartvm.storage.trie import LARGE_NODE_BYTES, WeightTrie

THREADS = 2
"""Threads that read for one database."""
AHEAD_BYTES = 16 << 20
"""Most bytes of blocks that wait for the frame."""
LEAST_ITEMS = 1 << 17
"""Items ahead below which starting a thread takes longer than it saves."""
BLOCKS_PER_LOOK = 8
"""Instructions looked at for which a frame must have taken a block before it looks again."""


class Run(NamedTuple):
    """A tensor in Storage that a frame will come to.

    Attributes:
        base: number of its first block.
        items: how many items it has.
    """

    base: int
    items: int


class Ahead(NamedTuple):
    """What a frame will come to.

    Attributes:
        runs: the tensors in order, the first one beginning with the block that it asks for now.
        gas: what it has left, beyond which it will pay for none.
        instructions: how many were looked at to find this out.
    """

    runs: tuple[Run, ...]
    gas: int
    instructions: int


class Source(NamedTuple):
    """What a database offers to threads.

    Attributes:
        peek: what is stored under a hash, checked, or None; from any thread, and without a trace.
        threads: those that do it, `THREADS`.
    """

    peek: Callable[[bytes], bytes | None]
    threads: Executor


def find_block(trie: WeightTrie, number: int) -> tuple[Block, Place] | None:
    """The block in a trie under a number, which is resident from now on, and its place.

    Raises:
        BlockMalformed: the leaf there is no block.
        MissingTrieNode: the database lacks a node of the path.
    """
    found = trie.find(
        keccak(block_key(number)), lambda node: resident.block(leaf_content(node, number))
    )
    block = found.held
    if block is None:
        if found.value is None:
            return None
        block = resident.decode(found.value, leaf_content(found.nodes[-1], number))
    place = Place(block.content, found.nodes)
    resident.set_place(trie.root_hash, number, place)
    return block, place


def source_of(database: Any) -> Source | None:
    """What the database under py-evm's wrappers offers to threads, or None."""
    while (wrapped := getattr(database, "wrapped_db", None)) is not None:
        database = wrapped
    source: Source | None = getattr(database, "prefetching", None)
    return source


class _Nodes(dict[bytes, bytes]):
    """Trie nodes by hash, the small ones kept: paths share all but their ends."""

    def __init__(self, peek: Callable[[bytes], bytes | None]) -> None:
        super().__init__()
        self._peek = peek

    def __missing__(self, node_hash: bytes) -> bytes:
        node = self._peek(node_hash)
        if node is None:
            raise KeyError(node_hash)
        if len(node) <= LARGE_NODE_BYTES:
            self[node_hash] = node
        return node


class _Reading:
    """A run that is being read, block after block.

    Attributes:
        run: which one.
        next: number of the next block that nobody reads yet.
        left: items from there on.
        length: items of its blocks, 0 until the first has arrived.
        blocks: those that have arrived, by number.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.next = run.base
        self.left = run.items
        self.length = 0
        self.blocks: dict[int, Block] = {}

    @property
    def is_open(self) -> bool:
        """Whether it is known that there is a next block."""
        return self.left > 0 and (self.length > 0 or self.next == self.run.base)

    def claim(self) -> int:
        """The next block; who claims it reads it."""
        self.next += 1
        self.left -= self.length
        return self.next - 1

    def arrived(self, number: int, block: Block | None) -> None:
        """Note a block, or that there is none."""
        if block is None:
            self.left = 0
            return
        self.blocks[number] = block
        if not self.length:
            self.length = len(block)
            self.left -= self.length

    @property
    def is_complete(self) -> bool:
        """Whether all blocks have arrived."""
        return sum(map(len, self.blocks.values())) >= self.run.items

    def gather(self) -> None:
        """Put the tensor together, now that it is complete."""
        resident.gather([self.blocks[number] for number in sorted(self.blocks)], self.run.items)


class Prefetch:
    """The tensors that one frame will come to, on their way to the resident cache.

    Attributes:
        root: the storage root in whose trie they are.
    """

    def __init__(self, source: Source, root: Hash32, ahead: Ahead) -> None:
        """Read from the trie of a storage root what `ahead` names."""
        self.root = root
        self._source = source
        self._trie = WeightTrie(_Nodes(source.peek), root)
        self._gas = ahead.gas
        self._bases = frozenset(run.base for run in ahead.runs)
        self._patience = ahead.instructions // BLOCKS_PER_LOOK
        pays = sum(run.items for run in ahead.runs) >= LEAST_ITEMS
        pays = pays and resident.capacity >= 2 * AHEAD_BYTES
        self._unopened: Iterator[Run] = iter(ahead.runs if pays else ())
        self._readings: deque[_Reading] = deque()
        self._flying: set[int] = set()
        self._taken: set[int] = set()
        self._waiting: dict[int, int] = {}
        self._working = 0
        self._changed = Condition()

    def is_over(self, number: int) -> bool:
        """Whether it is time to look ahead anew, now that the frame lacks this block.

        Looking takes long where little is found, so that some blocks must have been taken since.
        """
        return number not in self._bases and len(self._taken) > self._patience

    def take(self, number: int) -> None:
        """The frame asks for a block: it is resident now if that can be done ahead at all."""
        with self._changed:
            self._taken.add(number)
            self._waiting.pop(number, None)
            reading = self._next()
            mine = reading is not None and reading.next == number
            if mine and reading is not None:
                self._flying.add(reading.claim())
            self._start()
            while not mine and number in self._flying:
                self._changed.wait()
        if mine and reading is not None:
            self._read(reading, number)
            with self._changed:  # now it is known how long the blocks of the tensor are
                self._start()

    def _start(self) -> None:
        """Set threads to work as long as there is work; the lock is held."""
        try:
            while self._working < THREADS and self._next() is not None:
                self._source.threads.submit(self._work)
                self._working += 1
        except RuntimeError:  # the database is being closed
            self._readings, self._unopened = deque(), iter(())

    def _next(self) -> _Reading | None:
        """The first run of which a block can be read now; the lock is held."""
        if self._gas < 0 or sum(self._waiting.values()) > AHEAD_BYTES:
            return None
        while self._readings and self._readings[0].left <= 0:
            self._readings.popleft()
        for reading in self._readings:
            if reading.is_open:
                return reading
        for run in self._unopened:
            self._readings.append(_Reading(run))
            return self._readings[-1]
        return None

    def _work(self) -> None:
        """What a thread does: read block after block as long as there is room for them."""
        while True:
            with self._changed:
                reading = self._next()
                if reading is None:
                    self._working -= 1
                    return
                number = reading.claim()
                self._flying.add(number)
            self._read(reading, number)

    def _read(self, reading: _Reading, number: int) -> None:
        """Read a block that was claimed, and gather the tensor if it was the last one."""
        is_known = resident.place(self.root, number) is not None
        try:
            block = self._block(number)
            with self._changed:
                reading.arrived(number, block)
                if block is not None:
                    self._gas -= gas.block_access(True) + gas.block_read(block.unpacked_bytes)
                    if not is_known and number not in self._taken:
                        self._waiting[number] = block.value_length
                # Where the frame has begun to read the tensor, it does this itself.
                last = reading.is_complete and reading.run.base not in self._taken
            if last:
                reading.gather()
        finally:
            with self._changed:
                self._flying.discard(number)
                self._changed.notify_all()

    def _block(self, number: int) -> Block | None:
        """The block under a number, resident from now on; None whatever is wrong with it."""
        known = resident.place(self.root, number)
        try:
            found = known or find_block(self._trie, number)
            if found is not None:
                found[0].items  # noqa: B018 - unpacked here
        except Exception:  # the frame will meet it, and say what it is
            return None
        return None if found is None else found[0]
