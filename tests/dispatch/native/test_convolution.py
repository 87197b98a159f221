"""Convolution on every instruction set: all shapes, and the bounds at which its path changes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from smartvm.dispatch.native import bounds
from smartvm.dispatch.native.convolution import plan_for
from smartvm.dispatch.tensor import Tensor
from smartvm.exceptions import ShapeError
from smartvm.shapes import ConvShape

pytestmark = pytest.mark.usefixtures("instruction_set")

INT16_MIN, INT16_MAX = -(1 << 15), (1 << 15) - 1
BEYOND_INT16 = (
    (0, 1 << 15),
    (0, (1 << 16) - 1),
    (0, 1 << 16),
    (INT16_MIN - 1, 0),
    (-(1 << 16), -5),
    (-40_000, 40_000),
    (0, 1 << 20),
    (-(1 << 30) + (1 << 14), 1 << 20),
)
"""Bounds of maps: of 16 bits about an offset, and of more."""


def plain(channels: int, outs: int, size: int, kernel: int, **more: object) -> ConvShape:
    """A two-dimensional convolution of a square plane."""
    return ConvShape(
        **{"batch": 1, "groups": 1, "in_channels": channels, "out_channels": outs}
        | {"size": (1, size, size), "kernel": (1, kernel, kernel)}
        | more  # type: ignore[arg-type]
    )


def around(pads: int) -> tuple[tuple[int, int], ...]:
    """The same padding on all sides of a plane."""
    return ((0, 0), (pads, pads), (pads, pads))


def noise(length: int, low: int, high: int, seed: int = 0) -> Tensor:
    return Tensor.from_array(np.random.default_rng(seed).integers(low, high + 1, length))


@st.composite
def shapes(draw: st.DrawFn) -> ConvShape:
    """Any shape of up to three axes, of more channels than a block, more pixels than a tile."""
    groups = draw(st.sampled_from([1, 1, 2, 5]))
    ins, outs = draw(st.sampled_from([1, 2, 3, 9, 16])), draw(st.sampled_from([1, 2, 17, 40]))
    deep = draw(st.booleans())
    low, high = (1, 5) if deep else (1, 19)

    def three(least: int, most: int) -> tuple[int, ...]:
        axes = st.integers(least, most)
        return (draw(axes) if deep else 1, draw(axes), draw(axes))

    pads = st.tuples(st.integers(-2, 3), st.integers(-2, 3))
    shape = ConvShape(
        batch=draw(st.integers(1, 2)),
        in_channels=ins * groups,
        out_channels=outs * groups,
        groups=groups,
        size=three(low, high),
        kernel=three(1, 4),
        stride=three(1, 3),
        padding=(draw(pads) if deep else (0, 0), draw(pads), draw(pads)),
        dilation=three(1, 3),
    )
    try:
        assume(shape.out_items and shape.macs < 2_000_000)
    except ShapeError:
        assume(False)
    return shape


@given(shape=shapes(), seed=st.integers(0, 99), bits=st.sampled_from([4, 15, 16, 17, 29, 31]))
def test_any_shape(agree, shape, seed, bits):
    x = noise(shape.in_items, -(1 << bits) + 1, (1 << bits) - 1, seed)
    weights = noise(shape.weight_items, -999, 999, seed + 1)
    agree("convolve", x, weights, shape, by="numpy")


@pytest.mark.parametrize(
    "shape",
    [
        plain(3, 64, 60, 7, stride=(1, 2, 2), padding=around(3)),
        plain(48, 80, 19, 3, padding=around(1)),
        plain(96, 200, 7, 3, padding=around(1)),
        plain(64, 70, 31, 1),
        plain(96, 130, 31, 1, stride=(1, 2, 2)),
        plain(130, 130, 60, 3, groups=130, padding=around(1)),
        plain(64, 128, 75, 5, groups=64, stride=(1, 2, 2), padding=around(2)),
        plain(24, 40, 14, 3, batch=5),
    ],
    ids=str,
)
def test_the_parts_of_several_threads(agree, thread_count, shape):
    assert shape.macs > 1 << 21  # worth two threads
    x = noise(shape.in_items, -3000, 20_000)
    agree("convolve", x, noise(shape.weight_items, -300, 300), shape, by="numpy")


@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("groups", [1, 4])
@pytest.mark.parametrize("low, high", BEYOND_INT16)
def test_maps_beyond_int16(agree, kernel, groups, low, high):
    """All within 16 bits of an offset; a few items that are not; most of them."""
    shape = plain(4, 8, 9, kernel, groups=groups, padding=around(kernel // 2))
    weights = noise(shape.weight_items, -9, 9)
    for rare in (False, True):
        items = noise(shape.in_items, low, high).data.astype(np.int64)
        if rare:
            items = np.clip(items, -99, 99)
        items[[0, 17, 100]] = low, high, high
        agree("convolve", Tensor.from_array(items), weights, shape)


@pytest.mark.parametrize("step", [-1, 0, 1])
@pytest.mark.parametrize("sign", [1, -1])
def test_sums_next_to_int32(agree, step, sign):
    """Outputs of 2³¹ − 1, 2³¹ and 2³¹ + 1, of either sign."""
    half = 1 << 15
    x = Tensor.from_ints([half - 1] * 2 + [1, 1])
    products = (half - 1) * (half - 1) * 2
    rest = (1 << 31) + step - products
    weights = Tensor.from_ints([sign * w for w in (half - 1, half - 1, half - 1, 0)])
    agree("convolve", x, weights, plain(4, 1, 1, 1))
    wide = Tensor.from_ints([half - 1, half - 1, rest, 0])
    weights = Tensor.from_ints([sign * w for w in (half - 1, half - 1, 1, 0)])
    agree("convolve", wide, weights, plain(4, 1, 1, 1))


@pytest.mark.parametrize("channels", [1, 2, 3, 8])
@pytest.mark.parametrize("weight", [INT16_MIN, INT16_MAX])
@pytest.mark.parametrize("item", [INT16_MIN, INT16_MAX])
def test_the_largest_products(agree, channels, item, weight):
    shape = plain(channels, 3, 2, 2)
    x = Tensor.from_ints([item] * shape.in_items)
    agree("convolve", x, Tensor.from_ints([weight] * shape.weight_items), shape)


@given(data=st.data())
def test_operands_next_to_powers_of_two(agree, edge_tensors, data):
    channels, groups = data.draw(st.sampled_from([(1, 1), (2, 1), (3, 1), (4, 4)]))
    shape = plain(channels, 4, 3, 2, groups=groups, padding=around(1))
    x = data.draw(edge_tensors(shape.in_items, 32))
    agree("convolve", x, data.draw(edge_tensors(shape.weight_items, 32)), shape)


def test_a_sum_is_proved_by_the_norms_where_the_simple_bound_is_not_enough(agree):
    """One large item in a window of small ones, whose Σ|w| alone would not do."""
    shape = plain(1024, 3, 1, 1)
    items = np.full(1024, 60)
    items[5] = 60_000
    x, weights = Tensor.from_array(items), noise(shape.weight_items, -300, 300)
    compiled = plan_for(weights, shape).compiled
    values = bounds.product_range(x.bounds, compiled.positive, compiled.negative)
    assert not bounds.fits(values, bounds.INT32_LIMIT)
    norms = bounds.norm_range(compiled.squares(x.data), compiled.norm)
    assert bounds.fits(norms, bounds.INT32_LIMIT)
    agree("convolve", x, weights, shape)


@pytest.mark.parametrize("items", [(-1, 1 << 31, -1), (-(1 << 31), 5, 1), (1 << 62, 0, 1)])
@pytest.mark.parametrize("weights", [(-1, 0), (0, 1), (0, 0)])
def test_small_sums_of_items_that_cannot_be_taken_apart(agree, items, weights):
    shape = ConvShape(1, 1, 1, 1, (1, 1, 3), (1, 1, 2))
    agree("convolve", Tensor.from_ints(items), Tensor.from_ints(weights), shape)
    agree("convolve", Tensor.from_ints((*weights, 0)), Tensor.from_ints(items[:2]), shape)


def test_the_plan_is_kept_in_the_memo_of_the_weights():
    shape, other = plain(3, 4, 5, 3), plain(3, 4, 6, 3)
    weights = noise(shape.weight_items, -9, 9)
    weights.memo = {}
    plan = plan_for(weights, shape)
    assert plan_for(weights, plain(3, 4, 5, 3)) is plan
    assert plan_for(weights, other) is not plan
    assert plan_for(weights, shape) is plan
    assert plan.nbytes > 2 * shape.weight_items


def test_what_numpy_has():
    shape = plain(1, 1, 3, 3)
    assert plan_for(Tensor.from_ints([1 << 40] * 9), shape) is None
    assert plan_for(noise(9, -9, 9), plain(1, 1, 3, 3, transposed=True)) is None
