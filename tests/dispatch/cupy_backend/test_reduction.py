"""Sums, extremes and their indices on the device."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smartvm.dispatch.cupy_backend import reduction
from smartvm.dispatch.cupy_backend.emulator import EmulatedDevice
from smartvm.dispatch.movement import Reduction
from smartvm.dispatch.tensor import Tensor

Agree = Callable[..., None]
KINDS = pytest.mark.parametrize("kind", list(Reduction))


def noise(length: int, magnitude: int, seed: int = 0) -> Tensor:
    generator = np.random.default_rng(seed)
    return Tensor.from_array(generator.integers(-magnitude, magnitude, length))


@settings(max_examples=60)
@given(data=st.data(), kind=st.sampled_from(Reduction))
def test_reductions(
    agree: Agree, edge_tensors: Callable[..., Any], data: st.DataObject, kind: Reduction
) -> None:
    """Axes for a thread and for a warp; many equal items."""
    outer, axis, inner = (data.draw(st.integers(1, most)) for most in (4, 70, 4))
    bits = 62 - axis.bit_length() if kind == Reduction.SUM else 62
    agree(reduction.reduce, data.draw(edge_tensors(outer * axis * inner, bits)), kind, axis, inner)


@KINDS
@pytest.mark.parametrize("inner", [1, 3])
def test_a_block_takes_a_long_axis(agree: Agree, kind: Reduction, inner: int) -> None:
    agree(reduction.reduce, noise(5000 * inner, 40), kind, 5000, inner)


@KINDS
def test_many_results_have_a_thread_each(
    agree: Agree, monkeypatch: pytest.MonkeyPatch, kind: Reduction
) -> None:
    monkeypatch.setattr(EmulatedDevice, "processors", 0)
    agree(reduction.reduce, noise(2 * 40 * 33, 9), kind, 40, 33)


@KINDS
@pytest.mark.parametrize("value", [-(1 << 63), (1 << 63) - 1])
def test_the_ends_of_64_bits(agree: Agree, kind: Reduction, value: int) -> None:
    axis = 1 if kind == Reduction.SUM else 3
    agree(reduction.reduce, Tensor.from_ints([value] * 6), kind, axis, 1)


def test_indices_beyond_16_bits(agree: Agree) -> None:
    x = Tensor.from_array(np.arange(40_000))
    agree(reduction.reduce, x, Reduction.ARG_MAX, len(x), 1)
