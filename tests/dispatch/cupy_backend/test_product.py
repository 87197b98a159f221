"""Products in limbs: every pair of limb counts and every tile, at the ends of what int32 holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from smartvm.dispatch.cupy_backend import linear, product
from smartvm.dispatch.cupy_backend.calls import Call, Segment
from smartvm.dispatch.cupy_backend.emulator import EmulatedDevice
from smartvm.dispatch.tensor import Tensor
from smartvm.shapes import MatmulShape

Agree = Callable[..., None]
LIMBS = [(x, weights) for x in (1, 2, 3, 4) for weights in (1, 2, 3)]
COLUMNS = {8: (7, 2), 32: (33, 64), 64: (65, 1)}
"""For the tile of so many columns: rows of a, and processors that ask for it."""


@pytest.fixture(scope="module", autouse=True)
def _small_products_too() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(product, "LEAST_MACS", 0)
        yield


def extremes(length: int, limbs: int, seed: int, spare: int = 1) -> Tensor:
    """Items whose limbs are at their ends, in so many limbs with some bits to spare."""
    half = 1 << (8 * limbs - 1 - spare)
    pool = np.array([-half, 1 - half, half - 1, half >> 1, 255 % half, -1, 0, 1])
    return Tensor.from_array(np.random.default_rng(seed).choice(pool, length))


def kernels(call: Call) -> list[str]:
    return [launch.kernel for launch in call.segment.launches]


@pytest.mark.parametrize("columns", COLUMNS)
@pytest.mark.parametrize("limbs", LIMBS, ids=str)
def test_limbs_and_tiles(
    agree: Agree, monkeypatch: pytest.MonkeyPatch, limbs: tuple[int, int], columns: int
) -> None:
    rows, processors = COLUMNS[columns]
    monkeypatch.setattr(EmulatedDevice, "processors", processors)
    shape = MatmulShape(rows, 39, 18, transpose_b=True)
    a, b = extremes(rows * 39, limbs[0], 0), extremes(39 * 18, limbs[1], 1)
    agree(linear.matmul, a, b, shape)
    call = Call(Segment(EmulatedDevice()))
    linear.matmul(call, a, b, shape)
    tile = 32 if columns == 64 and sum(limbs) > 5 else columns
    name = f"product{limbs[0]}.product_{limbs[0]}{limbs[1]}_{tile}"
    assert kernels(call)[:3] == ["packing.pack_rows", "packing.pack_weights", name]


@pytest.mark.parametrize(
    ("processors", "grid"), [(0, (1, 1, 1)), (1, (1, 1, 2)), (3, (2, 1, 3)), (7, (2, 1, 6))]
)
def test_splits(
    agree: Agree, monkeypatch: pytest.MonkeyPatch, processors: int, grid: tuple[int, int, int]
) -> None:
    monkeypatch.setattr(EmulatedDevice, "processors", processors)
    shape = MatmulShape(33, 32 * 75, 5)
    a, b = extremes(33 * shape.inner, 2, 0), extremes(shape.inner * 5, 2, 1)
    agree(linear.matmul, a, b, shape)
    call = Call(Segment(EmulatedDevice()))
    linear.matmul(call, a, b, shape)
    assert call.segment.launches[2].grid == grid
    assert ("product.finish" in kernels(call)) == (grid[2] > 1)


@pytest.mark.parametrize(("steps", "splits"), [(1028, 1), (1029, 2)])
def test_the_longest_sum_of_int32(agree: Agree, steps: int, splits: int) -> None:
    """255·(−128), twice in each product: the middle diagonal comes next to −2³¹."""
    shape = MatmulShape(1, 32 * steps, 2, transpose_b=True)
    worst = -(1 << 15) + 255
    a = Tensor.from_array(np.full(shape.inner, worst))
    b = Tensor.from_array(np.full(2 * shape.inner, worst))
    b.memo = {}
    agree(linear.matmul, a, b, shape)
    call = Call(Segment(EmulatedDevice()))
    call.device.processors = 0  # asks for no part that is not needed
    linear.matmul(call, a, b, shape)
    assert call.segment.launches[-1 if splits == 1 else -2].grid[2] == splits


def test_what_64_bits_do_not_hold_is_declined(emulators: list[Any]) -> None:
    shape = MatmulShape(1, 600, 1)
    a, b = extremes(600, 4, 0, spare=0), extremes(600, 3, 1, spare=0)
    for narrow, wide in ((a, Tensor.from_array(np.full(600, 1 << 23))), (a, b)):
        call = Call(Segment(emulators[0]))
        assert linear.on_tensor_cores(call, narrow, wide, shape, linear.NO_STAGES) is None
        assert not call.segment.launches


@pytest.mark.parametrize(
    ("rows", "groups", "terms", "fits"),
    [
        (64, 65_535, 32, True),
        (65, 32_767, 32, True),
        (65, 32_768, 32, False),
        (1, 65_536, 32, False),
        (1, 1, (1 << 31) // 3, True),
        (1, 1, 1 << 30, False),
    ],
)
def test_grids_that_a_card_takes(rows: int, groups: int, terms: int, fits: bool) -> None:
    assert product.fits_grid(rows, groups, terms) == fits


def test_launches_follow_from_forms_alone(emulators: list[Any]) -> None:
    """Other items of the same form are launched alike."""
    shape = MatmulShape(9, 70, 40)
    b = extremes(70 * 40, 2, 1)
    b.memo = {}
    seen = []
    for seed in (0, 1, 2):
        call = Call(Segment(emulators[0]))
        linear.matmul(call, extremes(630, 2, seed), b, shape)
        seen.append([(x.kernel, x.grid, x.shared) for x in call.segment.launches])
    assert seen[0] == seen[1] == seen[2]
    assert "packing.pack_weights" not in [kernel for kernel, _, _ in seen[0]]
