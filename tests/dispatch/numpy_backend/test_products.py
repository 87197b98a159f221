"""The arithmetic of a product changes exactly where the last one would stop being exact."""

from __future__ import annotations

from itertools import product
from random import Random

import numpy as np
import pytest

from smartvm.dispatch.numpy_backend import NumpyBackend, arithmetic
from smartvm.dispatch.numpy_backend.arithmetic import FLOAT32, FLOAT64, Split, Whole
from smartvm.dispatch.numpy_backend.products import bound_of, boxes, choose
from smartvm.dispatch.reference import ReferenceBackend
from smartvm.dispatch.tensor import Tensor
from smartvm.shapes import ConvShape, MatmulShape

NUMPY, REFERENCE = NumpyBackend(), ReferenceBackend()
FULL = 1 << 255


def dot(a: list[int], b: list[int]) -> int:
    """The product of a row and a column, by the backend; it must be the reference's."""
    shape = MatmulShape(1, len(a), 1)
    x, y = Tensor.from_ints(a), Tensor.from_ints(b)
    found = NUMPY.matmul(x, y, shape)
    assert found == REFERENCE.matmul(x, y, shape)
    return found.to_ints()[0]


def chosen(a: list[int], b: list[int]) -> arithmetic.Arithmetic:
    x, y = Tensor.from_ints(a), Tensor.from_ints(b)
    return choose(bound_of(x, y, y.data.reshape(1, 1, -1), 1_000), y, x)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ([1 << 12] * 2, [1 << 11] * 2, FLOAT32),
        ([1 << 12] * 2, [1 << 11, (1 << 11) + 1], FLOAT64),
        ([-(1 << 12)] * 2, [1 << 11, -(1 << 11) - 1], FLOAT64),
        ([1 << 26] * 2, [1 << 26] * 2, FLOAT64),
        ([0, 1 << 53], [0, 1], FLOAT64),
    ],
)
def test_whole_numbers_up_to_the_last_exact_integer(
    a: list[int], b: list[int], expected: Whole
) -> None:
    assert chosen(a, b) is expected
    dot(a, b)


@pytest.mark.parametrize(
    ("a", "b", "narrow"),
    [
        ([1 << 26] * 2, [1 << 26, (1 << 26) + 1], True),
        ([0, (1 << 53) + 1], [0, 1], True),
        ([1 << 31] * 2, [1 << 31, -(1 << 31) + 1], True),
        ([1 << 31] * 2, [1 << 31] * 2, False),
        ([FULL - 1], [0], False),
        ([0], [-FULL], False),
    ],
)
def test_limbs_beyond_it(a: list[int], b: list[int], narrow: bool) -> None:
    split = chosen(a, b)
    assert isinstance(split, Split)
    assert split.narrow is narrow
    dot(a, b)


def test_the_bound_counts_the_weights_of_one_output_only() -> None:
    x = Tensor.from_ints([1 << 12])
    weights = Tensor.from_ints([1 << 12, 0, 0, 1 << 12])
    rows = weights.data.reshape(1, 2, 2)
    assert bound_of(x, weights, rows, uses=1_000) == 1 << 24
    assert bound_of(x, weights, rows, uses=1) == 1 << 25, "no pass over weights used once"


# One more than an integer that a float, an int64 or a word holds: rounding or overflow shows.
@pytest.mark.parametrize("bits", [15, 16, 24, 31, 32, 48, 53, 62, 63, 64, 127, 254])
@pytest.mark.parametrize("terms", [2, 3, 40, 1_000])
def test_a_sum_that_ends_at_a_power_of_two_and_a_bit(bits: int, terms: int) -> None:
    for sign in (1, -1):
        assert dot([sign] * terms, [0] * (terms - 2) + [1 << bits, 1]) == sign * ((1 << bits) + 1)
        big = min(bits // 2, 254 - bits // 2)
        row = [1 << big] + [1] * (terms - 1)
        column = [sign << (bits - big)] + [sign] * (terms - 1)
        assert dot(row, column) == sign * ((1 << bits) + terms - 1)


def test_long_sums_at_the_bounds() -> None:
    assert dot([4_096] * 4_096 + [1], [1] * 4_097) == (1 << 24) + 1
    assert dot([(1 << 26) - 1] * 4_099, [1 << 15] * 4_099) == 4_099 * ((1 << 26) - 1) << 15
    assert dot([-FULL] * 257, [1] * 257) == -FULL
    assert dot([FULL - 1] * 1_000, [-FULL] * 1_000) == 0
    assert dot([FULL - 1] * 1_001, [FULL - 1] * 1_001) == 1_001


def test_the_longest_sum_of_limbs_is_exact_whatever_the_numbers() -> None:
    assert arithmetic.LIMB_TILE * 0xFFFF**2 <= 1 << 53
    terms = arithmetic.LIMB_TILE // 16 + 1
    assert dot([FULL - 1] * terms, [FULL - 1] * terms) == terms


def shapes() -> list[ConvShape]:
    return [
        ConvShape(
            batch, 2 * groups, 3 * groups, groups, (2, 5, 4), (2, 3, 2), (1, 2, 1),
            ((0, 1), (2, 1), (1, 0)), (1, 1, 2), transposed,
        )
        for groups, batch, transposed in product((1, 2), (1, 2), (False, True))
    ]  # fmt: skip


@pytest.mark.parametrize("shape", shapes(), ids=str)
@pytest.mark.parametrize("bits", [3, 40, 255])
@pytest.mark.parametrize("items", [7, 60, 400])
def test_tiles_do_not_show(
    monkeypatch: pytest.MonkeyPatch, shape: ConvShape, bits: int, items: int
) -> None:
    random = Random(bits)
    x, weights = (
        Tensor.from_ints(random.randrange(-1 << bits, 1 << bits) for _ in range(length))
        for length in (shape.in_items, shape.weight_items)
    )
    expected = NUMPY.convolve(x, weights, shape)
    monkeypatch.setattr(Whole, "tile_items", items)
    monkeypatch.setattr(arithmetic, "LIMB_TILE", items * 16)
    assert NUMPY.convolve(x, Tensor.from_ints(weights), shape) == expected


def test_boxes_cover_the_space_once() -> None:
    for sizes, limit in (((4, 3, 5), 7), ((4, 3, 5), 1), ((1, 9), 4), ((7,), 0), ((2, 2), 99)):
        counted = np.zeros(sizes, dtype=int)
        for box in boxes(sizes, limit):
            assert counted[box].size <= max(limit, 1)
            counted[box] += 1
        assert (counted == 1).all()


def test_the_same_weights_in_another_layout_have_another_bound() -> None:
    # By rows the weights of an output sum to 2^12 at most, by columns to 2^13.
    weights = Tensor.from_ints([1 << 12, 0, (1 << 12) - 1, 0])
    weights.memo = {}
    x = Tensor.from_ints([1 << 12, (1 << 12) - 1] * 16)
    for transposed in (True, False, True):
        shape = MatmulShape(16, 2, 2, transpose_b=transposed)
        expected = REFERENCE.matmul(x, Tensor.from_ints(weights), shape)
        assert NUMPY.matmul(x, weights, shape) == expected


def test_packed_weights_are_kept_with_them_and_only_if_small() -> None:
    shape = MatmulShape(1, 400, 120, transpose_b=True)
    weights = Tensor.from_ints(range(400 * 120))
    weights.memo = {}
    first = NUMPY.matmul(Tensor.from_ints(range(400)), weights, shape)
    kept = dict(weights.memo)
    assert sum(part.nbytes for part in kept.values() if isinstance(part, np.ndarray)) <= 1 << 20
    assert kept
    assert NUMPY.matmul(Tensor.from_ints(range(400)), weights, shape) == first
    assert weights.memo.keys() == kept.keys()
    large = Tensor.from_array(np.ones(1 << 18, dtype=np.int64))
    large.memo = {}
    NUMPY.matmul(Tensor.from_ints([1]), large, MatmulShape(1, 1, 1 << 18, transpose_b=True))
    assert not any(isinstance(part, np.ndarray) for part in large.memo.values())


def test_nothing_is_kept_with_a_feature_map() -> None:
    kernels = Tensor.from_ints(range(1 << 17))
    for height in (1, 2, 4, 8):
        shape = ConvShape(1, 1, (1 << 17) // height, 1, (1, height, 1), (1, height, 1))
        NUMPY.convolve(Tensor.zeros(height), kernels, shape)
    assert kernels.memo is None
