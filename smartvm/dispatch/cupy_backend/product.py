"""Products on the int8 tensor cores: which tiles, how many parts, and the launches.

cuda/product_tiles.cuh says how operands are taken apart and why the sums are exact.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from smartvm.dispatch.cupy_backend.calls import Call, Range
from smartvm.dispatch.cupy_backend.epilogue import Epilogue, Fields
from smartvm.dispatch.cupy_backend.packing import (
    MOST_LIMBS,
    MOST_WEIGHT_LIMBS,
    STEP,
    TILE,
    Fragments,
    Planes,
    ceil_div,
    limbs_of,
)
from smartvm.dispatch.cupy_backend.sums import Sums
from smartvm.dispatch.stages import DIVIDE
from smartvm.dispatch.tensor import Tensor

__all__ = [
    "LEAST_MACS",
    "MOST_ITEMS",
    "Product",
    "Strides",
    "fits_grid",
    "product_domains",
    "run_product",
]

MOST_ITEMS = (1 << 31) - 1
"""Of a result, and bytes of one limb of the planes: the kernels count in 32 bits."""
LEAST_MACS = 1 << 19
"""Multiply-accumulates for which packing is worth a launch of its own."""
_MOST_BLOCKS = 65_535
"""Of a grid's second and third axis."""
_ROWS = 64
"""Of a block."""
_THREADS = 128
_RING = 4
_COLUMNS = (8, 32, 64)
"""Of a block: what there are kernels for."""
_MOST_DIAGONALS = 4
"""For which the sums of a block of the most columns fit its registers."""
_LEAST_STEPS = 12
"""Of a part: fewer take less time than adding up another part does."""


class Strides(NamedTuple):
    """Where a result lies: the distance, in items, from one … to the next.

    Attributes:
        group: groups.
        row: rows, which are channels of a group.
        batch: maps of the batch.
        column: cells of a plane.
        channels: from group to group among the addends of channels.
    """

    group: int
    row: int
    batch: int
    column: int
    channels: int


class Product(NamedTuple):
    """A product of weights and planes.

    Attributes:
        planes: of batch times groups maps.
        fragments: of the weights.
        batch: maps.
        groups: of channels.
        rows: of a group.
        axes: size of a plane, kernel, stride, padding before, dilation, size of the result.
        strides: of the result.
    """

    planes: Planes
    fragments: Fragments
    batch: int
    groups: int
    rows: int
    axes: tuple[int, ...]
    strides: Strides

    @property
    def cells(self) -> int:
        """Cells of a plane of the result."""
        return self.axes[-3] * self.axes[-2] * self.axes[-1]

    @property
    def length(self) -> int:
        """Items of the result."""
        return self.batch * self.groups * self.rows * self.cells

    @property
    def steps(self) -> int:
        """Steps of the inner axis."""
        kernel = self.axes[3] * self.axes[4] * self.axes[5]
        return kernel * self.planes.blocks

    @property
    def longest(self) -> int:
        """The most steps that a part may have."""
        return _longest(self.planes.limbs, self.fragments.limbs)


class _Tiling(NamedTuple):
    """The columns of a block, and how the inner axis is split."""

    columns: int
    splits: int
    split_steps: int


def _limbs_for(x: Tensor, most: int) -> int:
    """How many limbs a map should be given: with a bit to spare, if there is one."""
    limbs = limbs_of(x.bounds)
    spare = limbs_of((2 * min(x.bounds[0], 0), 2 * max(x.bounds[1], 0)))
    return limbs if x.memo is not None else max(limbs, min(spare, most, x.item_bytes))


def product_domains(
    call: Call,
    x: Tensor,
    weights: Tensor,
    sums: Sums,
    epilogue: Epilogue,
) -> tuple[int, int] | None:
    """The limbs of a map and of weights; None where 64 bits or so many limbs do not hold all.

    Args:
        call: the call, which keeps the ranges of the proof.
        x: the map.
        weights: resident, or a map too.
        sums: the range of the sums of maps and weights in these ranges.
        epilogue: what follows.
    """
    limbs = _limbs_for(x, MOST_LIMBS), _limbs_for(weights, MOST_WEIGHT_LIMBS)
    if limbs[0] > MOST_LIMBS or limbs[1] > MOST_WEIGHT_LIMBS:
        return None

    def proof(values: Range, weight_values: Range, *terms: Range) -> bool:
        narrow = limbs_of(values) <= limbs[0] and limbs_of(weight_values) <= limbs[1]
        return narrow and epilogue.fits(sums(values, weight_values), terms)

    ranges = call.domains(proof, x, weights, *epilogue.addends)
    return None if ranges is None else (limbs_of(ranges[0]), limbs_of(ranges[1]))


def run_product(call: Call, product: Product, epilogue: Epilogue, *arguments: Any) -> list[Tensor]:
    """Launch a product with its stages; see `Epilogue.run`."""
    tiling = _tiling(product, call.device.processors)
    partial = call.scratch(8 * tiling.splits * product.length) if tiling.splits > 1 else None
    address = partial.address if partial else 0
    fixed = _arguments(product, tiling, address)
    blocks = ceil_div(product.batch * product.cells, tiling.columns)
    grid = blocks, ceil_div(product.rows, _ROWS) * product.groups, tiling.splits
    x_limbs, limbs = product.planes.limbs, product.fragments.limbs
    kernel = f"product{x_limbs}.product_{x_limbs}{limbs}_{tiling.columns}"
    shared = _RING * STEP * (_ROWS * limbs + tiling.columns * x_limbs)

    def launch(fields: Fields) -> None:
        call.launch(kernel, (*fixed, *fields), grid=grid, threads=_THREADS, shared=shared)
        if partial:
            _finish(call, product, (address, tiling.splits), fields)

    shrinks = any(stage.kind == DIVIDE for stage in epilogue.stages)
    return epilogue.run(call, product.length, 2 if shrinks else 4, launch, *arguments)


def _arguments(product: Product, tiling: _Tiling, partial: int) -> tuple[int, ...]:
    planes, fragments = product.planes, product.fragments
    addresses = fragments.memory.address, planes.memory.address, planes.limb_bytes
    counts = product.batch, product.groups, planes.blocks
    inner = product.rows, ceil_div(product.rows, TILE), product.steps, tiling.split_steps
    result = (*product.strides, partial, product.length)
    return (*addresses, *counts, *product.axes, *inner, *result)


def _finish(call: Call, product: Product, partial: tuple[int, int], fields: Fields) -> None:
    """Add up the parts of the sums, and run the stages."""
    strides = product.strides
    channels = product.rows * (product.groups if strides.channels else 1)
    arguments = (*partial, product.length, strides.row, channels, *fields)
    grid = ceil_div(product.length, 256), 1, 1
    call.launch("product.finish", arguments, grid=grid, threads=256)


def _longest(limbs: int, weight_limbs: int) -> int:
    """The most steps for which int32 holds the sums of each diagonal."""
    x, weights = _magnitudes(limbs), _magnitudes(weight_limbs)
    sums = [0] * (len(x) + len(weights) - 1)
    for i, left in enumerate(x):
        for j, right in enumerate(weights):
            sums[i + j] += left * right
    return MOST_ITEMS // (max(sums) * STEP)


def _magnitudes(limbs: int) -> list[int]:
    """The greatest magnitude of each limb."""
    return [*[255] * (limbs - 1), 128]


def _tiling(product: Product, processors: int) -> _Tiling:
    """Tiles that are large where there are many, and parts that keep the processors busy."""
    pixels, steps = product.batch * product.cells, product.steps
    row_blocks = ceil_div(product.rows, _ROWS) * product.groups
    diagonals = product.planes.limbs + product.fragments.limbs - 1
    if pixels <= _COLUMNS[0]:
        columns = _COLUMNS[0]
    elif diagonals <= _MOST_DIAGONALS and ceil_div(pixels, 64) * row_blocks >= processors:
        columns = _COLUMNS[2]
    else:
        columns = _COLUMNS[1]
    # Few columns leave weights to be read, which takes more requests under way at once.
    wanted = processors * (4 if columns == _COLUMNS[0] else 2)
    splits = max(1, min(wanted // (ceil_div(pixels, columns) * row_blocks), steps // _LEAST_STEPS))
    split_steps = min(ceil_div(steps, splits), product.longest)
    return _Tiling(columns, ceil_div(steps, split_steps), split_steps)


def fits_grid(rows: int, groups: int, terms: int) -> bool:
    """Whether a grid has axes for so many rows of so many groups, and for the parts of a sum.

    Args:
        rows: of a group.
        groups: how many.
        terms: of a sum, those of a kernel's cell rounded up to whole steps.
    """
    parts = ceil_div(terms, STEP * _longest(MOST_LIMBS, MOST_WEIGHT_LIMBS))
    return max(ceil_div(rows, _ROWS) * groups, parts) <= _MOST_BLOCKS
