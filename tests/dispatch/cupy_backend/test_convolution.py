"""Convolution on the tensor cores."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from smartvm.dispatch.cupy_backend import convolution, product
from smartvm.dispatch.cupy_backend.calls import Call, Segment
from smartvm.dispatch.cupy_backend.emulator import EmulatedDevice
from smartvm.dispatch.tensor import Tensor
from smartvm.exceptions import ShapeError
from smartvm.shapes import ConvShape

Agree = Callable[..., None]
SAME = ((0, 0), (1, 1), (1, 1))
CROP = ((0, 0), (-1, 2), (-2, -3))
WIDE = ((0, 0), (5, 5), (4, 4))
UNEVEN = ((0, 0), (3, 3), (2, 4))
DEEP = ((1, 1), (1, 1), (0, 2))


@pytest.fixture(scope="module", autouse=True)
def _small_products_and_parts_too() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(product, "LEAST_MACS", 0)
        patch.setattr(product, "_LEAST_STEPS", 1)
        yield


def noise(length: int, bits: int, seed: int = 0) -> Tensor:
    half = 1 << bits
    return Tensor.from_array(np.random.default_rng(seed).integers(-half, half, length))


def operands(shape: ConvShape, bits: int = 14) -> tuple[Tensor, Tensor, ConvShape]:
    return noise(shape.in_items, bits), noise(shape.weight_items, 14, 1), shape


SHAPES = {
    "one cell": ConvShape(1, 33, 17, 1, (1, 9, 8), (1, 1, 1)),
    "one item": ConvShape(1, 1, 1, 1, (1, 1, 1), (1, 1, 1)),
    "kernel": ConvShape(2, 35, 9, 1, (1, 7, 6), (1, 3, 3), padding=SAME),
    "few channels": ConvShape(2, 3, 18, 1, (1, 9, 11), (1, 7, 7), (1, 2, 2), UNEVEN),
    "groups": ConvShape(2, 40, 34, 2, (1, 5, 6), (1, 3, 2), padding=SAME),
    "groups of windows": ConvShape(2, 16, 16, 2, (1, 5, 6), (1, 3, 3), padding=SAME),
    "dilation": ConvShape(1, 32, 8, 1, (1, 11, 9), (1, 3, 2), (1, 2, 1), SAME, (1, 3, 4)),
    "dilated windows": ConvShape(1, 2, 8, 1, (1, 11, 9), (1, 3, 2), (1, 2, 1), SAME, (1, 3, 4)),
    "volume": ConvShape(2, 33, 8, 1, (3, 4, 5), (2, 3, 2), (2, 1, 1), ((1, 0), (1, 1), (0, 1))),
    "volume of windows": ConvShape(1, 2, 8, 1, (3, 4, 5), (2, 3, 2), padding=DEEP),
    "cropped": ConvShape(1, 32, 8, 1, (1, 9, 9), (1, 3, 3), padding=CROP),
    "cropped windows": ConvShape(1, 2, 8, 1, (1, 9, 9), (1, 3, 3), padding=CROP),
    "padding alone": ConvShape(1, 32, 8, 1, (1, 2, 2), (1, 1, 1), (1, 3, 3), WIDE),
    "many rows": ConvShape(1, 32, 130, 1, (1, 3, 3), (1, 1, 1)),
}  # fmt: skip


@pytest.mark.parametrize("processors", [2, 40])
@pytest.mark.parametrize("name", SHAPES)
def test_shapes(agree: Agree, monkeypatch: pytest.MonkeyPatch, name: str, processors: int) -> None:
    """Large tiles and small ones, the inner axis whole and in parts."""
    monkeypatch.setattr(EmulatedDevice, "processors", processors)
    agree(convolution.convolve, *operands(SHAPES[name]))


@pytest.mark.parametrize(("name", "kernel"), [("few channels", "windows"), ("kernel", "planes")])
def test_small_windows_are_laid_out(emulators: list[Any], name: str, kernel: str) -> None:
    call = Call(Segment(emulators[0]))
    convolution.convolve(call, *operands(SHAPES[name]))
    assert call.segment.launches[0].kernel == f"packing.pack_{kernel}"


@st.composite
def shapes(draw: st.DrawFn) -> ConvShape:
    axes = st.integers(1, 7), st.integers(1, 3), st.integers(1, 3), st.integers(1, 2)
    size, kernel, stride, dilation = (tuple(draw(axis) for _ in range(3)) for axis in axes)
    padding = tuple((draw(st.integers(-1, 2)), draw(st.integers(-1, 2))) for _ in range(3))
    groups = draw(st.sampled_from([1, 1, 2]))
    channels, rows = draw(st.sampled_from([8, 17, 32])), draw(st.sampled_from([8, 9]))
    shape = ConvShape(
        draw(st.integers(1, 2)), groups * channels, groups * rows, groups,
        size, kernel, stride, padding, dilation,
    )  # fmt: skip
    try:
        assume(prod(shape.out_size) * shape.terms < 3000)
    except ShapeError:
        assume(False)
    return shape


@settings(max_examples=25, suppress_health_check=[HealthCheck.filter_too_much])
@given(shape=shapes(), bits=st.sampled_from([5, 7, 13, 15, 22, 30]))
def test_any_shape(agree: Agree, shape: ConvShape, bits: int) -> None:
    agree(convolution.convolve, *operands(shape, bits))


def test_resident_weights_are_packed_once(emulators: list[Any]) -> None:
    x, weights, shape = operands(SHAPES["kernel"])
    weights.memo = {}
    device = emulators[0]
    first, second = (convolution.convolve(Call(Segment(device)), x, weights, shape) for _ in "ab")
    assert first == second
    assert sum(key[:2] == ("cupy", "fragments") for key in weights.memo) == 1


@pytest.mark.parametrize(
    "shape",
    [
        ConvShape(1, 8, 8, 8, (1, 5, 5), (1, 3, 3)),
        ConvShape(1, 32, 8, 1, (1, 5, 5), (1, 3, 3), transposed=True),
    ],
    ids=["depthwise", "transposed"],
)
def test_what_is_left_to_the_ordinary_cores(emulators: list[Any], shape: ConvShape) -> None:
    call = Call(Segment(emulators[0]))
    assert convolution.on_tensor_cores(call, *operands(shape), convolution.NO_STAGES) is None


def test_what_leaves_64_bits(agree: Agree) -> None:
    x, weights = Tensor.from_ints([1 << 40, -3, 1 << 62, 5]), Tensor.from_ints([1 << 40, 7])
    agree(convolution.convolve, x, weights, ConvShape(1, 2, 1, 1, (1, 1, 2), (1, 1, 1)))
