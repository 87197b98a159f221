"""Shapes: lengths, windows and counts, held to their definitions."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from smartvm.exceptions import ShapeError
from smartvm.shapes import ConvShape, MatmulShape, PoolShape

# Convolutions that everybody knows: LeNet-5, ResNet's first, a doubling and so on.
KNOWN = [
    (32, 5, 1, (0, 0), 1, 28),
    (224, 7, 2, (3, 3), 1, 112),
    (224, 3, 1, (1, 1), 1, 224),
    (112, 3, 2, (0, 1), 1, 56),
    (8, 3, 1, (0, 0), 2, 4),
    (9, 1, 3, (-2, -1), 1, 2),
    (1, 1, 2**64, (0, 0), 2**64, 1),
]


@pytest.mark.parametrize(("size", "kernel", "stride", "padding", "dilation", "out"), KNOWN)
def test_the_length_of_a_convolution(size, kernel, stride, padding, dilation, out):
    shape = ConvShape(
        1, 1, 1, 1, (1, 1, size), (1, 1, kernel), (1, 1, stride),
        ((0, 0), (0, 0), padding), (1, 1, dilation),
    )  # fmt: skip
    assert shape.out_size == (1, 1, out)


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding", "dilation", "out"),
    [
        (7, 2, 2, (0, 0), 1, 14),
        (7, 3, 2, (1, 1), 1, 13),
        (7, 3, 2, (1, 0), 1, 14),
        (4, 4, 2, (1, 1), 1, 8),
        (4, 2, 1, (0, 0), 3, 7),
        (1, 1, 2**64, (0, -2), 1, 3),
    ],
)
def test_the_length_of_a_transposed_convolution(size, kernel, stride, padding, dilation, out):
    shape = ConvShape(
        1, 1, 1, 1, (1, 1, size), (1, 1, kernel), (1, 1, stride),
        ((0, 0), (0, 0), padding), (1, 1, dilation), transposed=True,
    )  # fmt: skip
    assert shape.out_size == (1, 1, out)


sides = st.tuples(st.integers(-3, 4), st.integers(-3, 4))
axes = st.fixed_dictionaries(
    {
        "size": st.integers(1, 8),
        "kernel": st.integers(1, 5),
        "stride": st.integers(1, 5),
        "padding": sides,
        "dilation": st.integers(1, 5),
    }
)


def of(cls, axis, **others):
    """A shape whose width is `axis`, the other axes being of length one."""
    wide = {name: (1, 1, axis[name]) for name in ("size", "kernel", "stride", "dilation")}
    return cls(**wide, padding=((0, 0), (0, 0), axis["padding"]), **others)


@given(axes)
def test_a_convolution_has_every_window_that_fits(axis):
    before, after = axis["padding"]
    reach = (axis["kernel"] - 1) * axis["dilation"]
    starts = range(-before, axis["size"] + after - reach, axis["stride"])
    shape = of(ConvShape, axis, batch=1, in_channels=1, out_channels=1, groups=1)
    if len(starts):
        assert shape.out_size[2] == len(starts)
    else:
        with pytest.raises(ShapeError, match=r"kernel \(width\): expected at most the padded size"):
            _ = shape.out_size


@given(axes)
def test_a_transposed_convolution_gives_the_length_back(axis):
    """But for the cells that the stride left over."""
    ones = {"batch": 1, "in_channels": 1, "out_channels": 1, "groups": 1}
    reach = (axis["kernel"] - 1) * axis["dilation"]
    steps = axis["size"] + sum(axis["padding"]) - reach - 1
    left_over = steps % axis["stride"]
    assume(steps >= 0 and left_over < axis["size"])
    there = of(ConvShape, axis, **ones).out_size[2]
    back = of(ConvShape, axis | {"size": there}, transposed=True, **ones).out_size[2]
    assert back == axis["size"] - left_over


def test_the_counts_of_a_convolution():
    shape = ConvShape(
        batch=2, in_channels=4, out_channels=6, groups=2, size=(1, 8, 9), kernel=(1, 3, 2),
        stride=(1, 2, 1), padding=((0, 0), (1, 0), (0, -2)),
    )  # fmt: skip
    assert shape.out_size == (1, 4, 6)
    assert shape.in_items == 2 * 4 * 72
    assert shape.out_items == 2 * 6 * 24
    assert shape.padded_items == 2 * 4 * 9 * 9  # cropping saves nothing
    assert shape.weight_items == 6 * 2 * 6
    assert shape.uses_per_weight == 2 * 24
    assert shape.macs == 72 * 48
    assert shape.terms == 2 * 6


def test_the_counts_of_a_transposed_convolution():
    shape = ConvShape(
        batch=2, in_channels=4, out_channels=6, groups=2, size=(1, 3, 4), kernel=(1, 3, 2),
        stride=(1, 2, 3), padding=((0, 0), (1, 1), (0, 0)), transposed=True,
    )  # fmt: skip
    assert shape.out_size == (1, 5, 11)
    assert shape.padded_items == 2 * 6 * 7 * 11  # before it is cropped
    assert shape.weight_items == 4 * 3 * 6
    assert shape.uses_per_weight == 2 * 12
    assert shape.macs == 72 * 24


# Pooling


@given(axes, st.booleans(), st.booleans())
def test_pooling_windows(axis, ceil_mode, count_padding):
    shape = of(PoolShape, axis, planes=1, ceil_mode=ceil_mode, count_padding=count_padding)
    (before, after), size = axis["padding"], axis["size"]
    reach = (axis["kernel"] - 1) * axis["dilation"]
    starts = list(range(-before, size + after - reach, axis["stride"]))
    if not starts:
        with pytest.raises(ShapeError):
            _ = shape.out_size
        return
    if ceil_mode and starts[-1] + reach < size + after - 1:
        starts.append(starts[-1] + axis["stride"])
    if ceil_mode:
        plane = size + min(0, after)
        starts = [starts[0], *(start for start in starts[1:] if start < plane)]

    def cells(start: int, low: int, high: int) -> int:
        window = range(start, start + reach + 1, axis["dilation"])
        return sum(low <= cell < high for cell in window)

    expected = []
    for start in starts:
        inside = cells(start, max(0, -before), size + min(0, after))
        counted = cells(start, -before, size + after) if count_padding else inside
        expected.append((start, inside, counted))
    assert list(shape.windows(2)) == expected
    assert shape.out_size == (1, 1, len(starts))


long_axes = st.fixed_dictionaries(
    {
        "size": st.integers(1, 12),
        "kernel": st.integers(1, 6),
        "stride": st.integers(1, 12),
        "padding": st.tuples(st.integers(-6, 40), st.integers(-6, 40)),
        "dilation": st.integers(1, 16),
    }
)


@given(long_axes | axes)
def test_a_window_without_a_cell_is_found(axis):
    shape = of(PoolShape, axis, planes=1)
    try:
        windows = list(shape.windows(2))
    except ShapeError:
        assume(False)
    assert shape.misses_plane(2) == any(inside == 0 for _, inside, _ in windows)


def test_the_counts_of_pooling():
    shape = PoolShape(6, (1, 8, 9), (1, 2, 3), (1, 2, 3), ((0, 0), (1, 1), (0, -2)))
    assert shape.out_size == (1, 5, 2)
    assert shape.in_items == 6 * 72
    assert shape.out_items == 6 * 10
    assert shape.padded_items == 6 * 10 * 9
    assert shape.window_items == 6


# Matrices


def test_the_counts_of_a_product():
    shape = MatmulShape(2, 3, 5)
    assert (shape.out_items, shape.macs) == (10, 30)
