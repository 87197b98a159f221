"""Tensors put together from the blocks that hold their parts, and what things take in memory."""

from __future__ import annotations

import sys
from collections.abc import Hashable, Sequence
from typing import Any

from smartvm.dispatch.tensor import Tensor
from smartvm.storage.blocks import Block


def size_of(value: Any) -> int:
    """Bytes that a value takes: those of its arrays, else what the interpreter says."""
    if isinstance(value, tuple | list):
        return sum(map(size_of, value))
    if isinstance(value, dict):
        return sum(map(size_of, value.values()))
    nbytes = getattr(value, "nbytes", None)
    return nbytes if isinstance(nbytes, int) else sys.getsizeof(value)


class Gathered:
    """The key of a gathered tensor; its hash is kept, for the blocks can be many."""

    __slots__ = ("_hash", "_parts")

    def __init__(self, items: int, contents: tuple[Hashable, ...]) -> None:
        self._parts = items, contents
        self._hash = hash(self._parts)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Gathered) and self._parts == other._parts

    @property
    def nbytes(self) -> int:
        """Bytes that it takes."""
        return size_of(self._parts)


def needed(blocks: Sequence[Block], items: int) -> Sequence[Block]:
    """The first blocks, as many as hold `items` items."""
    held = 0
    for position, block in enumerate(blocks, 1):
        held += len(block)
        if held >= items:
            return blocks[:position]
    raise ValueError(f"the blocks hold {held} items, {items} are needed")


def concatenated(blocks: Sequence[Block], items: int) -> Tensor:
    """The first `items` items of blocks, the last of which is needed at least in part."""
    parts = [block.items for block in blocks]
    excess = sum(map(len, parts)) - items
    if excess:
        parts[-1] = parts[-1][:-excess]
    return Tensor.concatenate(parts)
