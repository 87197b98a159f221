"""Blocks lie in the tensor that was gathered from them, so that weights are held once."""

from __future__ import annotations

import numpy as np

from smartvm.dispatch.tensor import Tensor
from smartvm.storage.blocks import Block, encode_block
from smartvm.storage.cache import ENTRY_BYTES, BlockCache, leaf_content

LEAF = b"\x05" * 32


def decoded(cache: BlockCache, number: int, *items: int, item_bytes: int) -> Block:
    value = encode_block(Tensor.from_ints(items), item_bytes)
    return cache.decode(value, leaf_content(LEAF, number))


def resident_blocks(cache: BlockCache, seeds: tuple[int, ...]) -> list[Block]:
    """Blocks of 10,000 items of 2 bytes, each full of its seed."""
    values = [encode_block(Tensor.full(10_000, seed), 2) for seed in seeds]
    return [
        cache.decode(value, leaf_content(LEAF, seed))
        for seed, value in zip(seeds, values, strict=True)
    ]


def test_blocks_lie_in_the_tensor_that_was_gathered_from_them():
    cache = BlockCache()
    blocks = resident_blocks(cache, (1, 2, 3))
    held = [bytes(block.packed) for block in blocks]
    tensor = cache.gather(blocks, 25_000)
    assert [bytes(block.packed) for block in blocks] == held
    assert [block.items for block in blocks] == [Tensor.full(10_000, n) for n in (1, 2, 3)]
    shared = [np.shares_memory(block.items.data, tensor.data) for block in blocks]
    packed = [np.shares_memory(np.frombuffer(b.packed, np.uint8), tensor.data) for b in blocks]
    assert shared == packed == [True, True, False]  # of the third, the tensor has but a part


def test_bytes_are_counted_once():
    cache = BlockCache()
    blocks = resident_blocks(cache, (1, 2))
    cache.gather(blocks, 20_000)
    assert 40_000 < cache.nbytes < 40_000 + 5 * ENTRY_BYTES


def test_blocks_go_with_the_tensor_in_which_they_lie():
    cache = BlockCache()
    blocks = resident_blocks(cache, (1, 2))
    cache.gather(blocks, 20_000)
    cache.block(blocks[0].content)
    cache.block(blocks[1].content)
    cache.set_capacity(40_000)
    assert (len(cache), cache.nbytes) == (0, 0)
    assert cache.gather(resident_blocks(cache, (1, 2)), 20_000)[9_999:10_001].to_ints() == [1, 2]


def test_a_block_in_another_form_keeps_its_bytes():
    cache = BlockCache()
    blocks = [
        decoded(cache, 1, 5, 6, item_bytes=2),
        decoded(cache, 2, 1 << 20, 7, item_bytes=3),
    ]
    before = cache.nbytes
    tensor = cache.gather(blocks, 4)
    assert [block.items.to_ints() for block in blocks] == [[5, 6], [1 << 20, 7]]
    assert not any(np.shares_memory(block.items.data, tensor.data) for block in blocks)
    assert cache.nbytes > before


def test_a_block_whose_items_a_backend_has_noted_stays_where_it_is():
    cache = BlockCache()
    blocks = resident_blocks(cache, (1, 2))
    blocks[0].items.memo["packed"] = np.zeros(3)
    tensor = cache.gather(blocks, 20_000)
    assert [np.shares_memory(b.items.data, tensor.data) for b in blocks] == [False, True]


def test_a_block_lies_in_one_tensor():
    cache = BlockCache()
    blocks = resident_blocks(cache, (1, 2, 3))
    first, second = cache.gather(blocks[:2], 20_000), cache.gather(blocks[1:], 20_000)
    assert np.shares_memory(blocks[1].items.data, first.data)
    assert not np.shares_memory(blocks[1].items.data, second.data)
