"""The reference's convolution against published examples and a formulation of another kind.

The examples are those of the ONNX operators Conv and ConvTranspose; the other formulation shifts
whole planes of Python integers, and spreads by stuffing zeros and turning the kernel.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from smartvm.dispatch.reference import ReferenceBackend
from smartvm.dispatch.tensor import Tensor
from smartvm.exceptions import ShapeError
from smartvm.shapes import UNIT, ConvShape

BACKEND = ReferenceBackend()
AROUND = ((0, 0), (1, 1), (1, 1))


def convolve(x: list[int], weights: list[int], shape: ConvShape) -> list[list[int]]:
    """The rows of the result."""
    result = BACKEND.convolve(Tensor.from_ints(x), Tensor.from_ints(weights), shape)
    rows = np.array(result.to_ints(), dtype=object).reshape(-1, shape.out_size[2])
    return rows.tolist()  # type: ignore[no-any-return]


def flat(height: int, width: int) -> tuple[int, int, int]:
    return (1, height, width)


def test_same_padding() -> None:
    shape = ConvShape(1, 1, 1, 1, flat(5, 5), flat(3, 3), padding=AROUND)
    assert convolve(list(range(25)), [1] * 9, shape) == [
        [12, 21, 27, 33, 24],
        [33, 54, 63, 72, 51],
        [63, 99, 108, 117, 81],
        [93, 144, 153, 162, 111],
        [72, 111, 117, 123, 84],
    ]


def test_strides_with_padding() -> None:
    shape = ConvShape(1, 1, 1, 1, flat(7, 5), flat(3, 3), flat(2, 2), AROUND)
    assert convolve(list(range(35)), [1] * 9, shape) == [
        [12, 27, 24],
        [63, 108, 81],
        [123, 198, 141],
        [112, 177, 124],
    ]


def test_strides_with_padding_on_one_axis_only() -> None:
    shape = ConvShape(
        1, 1, 1, 1, flat(7, 5), flat(3, 3), flat(2, 2), ((0, 0), (1, 1), (0, 0))
    )  # fmt: skip
    assert convolve(list(range(35)), [1] * 9, shape) == [
        [21, 33],
        [99, 117],
        [189, 207],
        [171, 183],
    ]


def test_negative_padding_crops() -> None:
    shape = ConvShape(1, 1, 1, 1, flat(1, 5), UNIT, padding=((0, 0), (0, 0), (-1, -2)))
    assert convolve([1, 2, 3, 4, 5], [10], shape) == [[20, 30]]


def test_groups_and_batch() -> None:
    shape = ConvShape(2, 2, 4, 2, UNIT, UNIT)
    assert convolve([3, 5, 7, 11], [1, 10, 100, 1000], shape) == [
        [3], [30], [500], [5000], [7], [70], [1100], [11000],
    ]  # fmt: skip


def test_correlation_not_convolution() -> None:
    shape = ConvShape(1, 1, 1, 1, flat(1, 3), flat(1, 2))
    assert convolve([1, 2, 3], [1, 10], shape) == [[21, 32]]


def test_dilation_and_depth() -> None:
    shape = ConvShape(1, 1, 1, 1, (3, 1, 1), (2, 1, 1), dilation=(2, 1, 1))
    assert convolve([1, 2, 4], [1, 10], shape) == [[41]]


def test_a_sum_wraps_once_it_is_whole() -> None:
    half = 1 << 254
    shape = ConvShape(1, 3, 1, 1, UNIT, UNIT)
    assert convolve([half, half, 1], [1, 1, -1], shape) == [[(1 << 255) - 1]]
    assert convolve([half, half, 0], [1, 1, 0], shape) == [[-(1 << 255)]]


def test_transposed() -> None:
    shape = ConvShape(1, 1, 2, 1, flat(3, 3), flat(3, 3), transposed=True)
    plane = [
        [0, 1, 3, 3, 2],
        [3, 8, 15, 12, 7],
        [9, 21, 36, 27, 15],
        [9, 20, 33, 24, 13],
        [6, 13, 21, 15, 8],
    ]
    assert convolve(list(range(9)), [1] * 18, shape) == plane * 2


def test_transposed_with_strides_and_pads() -> None:
    shape = ConvShape(
        1, 1, 2, 1, flat(3, 3), flat(3, 3), flat(3, 2), ((0, 0), (1, 1), (2, 2)), transposed=True
    )  # fmt: skip
    plane = [[1, 1, 3], [1, 1, 3], [7, 4, 9], [7, 4, 9], [7, 4, 9], [13, 7, 15], [13, 7, 15]]
    assert convolve(list(range(9)), [1] * 18, shape) == plane * 2


def test_transposed_with_dilation() -> None:
    shape = ConvShape(
        1, 1, 1, 1, flat(3, 3), flat(2, 2), dilation=flat(2, 2), transposed=True
    )  # fmt: skip
    assert convolve([3, 8, 1, 9, 5, 7, 3, 2, 6], [7, 2, 1, 9], shape) == [
        [21, 56, 13, 16, 2],
        [63, 35, 67, 10, 14],
        [24, 22, 76, 76, 21],
        [9, 5, 88, 45, 63],
        [3, 2, 33, 18, 54],
    ]


def shifted(x: np.ndarray, weights: np.ndarray, shape: ConvShape) -> np.ndarray:
    """Convolution of (batch, in, *size) by (out, in/groups, *kernel), plane by plane."""
    ins, outs = shape.in_channels // shape.groups, shape.out_channels // shape.groups
    sides = [(abs(before) + 9, abs(after) + 9) for before, after in shape.padding]
    padded = np.pad(x, [(0, 0), (0, 0), *sides], constant_values=0)
    result = np.zeros((shape.batch, shape.out_channels, *shape.out_size), dtype=object)
    for out in range(shape.out_channels):
        for channel, *k in product(range(ins), *map(range, shape.kernel)):
            window = tuple(
                slice(first, first + (length - 1) * stride + 1, stride)
                for first, length, stride in (
                    (side - before + index * dilation, length, stride)
                    for (side, _), (before, _), index, dilation, length, stride in zip(
                        sides, shape.padding, k, shape.dilation, shape.out_size, shape.stride,
                        strict=True,
                    )
                )
            )  # fmt: skip
            plane = padded[(slice(None), out // outs * ins + channel, *window)]
            result[:, out] += plane * weights[(out, channel, *k)]
    return result


def stuffed(x: np.ndarray, weights: np.ndarray, shape: ConvShape) -> np.ndarray:
    """Transposed convolution as a plain one of the map with zeros between its cells."""
    ins, outs = shape.in_channels // shape.groups, shape.out_channels // shape.groups
    spread = [(size - 1) * step + 1 for size, step in zip(shape.size, shape.stride, strict=True)]
    wide = np.zeros((*x.shape[:2], *spread), dtype=object)
    wide[(..., *(slice(None, None, step) for step in shape.stride))] = x
    turned = weights.reshape(shape.groups, ins, outs, *shape.kernel).swapaxes(1, 2)
    turned = turned.reshape(-1, ins, *shape.kernel)[..., ::-1, ::-1, ::-1]
    extents = [d * (k - 1) for d, k in zip(shape.dilation, shape.kernel, strict=True)]
    padding = tuple(
        (extent - before, extent - after)
        for extent, (before, after) in zip(extents, shape.padding, strict=True)
    )
    plain = ConvShape(
        shape.batch, shape.in_channels, shape.out_channels, shape.groups, tuple(spread),
        shape.kernel, UNIT, padding, shape.dilation,
    )  # fmt: skip
    assert plain.out_size == shape.out_size
    return shifted(wide, turned, plain)


axis = st.tuples(*[st.integers(1, 3)] * 3)
side = st.tuples(st.integers(-2, 3), st.integers(-2, 3))


@given(
    numbers=st.tuples(*[st.integers(1, 2)] * 4),
    size=st.tuples(*[st.integers(1, 4)] * 3),
    kernel=axis,
    stride=axis,
    dilation=axis,
    padding=st.tuples(side, side, side),
    transposed=st.booleans(),
    seed=st.integers(0, 99),
)
def test_another_formulation(
    numbers, size, kernel, stride, dilation, padding, transposed, seed
) -> None:
    batch, ins, outs, groups = numbers
    shape = ConvShape(
        batch, ins * groups, outs * groups, groups, size, kernel, stride, padding, dilation,
        transposed,
    )  # fmt: skip
    try:
        assume(shape.out_items and shape.macs < 3_000)
    except ShapeError:
        assume(False)
    random = np.random.default_rng(seed)
    x = random.integers(-99, 99, (batch, ins * groups, *size)).astype(object)
    leading = (ins * groups, outs) if transposed else (outs * groups, ins)
    weights = random.integers(-99, 99, (*leading, *kernel)).astype(object)
    expected = (stuffed if transposed else shifted)(x, weights, shape)
    found = BACKEND.convolve(
        Tensor.from_ints(x.reshape(-1)), Tensor.from_ints(weights.reshape(-1)), shape
    )
    assert found.to_ints() == expected.reshape(-1).tolist()
