"""Pooling on the device."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from smartvm.dispatch.cupy_backend import pooling
from smartvm.dispatch.tensor import Tensor
from smartvm.exceptions import ShapeError
from smartvm.shapes import PoolShape

Agree = Callable[..., None]
KERNELS = [pooling.pool_max, pooling.pool_average]


def noise(length: int, magnitude: int = 1 << 15, seed: int = 0) -> Tensor:
    generator = np.random.default_rng(seed)
    return Tensor.from_array(generator.integers(-magnitude, magnitude, length))


@st.composite
def shapes(draw: st.DrawFn) -> PoolShape:
    axes = st.integers(1, 6), st.integers(1, 4), st.integers(1, 3)
    size, kernel, stride = (tuple(draw(axis) for _ in range(3)) for axis in axes)
    padding = tuple((draw(st.integers(-2, 2)), draw(st.integers(-2, 2))) for _ in range(3))
    dilation = tuple(draw(st.integers(1, 2)) for _ in range(3))
    shape = PoolShape(
        draw(st.integers(1, 3)), size, kernel, stride, padding, dilation,
        draw(st.booleans()), draw(st.booleans()),
    )  # fmt: skip
    try:
        assume(not shape.has_empty_window)
    except ShapeError:
        assume(False)
    return shape


@settings(max_examples=80, suppress_health_check=[HealthCheck.filter_too_much])
@given(data=st.data(), shape=shapes())
def test_pooling(
    agree: Agree, edge_tensors: Callable[..., Any], data: st.DataObject, shape: PoolShape
) -> None:
    """Any geometry, items up to where the sum of a window would leave 64 bits."""
    x = data.draw(edge_tensors(shape.in_items, 62 - (shape.window_items - 1).bit_length()))
    for kernel in KERNELS:
        agree(kernel, x, shape)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("size", [(1, 6, 6), (1, 4, 9), (3, 5, 7), (1, 20, 40)])
def test_a_warp_takes_a_large_window(agree: Agree, kernel: Any, size: Any) -> None:
    shape = PoolShape(3, size, size, (1, 1, 1))
    agree(kernel, noise(shape.in_items), shape)


@pytest.mark.parametrize("kernel", KERNELS)
def test_large_windows_over_padding(agree: Agree, kernel: Any) -> None:
    padding = ((0, 0), (3, 2), (1, 4))
    shape = PoolShape(2, (1, 9, 9), (1, 6, 7), (1, 2, 3), padding, count_padding=True)
    agree(kernel, noise(shape.in_items), shape)


@pytest.mark.parametrize("kernel", KERNELS)
def test_steps_that_are_never_taken_may_be_huge(agree: Agree, kernel: Any) -> None:
    far = 1 << 62
    shape = PoolShape(2, (1, 1, 3), (1, 1, 3), (far,) * 3, dilation=(far, far, 1))
    agree(kernel, noise(6), shape)


def test_averages_are_truncated_beyond_32_bits(agree: Agree) -> None:
    shape = PoolShape(4, (1, 1, 3), (1, 1, 3), (1, 1, 1))
    items = [1 << 40, 1, 1, -(1 << 40), -1, 0, (1 << 31), 1 << 31, -1, -1, -1, 0]
    agree(pooling.pool_average, Tensor.from_ints(items), shape)
