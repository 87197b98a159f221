"""Packing: operands taken apart in limbs of eight bits, as the tensor cores take them."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import NamedTuple

import numpy as np

from smartvm.dispatch.cupy_backend.calls import Call, Range
from smartvm.dispatch.cupy_backend.device import THREADS, Grid, Launch, Memory
from smartvm.dispatch.tensor import Tensor
from smartvm.shapes import ConvShape

__all__ = [
    "MOST_LIMBS",
    "MOST_WEIGHT_LIMBS",
    "STEP",
    "Fragments",
    "Planes",
    "Side",
    "ceil_div",
    "limbs_of",
    "pack_planes",
    "pack_weights",
    "pack_windows",
]

MOST_LIMBS, MOST_WEIGHT_LIMBS = 4, 3
STEP = 32
"""Items of the inner axis that a tensor core takes at once."""
TILE = 16
"""Rows of a fragment."""
_CELLS = 64
"""Cells of a plane, or windows, that a block packs."""
_MOST_BLOCKS = 65_535
"""Of a grid's second axis."""
_ROW_BYTES = 4 * (STEP // 4 + 1)
_PLACE_BYTES = 16


def ceil_div(value: int, divisor: int) -> int:
    """The quotient, rounded up."""
    return -(-value // divisor)


def limbs_of(values: Range) -> int:
    """How many limbs of eight bits, the highest signed, hold a range of values."""
    return max(values[1], ~values[0]).bit_length() // 8 + 1


class Side(NamedTuple):
    """How an operand lies in memory: the distance, in items, from one … to the next."""

    group: int
    row: int
    channel: int
    cell: int = 0


class Fragments(NamedTuple):
    """Weights, in the order of the tensor cores.

    Attributes:
        memory: for each group, tile of rows, step and limb 512 bytes.
        limbs: 1 to 3.
    """

    memory: Memory
    limbs: int

    @property
    def nbytes(self) -> int:
        """Bytes of device memory, for the cache of resident tensors."""
        return self.memory.nbytes


class Planes(NamedTuple):
    """A map with 32 channels of a cell side by side, each limb for itself.

    Attributes:
        memory: (limbs, maps, blocks, cells, 32) bytes.
        limb_bytes: of the planes of one limb.
        limbs: 1 to 4.
        blocks: of 32 channels; those beyond the channels of a group are zeros.
    """

    memory: Memory
    limb_bytes: int
    limbs: int
    blocks: int


def pack_weights(
    call: Call, weights: Tensor, limbs: int, counts: tuple[int, int, int, int], side: Side
) -> Fragments:
    """The fragments of weights; those of resident ones are made once and kept in their memo.

    Args:
        call: the call that needs them.
        weights: items that fit the limbs.
        limbs: how many.
        counts: groups, rows of a group, channels of a group, cells of the kernel.
        side: how they lie; its `cell` is the distance between cells of the kernel.
    """
    if weights.memo is None:
        operand = call.operand(weights)
        located = operand.address, operand.item_bytes
        return _packed_weights(call.scratch, call.launch, located, limbs, counts, side)
    key = ("cupy", "fragments", limbs, counts, side)
    found = weights.memo.get(key)
    if found is None:
        # Not recorded: a replay finds the fragments made.
        source = call.device.upload(weights.data)
        located = source.address, weights.item_bytes
        found = _packed_weights(
            call.device.allocate, _launching(call), located, limbs, counts, side
        )
        weights.memo[key] = found
    call.segment.kept.append(found.memory)
    return found


def _launching(call: Call) -> Callable[..., None]:
    def launch(kernel: str, arguments: tuple[int, ...], items: int) -> None:
        blocks = min(ceil_div(items, THREADS), _MOST_BLOCKS)
        call.device.launch(Launch(kernel, (blocks, 1, 1), THREADS, np.array(arguments, np.int64)))

    return launch


def _packed_weights(
    allocate: Callable[[int], Memory],
    launch: Callable[..., None],
    located: tuple[int, int],
    limbs: int,
    counts: tuple[int, int, int, int],
    side: Side,
) -> Fragments:
    groups, rows, channels, cells = counts
    tiles, blocks = ceil_div(rows, TILE), ceil_div(channels, STEP)
    words = groups * tiles * blocks * cells * (TILE * STEP // 4)
    memory = allocate(4 * words * limbs)
    sizes = (limbs, rows, tiles, channels, cells, blocks * cells)
    launch("packing.pack_weights", (*located, memory.address, words, *sizes, *side), items=words)
    return Fragments(memory, limbs)


def pack_planes(
    call: Call, x: Tensor, limbs: int, counts: tuple[int, int, int], side: Side
) -> Planes:
    """The planes of a map.

    Args:
        call: the call that needs them.
        x: items that fit the limbs.
        limbs: how many.
        counts: maps (batch times groups), channels of each, cells of a plane.
        side: how they lie: `group` from map to map, `row` from cell to cell.
    """
    maps, channels, cells = counts
    blocks = ceil_div(channels, STEP)
    planes = _planes(call, maps * cells, limbs, blocks)
    operand = call.operand(x)
    located = (operand.address, operand.item_bytes, planes.memory.address, planes.limb_bytes // 4)
    sizes = (limbs, maps, channels, blocks, cells)
    arguments = (*located, *sizes, side.group, side.channel, side.row)
    if side.row != 1 or cells == 1:
        call.launch("packing.pack_rows", arguments, items=planes.limb_bytes // 4)
        return planes
    grid: Grid = (ceil_div(cells, _CELLS), min(maps * blocks, _MOST_BLOCKS), 1)
    call.launch("packing.pack_planes", arguments, grid=grid, shared=limbs * _CELLS * _ROW_BYTES)
    return planes


def pack_windows(call: Call, x: Tensor, limbs: int, shape: ConvShape) -> Planes:
    """The windows of a convolution as the channels of its result's cells."""
    inner, maps = shape.terms, shape.batch * shape.groups
    blocks = ceil_div(inner, STEP)
    pixels = maps * prod(shape.out_size)
    planes = _planes(call, pixels, limbs, blocks)
    operand = call.operand(x)
    located = (operand.address, operand.item_bytes, planes.memory.address, planes.limb_bytes // 4)
    sizes = (limbs, maps, shape.in_channels // shape.groups, blocks, inner, prod(shape.out_size))
    call.launch(
        "packing.pack_windows",
        (*located, *sizes, *geometry(shape)),
        grid=(ceil_div(pixels, _CELLS), 1, 1),
        shared=_PLACE_BYTES * (_CELLS + inner) + 4 * _CELLS,
    )
    return planes


def _planes(call: Call, cells: int, limbs: int, blocks: int) -> Planes:
    limb_bytes = cells * blocks * STEP
    return Planes(call.scratch(limbs * limb_bytes), limb_bytes, limbs, blocks)


def geometry(shape: ConvShape) -> tuple[int, ...]:
    """Size, kernel, stride, padding before, dilation and size of the result, three axes each.

    A step that is never taken may be too large for the kernels' 32 bits, and is 1.
    """
    out = shape.out_size
    walked = shape.size if shape.transposed else out
    stride = (s if n > 1 else 1 for s, n in zip(shape.stride, walked, strict=True))
    dilation = (d if k > 1 else 1 for d, k in zip(shape.dilation, shape.kernel, strict=True))
    before = (before for before, _ in shape.padding)
    return (*shape.size, *shape.kernel, *stride, *before, *dilation, *out)
