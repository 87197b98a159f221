"""The resident cache: bounded, never wrong, and it keeps what backends derive from weights."""

from __future__ import annotations

import gc
import weakref
from threading import Thread

import numpy as np
import pytest

from smartvm.dispatch.tensor import Tensor
from smartvm.exceptions import BlockMalformed
from smartvm.storage.blocks import decode_block, encode_block
from smartvm.storage.cache import (
    ENTRY_BYTES,
    PLACE_BYTES,
    BlockCache,
    Place,
    gather,
    leaf_content,
    resident,
    size_of,
)

ROOT, OTHER_ROOT = b"\x01" * 32, b"\x02" * 32


def value_of(*items: int, item_bytes: int = 2) -> bytes:
    return encode_block(Tensor.from_ints(items), item_bytes)


def large_value(seed: int) -> bytes:
    """A block of 10,000 items of 2 bytes, all of them `seed`; 40,000 bytes once unpacked."""
    return encode_block(Tensor.full(10_000, seed), 2)


LARGE_COST = 40_000 + ENTRY_BYTES


def test_the_same_bytes_give_the_same_block():
    cache = BlockCache()
    block = cache.decode(value_of(1, 2))
    assert cache.decode(value_of(1, 2)) is block
    assert cache.decode(value_of(1, 3)) is not block


def test_a_value_that_equals_a_hash_is_not_taken_for_the_leaf():
    cache = BlockCache()
    value = encode_block(Tensor.full(29, 7), 1)  # 32 bytes, as long as a hash
    in_leaf = cache.decode(value_of(1), leaf_content(value, 0))
    assert cache.decode(value) is not in_leaf
    assert cache.decode(value).items.to_ints() == [7] * 29


def test_a_place_is_one_root_and_one_number():
    cache = BlockCache()
    block = cache.decode(value_of(1))
    cache.set_place(ROOT, 3, Place(block.content, (ROOT,)))
    assert cache.place(ROOT, 3) == (block, Place(block.content, (ROOT,)))
    assert cache.place(ROOT, 4) is None
    assert cache.place(OTHER_ROOT, 3) is None


def test_the_root_of_a_trie_of_one_leaf_is_both_a_place_and_a_content():
    cache = BlockCache()
    block = cache.decode(value_of(1), leaf_content(ROOT, 3))
    assert cache.place(ROOT, 3) is None
    cache.set_place(ROOT, 3, Place(block.content, (ROOT,)))
    assert cache.place(ROOT, 3)[0] is block


def test_a_place_whose_block_was_dropped_is_unknown():
    cache = BlockCache(LARGE_COST + PLACE_BYTES)
    block = cache.decode(large_value(1))
    cache.set_place(ROOT, 3, Place(block.content, ()))
    cache.decode(large_value(2))
    assert cache.place(ROOT, 3) is None


def test_the_least_recently_used_block_goes_first():
    cache = BlockCache(3 * LARGE_COST)
    first, second, third = (cache.decode(large_value(seed)) for seed in (1, 2, 3))
    assert cache.block(first.content) is first  # used again
    cache.decode(large_value(4))
    assert cache.block(second.content) is None
    assert cache.block(first.content) is first
    assert cache.block(third.content) is third
    assert (len(cache), cache.nbytes) == (3, 3 * LARGE_COST)


def test_the_bound_holds_over_many_blocks_and_is_lowered_at_once():
    cache = BlockCache(5 * LARGE_COST)
    for seed in range(50):
        cache.decode(large_value(seed))
        cache.set_place(ROOT, seed, Place(seed, ()))
        assert cache.nbytes <= cache.capacity
    cache.set_capacity(LARGE_COST)
    assert cache.nbytes <= LARGE_COST
    cache.set_capacity(0)
    assert (len(cache), cache.nbytes) == (0, 0)
    assert cache.decode(large_value(1)).items.to_ints() == [1] * 10_000
    assert len(cache) == 0


def test_a_block_that_does_not_fit_drives_out_no_other():
    cache = BlockCache(LARGE_COST)
    small = cache.decode(value_of(1))
    cache.decode(encode_block(Tensor.full(20_000, 1), 2))
    assert cache.block(small.content) is small


def test_a_malformed_value_is_not_kept():
    cache = BlockCache()
    for _ in range(2):
        with pytest.raises(BlockMalformed):
            cache.decode(b"\x82\x01\x01")
    assert (len(cache), cache.nbytes) == (0, 0)


def test_what_backends_note_is_counted():
    cache = BlockCache()
    block = cache.decode(large_value(1))
    memo = block.items.memo
    memo["float"] = np.zeros(1000)
    assert cache.nbytes == LARGE_COST + 8000
    memo["float"] = np.zeros(500)
    assert cache.nbytes == LARGE_COST + 4000
    assert memo.setdefault("float", np.zeros(9)) is memo["float"]
    memo.setdefault("planes", (np.zeros(100), [np.zeros(50)]))
    assert cache.nbytes == LARGE_COST + 4000 + 1200
    cache.clear()
    memo["late"] = np.zeros(1000)
    assert cache.nbytes == 0


def test_a_memo_that_outgrows_the_cache_is_dropped_with_its_block_alone():
    cache = BlockCache(3 * LARGE_COST)
    first, second = cache.decode(large_value(1)), cache.decode(large_value(2))
    first.items.memo["small"] = np.zeros(2000)
    assert len(cache) == 2
    first.items.memo["large"] = np.zeros(30_000)
    assert cache.block(first.content) is None
    assert cache.block(second.content) is second
    assert cache.nbytes == LARGE_COST


def test_a_block_whose_memo_is_written_is_in_use():
    cache = BlockCache(3 * LARGE_COST)
    first, second = cache.decode(large_value(1)), cache.decode(large_value(2))
    first.items.memo["derived"] = np.zeros(6000)
    assert cache.block(second.content) is None
    assert cache.block(first.content) is first


def test_the_memo_of_a_dropped_block_does_not_count_for_its_successor():
    cache = BlockCache(LARGE_COST)
    dropped = cache.decode(large_value(1))
    cache.clear()
    kept = cache.decode(large_value(1))
    assert kept is not dropped
    dropped.items.memo["late"] = np.zeros(1000)
    assert cache.nbytes == LARGE_COST


def test_dropped_weights_are_freed_at_once():
    cache = BlockCache()
    block = cache.decode(large_value(1))
    block.items.memo["derived"] = np.zeros(10)
    alive = weakref.ref(block)
    gc.disable()
    try:
        del block
        cache.clear()
        assert alive() is None
    finally:
        gc.enable()


def test_sizes_are_those_of_the_arrays():
    assert size_of(np.zeros(10)) == 80
    assert size_of(Tensor.zeros(10)) == 20
    assert size_of({"a": np.zeros(10), "b": [np.zeros(1), (np.zeros(2),)]}) == 104
    assert size_of(5) > 0


def test_one_whole_block_gives_its_own_items():
    block = decode_block(value_of(1, 2, 3))
    assert gather([block], 3) is block.items


@pytest.mark.parametrize(("items", "expected"), [(5, [1, 2, 300, 4, 5]), (4, [1, 2, 300, 4])])
def test_a_tensor_of_several_blocks_is_put_together_once(items, expected):
    blocks = [decode_block(value_of(1, 2, item_bytes=1)), decode_block(value_of(300, 4, 5))]
    tensor = gather(blocks, items)
    assert tensor == Tensor.from_ints(expected)
    tensor.memo["derived"] = 1
    again = [decode_block(value_of(1, 2, item_bytes=1)), decode_block(value_of(300, 4, 5))]
    assert gather(again, items) is tensor
    assert gather(again, items - 1) is not tensor


def test_a_part_of_a_block_keeps_a_memo_of_its_own():
    block = decode_block(value_of(1, 200, 30_000))
    part = gather([block], 2)
    part.memo["derived"] = 1
    assert part == Tensor.from_ints([1, 200])
    assert gather([block], 2) is part
    assert block.items.memo == {}


def test_a_gathered_tensor_is_in_the_narrowest_form():
    blocks = [decode_block(value_of(1, 2)), decode_block(value_of(1 << 40, item_bytes=8))]
    assert gather(blocks, 3).item_bytes == 8
    assert gather(blocks, 2) == Tensor.from_ints([1, 2])
    wide = [decode_block(value_of(5, 1 << 200, item_bytes=32)), blocks[0]]
    assert gather(wide, 4) == Tensor.from_ints([5, 1 << 200, 1, 2])


def test_blocks_beyond_the_items_are_not_used():
    first, second = decode_block(value_of(1, 2)), decode_block(value_of(3))
    assert gather([first, second], 2) is first.items
    assert second.__dict__.get("items") is None


def test_too_few_items_are_refused():
    with pytest.raises(ValueError, match="hold 3 items, 4 are needed"):
        gather([decode_block(value_of(1, 2, 3))], 4)


def test_gathered_tensors_are_bounded_too():
    resident.set_capacity(200_000)
    blocks = [decode_block(large_value(1)), decode_block(large_value(2))]
    for items in range(15_000, 15_020):
        gather(blocks, items).memo["derived"] = np.zeros(1000)
        assert resident.nbytes <= 200_000


def test_threads_share_a_cache_that_is_too_small():
    cache = BlockCache(4 * LARGE_COST)
    values = [large_value(seed) for seed in range(8)]
    wrong = []

    def work(offset: int) -> None:
        for step in range(150):
            seed = (step * 5 + offset) % 8
            block = cache.decode(values[seed])
            block.items.memo["derived", offset] = np.zeros(100)
            if block.items.data[0] != seed or cache.nbytes > cache.capacity:
                wrong.append(seed)

    threads = [Thread(target=work, args=(offset,)) for offset in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert cache.nbytes == sum(entry.cost for entry in cache._entries.values())
