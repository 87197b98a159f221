"""Prefetching: what is read ahead, how far, and that nothing wrong with it ever shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from threading import Event, Thread

import pytest
from eth.db.backends.memory import MemoryDB
from trie import HexaryTrie

from smartvm import gas
from smartvm.dispatch.tensor import Tensor
from smartvm.storage import block_key, encode_block, prefetch, resident
from smartvm.storage.prefetch import Ahead, Prefetch, Run, Source, find_block, source_of
from smartvm.storage.trie import WeightTrie

PLENTY = 1 << 40
ITEMS = 50
Peek = Callable[[bytes], bytes | None]


class Later(Executor):
    """Threads of which a test decides when they run: in this one, by `run`."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def submit(self, function: Callable[[], None]) -> Future[None]:  # type: ignore[override]
        self.waiting.append(function)
        return Future()

    def run(self) -> None:
        while self.waiting:
            self.waiting.pop()()


@pytest.fixture(autouse=True)
def _small_things_pay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prefetch, "LEAST_ITEMS", 1)


@pytest.fixture
def trie() -> HexaryTrie:
    """Blocks 0 to 29 of 50 items each, and a leaf that is none under 30."""
    nodes = HexaryTrie(MemoryDB())
    for number in range(30):
        items = Tensor.from_ints(range(1000 * number, 1000 * number + ITEMS))
        nodes[hashed(number)] = encode_block(items, 2)
    nodes[hashed(30)] = b"\x83abc"
    return nodes


@pytest.fixture
def threads() -> Later:
    return Later()


def hashed(number: int) -> bytes:
    return prefetch.keccak(block_key(number))


def ahead_of(*runs: tuple[int, int], gas: int = PLENTY) -> Ahead:
    return Ahead(tuple(Run(*run) for run in runs), gas, 0)


def started(
    trie: HexaryTrie, threads: Executor, ahead: Ahead, peek: Peek | None = None
) -> Prefetch:
    return Prefetch(Source(peek or trie.db.kv_store.get, threads), trie.root_hash, ahead)


def present(trie: HexaryTrie) -> list[int]:
    """Numbers of the blocks that are resident."""
    return [number for number in range(40) if resident.place(trie.root_hash, number)]


def test_the_frame_reads_its_block_and_threads_the_others(trie: HexaryTrie, threads: Later) -> None:
    started(trie, threads, ahead_of((3, 120), (10, 50), (20, 70))).take(3)
    assert present(trie) == [3]
    threads.run()
    assert present(trie) == [3, 4, 5, 10, 20, 21]


def test_what_it_finds_is_what_the_trie_has(trie: HexaryTrie, threads: Later) -> None:
    started(trie, threads, ahead_of((3, 50), (7, 50))).take(3)
    threads.run()
    ahead, ahead_place = resident.place(trie.root_hash, 7)
    resident.clear()
    block, place = find_block(WeightTrie(trie.db, trie.root_hash), 7)
    assert ahead_place == place
    assert (ahead.items, ahead.content) == (block.items, block.content)


def test_a_tensor_ahead_is_put_together(trie: HexaryTrie, threads: Later) -> None:
    started(trie, threads, ahead_of((0, 50), (4, 120))).take(0)
    threads.run()
    blocks = [resident.place(trie.root_hash, number)[0] for number in (4, 5, 6)]
    before = len(resident)
    tensor = resident.gather(blocks, 120)
    assert len(resident) == before
    assert tensor.to_ints() == [*range(4000, 4050), *range(5000, 5050), *range(6000, 6020)]


def test_no_more_waits_for_the_frame_than_there_is_room_for(
    trie: HexaryTrie, threads: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prefetch, "AHEAD_BYTES", 250)  # blocks of 104 bytes
    reading = started(trie, threads, ahead_of((0, 30 * ITEMS)))
    reading.take(0)
    threads.run()
    assert present(trie) == [0, 1, 2, 3]
    reading.take(1)
    threads.run()
    assert present(trie) == [0, 1, 2, 3, 4]


def test_nothing_is_read_that_the_frame_cannot_pay(trie: HexaryTrie, threads: Later) -> None:
    price = gas.block_access(True) + gas.block_read(2 * ITEMS)
    started(trie, threads, ahead_of((0, 30 * ITEMS), gas=3 * price)).take(0)
    threads.run()
    assert present(trie) == [0, 1, 2, 3]


def test_little_is_left_to_the_frame(
    trie: HexaryTrie, threads: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prefetch, "LEAST_ITEMS", 101)
    started(trie, threads, ahead_of((0, 50), (1, 50))).take(0)
    assert (threads.waiting, present(trie)) == ([], [])
    monkeypatch.setattr(prefetch, "LEAST_ITEMS", 100)
    started(trie, threads, ahead_of((0, 50), (1, 50))).take(0)
    assert threads.waiting
    assert present(trie) == [0]


def test_a_cache_without_room_is_left_alone(trie: HexaryTrie, threads: Later) -> None:
    resident.set_capacity(prefetch.AHEAD_BYTES)
    started(trie, threads, ahead_of((0, 500))).take(0)
    assert threads.waiting == []


@pytest.mark.parametrize("number", [30, 31], ids=["malformed", "missing"])
def test_a_bad_block_ends_its_run_and_no_other(
    trie: HexaryTrie, threads: Later, number: int
) -> None:
    reading = started(trie, threads, ahead_of((0, 50), (number, 500), (2, 50)))
    reading.take(0)
    threads.run()
    reading.take(number)
    assert present(trie) == [0, 2]


def test_a_missing_node_is_left_to_the_frame(trie: HexaryTrie, threads: Later) -> None:
    lost = find_block(WeightTrie(trie.db, trie.root_hash), 7)[1].nodes[-1]
    resident.clear()
    nodes = {key: value for key, value in trie.db.kv_store.items() if key != lost}
    reading = started(trie, threads, ahead_of((7, 50), (8, 50)), nodes.get)
    reading.take(7)
    threads.run()
    assert present(trie) == [8]


def test_a_database_that_fails_is_left_to_the_frame(trie: HexaryTrie, threads: Later) -> None:
    def fail(_: bytes) -> bytes:
        raise OSError("the disk is gone")

    reading = started(trie, threads, ahead_of((0, 50), (1, 50)), fail)
    reading.take(0)
    threads.run()
    reading.take(1)
    assert present(trie) == []


def test_threads_that_have_ended_are_not_missed(trie: HexaryTrie) -> None:
    with ThreadPoolExecutor(1) as threads:
        pass
    reading = started(trie, threads, ahead_of((0, 50), (1, 50)))
    reading.take(0)
    reading.take(1)
    assert present(trie) == [0]


def test_the_frame_waits_for_a_block_that_is_on_its_way(trie: HexaryTrie) -> None:
    last = find_block(WeightTrie(trie.db, trie.root_hash), 9)[1].nodes[-1]
    resident.clear()
    arrived, may_go = Event(), Event()

    def slow(node_hash: bytes) -> bytes | None:
        if node_hash == last:
            arrived.set()
            assert may_go.wait(30)
        return trie.db.kv_store.get(node_hash)

    with ThreadPoolExecutor(2) as threads:
        reading = started(trie, threads, ahead_of((0, 50), (9, 50)), slow)
        reading.take(0)
        assert arrived.wait(30)
        frame = Thread(target=reading.take, args=(9,))
        frame.start()
        assert 9 not in present(trie)
        may_go.set()
        frame.join(30)
    assert present(trie) == [0, 9]


def test_when_to_look_ahead_again(trie: HexaryTrie, threads: Later) -> None:
    ahead = Ahead((Run(0, 50), Run(1, 50)), PLENTY, 2 * prefetch.BLOCKS_PER_LOOK)
    reading = started(trie, threads, ahead)
    taken = []
    for number in (0, 5, 6):
        reading.take(number)
        taken.append(reading.is_over(7))
    assert taken == [False, False, True]
    assert not reading.is_over(1)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as threads:
        yield threads


def test_many_frames_at_once(trie: HexaryTrie, pool: ThreadPoolExecutor) -> None:
    found: list[list[int]] = []

    def frame() -> None:
        for _ in range(5):
            reading = started(trie, pool, ahead_of(*((base, 150) for base in range(0, 30, 3))))
            for number in range(30):
                reading.take(number)
            found.append(present(trie))
            resident.clear()

    frames = [Thread(target=frame) for _ in range(4)]
    for each in frames:
        each.start()
    for each in frames:
        each.join(60)
    assert len(found) == 20


def test_a_database_in_memory_offers_no_threads() -> None:
    assert source_of(MemoryDB()) is None
