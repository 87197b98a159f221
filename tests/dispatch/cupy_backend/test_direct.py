"""Products on the ordinary cores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from smartvm.dispatch.cupy_backend import direct
from smartvm.dispatch.cupy_backend.calls import Call, Segment
from smartvm.dispatch.cupy_backend.emulator import EmulatedDevice
from smartvm.dispatch.cupy_backend.epilogue import Epilogue
from smartvm.dispatch.reference import ReferenceBackend
from smartvm.dispatch.stages import stages_behind
from smartvm.dispatch.steps import Step
from smartvm.dispatch.tensor import Tensor
from smartvm.exceptions import ShapeError
from smartvm.shapes import ConvShape, MatmulShape

Agree = Callable[..., None]
REFERENCE = ReferenceBackend()
FORMS = {"int16": 1 << 14, "int32": 1 << 30, "int64": 1 << 50}
SAME = ((0, 0), (1, 1), (1, 1))
ODD = ((0, 0), (-1, 2), (2, -1))


def noise(length: int, magnitude: int, seed: int = 0) -> Tensor:
    generator = np.random.default_rng(seed)
    return Tensor.from_array(generator.integers(-magnitude, magnitude, length))


def resident(tensor: Tensor) -> Tensor:
    tensor.memo = {}
    return tensor


def launched(device: Any, function: Callable[..., Any], *arguments: Any) -> str:
    """The kernel that a call launches."""
    call = Call(Segment(device))
    assert function(call, *arguments) is not None
    return call.segment.launches[0].kernel


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("padding", [SAME, ODD], ids=["padded", "cropped"])
def test_depthwise(agree: Agree, form: str, kernel: int, stride: int, padding: Any) -> None:
    sides = (1, kernel, kernel), (1, stride, stride)
    shape = ConvShape(2, 3, 6, 3, (1, 8, 7), *sides, padding)
    x, weights = noise(shape.in_items, FORMS[form]), noise(shape.weight_items, 9, 1)
    agree(direct.convolve, x, resident(weights), shape)


def test_depthwise_has_a_kernel_of_its_own(emulators: list[Any]) -> None:
    shape = ConvShape(1, 4, 4, 4, (1, 6, 6), (1, 3, 3), (1, 2, 2), SAME)
    weights = noise(shape.weight_items, 100)
    x = noise(shape.in_items, 1 << 14)
    assert launched(emulators[0], direct.convolve, x, weights, shape) == "direct.depthwise_32"
    x = noise(shape.in_items, 1 << 40)
    assert launched(emulators[0], direct.convolve, x, weights, shape) == "direct.convolve_1"


@pytest.mark.parametrize("x_form", FORMS)
@pytest.mark.parametrize("weight_form", FORMS)
def test_all_forms(agree: Agree, x_form: str, weight_form: str) -> None:
    """Sums as large as 64 bits hold, whatever the forms of the operands are."""
    shape = ConvShape(1, 2, 5, 1, (1, 4, 5), (1, 2, 2))
    x = Tensor.from_ints([FORMS[x_form] - 1, *noise(shape.in_items - 1, 99)])
    weights = Tensor.from_ints([*noise(shape.weight_items - 1, 99), -FORMS[weight_form]])
    if x.magnitude * weights.magnitude * shape.terms < 1 << 63:
        agree(direct.convolve, x, weights, shape)
    else:
        few = Tensor.from_ints(value % 7 for value in weights)
        agree(direct.convolve, x, few, shape)


@st.composite
def shapes(draw: st.DrawFn) -> ConvShape:
    axes = st.integers(1, 5), st.integers(1, 3), st.integers(1, 3), st.integers(1, 2)
    size, kernel, stride, dilation = (tuple(draw(axis) for _ in range(3)) for axis in axes)
    padding = tuple((draw(st.integers(-1, 2)), draw(st.integers(-1, 2))) for _ in range(3))
    groups = draw(st.integers(1, 3))
    channels = groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 5))
    shape = ConvShape(
        draw(st.integers(1, 2)), *channels, groups, size, kernel, stride, padding, dilation,
        draw(st.booleans()),
    )  # fmt: skip
    try:
        assume(0 < shape.out_items < 2000)
    except ShapeError:
        assume(False)
    return shape


@settings(max_examples=60)
@given(shape=shapes(), form=st.sampled_from(list(FORMS)))
def test_convolutions(agree: Agree, shape: ConvShape, form: str) -> None:
    x, weights = noise(shape.in_items, FORMS[form]), noise(shape.weight_items, 1 << 6, 1)
    agree(direct.convolve, x, resident(weights), shape)


def test_steps_that_are_never_taken_may_be_huge(agree: Agree) -> None:
    far = 1 << 62
    x, weights = noise(6, 50), noise(12, 50, 1)
    plain = ConvShape(1, 2, 2, 1, (1, 1, 3), (1, 1, 3), (far, far, far), dilation=(far, far, 1))
    agree(direct.convolve, x, weights, plain)
    x = noise(2, 50)
    transposed = ConvShape(
        1, 2, 2, 1, (1, 1, 1), (1, 1, 3), (far,) * 3, dilation=(far, far, 1), transposed=True
    )
    agree(direct.convolve, x, weights, transposed)


@pytest.mark.parametrize("terms", [1, 3, 64, 100])
@pytest.mark.parametrize("rows", [1, 3, 4, 6])
@pytest.mark.parametrize("transposed", [(False, False), (False, True), (True, False), (True, True)])
def test_matmul(agree: Agree, terms: int, rows: int, transposed: tuple[bool, bool]) -> None:
    shape = MatmulShape(rows, terms, 5, *transposed, batch=2)
    a, b = noise(2 * rows * terms, 1 << 30), noise(2 * terms * 5, 1 << 20, 1)
    agree(direct.matmul, a, b, shape)


def test_many_outputs_have_a_thread_each(agree: Agree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EmulatedDevice, "processors", 0)
    agree(direct.matmul, noise(2 * 70, 99), noise(70 * 5, 99, 1), MatmulShape(2, 70, 5))


@given(st.integers(-2, 2), st.booleans())
def test_the_bound_of_64_bits(emulators: list[Any], over: int, kept: bool) -> None:
    """Sums up to 2⁶³ − 1 are taken, greater ones are not."""
    terms = 3
    a = Tensor.from_ints([((1 << 63) - 1) // terms + over] * terms)
    b = Tensor.from_ints([1] * terms)
    if kept:
        resident(b)
    shape = MatmulShape(1, terms, 1, transpose_b=True)
    found = direct.matmul(Call(Segment(emulators[0])), a, b, shape)
    exact = sum(a)
    if exact < 1 << 63:
        assert found is not None
        assert list(found) == [exact]
    else:
        assert found is None


def test_wide_operands_are_declined(emulators: list[Any]) -> None:
    wide = Tensor.from_ints([1 << 100])
    one = Tensor.from_ints([1])
    for a, b in [(wide, one), (one, wide)]:
        assert direct.matmul(Call(Segment(emulators[0])), a, b, MatmulShape(1, 1, 1)) is None


@pytest.mark.parametrize("kind", ["depthwise", "general", "matmul"])
def test_stages(emulators: list[Any], kind: str) -> None:
    """The stages behind a product give what the plain kernels give one after the other."""
    depthwise = ConvShape(2, 4, 4, 4, (1, 6, 5), (1, 3, 3), padding=SAME)
    general = ConvShape(2, 4, 6, 2, (1, 6, 5), (1, 3, 3), padding=SAME, transposed=True)
    kernel, function, shape = {
        "depthwise": ("convolve", direct.convolve_fused, depthwise),
        "general": ("convolve", direct.convolve_fused, general),
        "matmul": ("matmul", direct.matmul_fused, MatmulShape(5, 6, 7)),
    }[kind]
    if isinstance(shape, MatmulShape):
        x, weights, channels, plane = noise(30, 999), noise(42, 999, 1), 7, 1
    else:
        x, weights = noise(shape.in_items, 999), noise(shape.weight_items, 999, 1)
        channels, plane = shape.out_channels, shape.out_size[1] * shape.out_size[2]
    steps = [
        Step(kernel, (weights, shape)),
        Step("add", (noise(channels, 99, 2), plane)),
        Step("divide", (7, True)),
        Step("add", (noise(shape.out_items, 99, 3), 1)),
        Step("relu", (0, (0, 1))),
    ]
    expected = [x]
    for step in steps:
        expected.append(getattr(REFERENCE, step.kernel)(expected[-1], *step.arguments))
    for device in emulators:
        call = Call(Segment(device))
        epilogue = Epilogue(stages_behind(steps))
        found = function(call, x, weights, shape, epilogue, x, steps)
        assert found is not None
        assert [one.bounds for one in found] == [one.bounds for one in expected[1:]]
        assert found[-1] == expected[-1]


def test_counts_beyond_32_bits_are_declined() -> None:
    assert direct.matmul_fits(MatmulShape(1 << 15, 1 << 15, 1))
    assert not direct.matmul_fits(MatmulShape(1 << 16, 1 << 15, 1))
    assert not direct.matmul_fits(MatmulShape(1, 1 << 15, 1 << 13, batch=8))
    plane = ConvShape(1, 1, 1, 1, (1, 1 << 15, 1 << 15), (1, 1, 1))
    assert direct.convolution_fits(plane)
    assert not direct.convolution_fits(replace(plane, batch=2))
    far = (0, 0), (0, 0), (1 << 30, -(1 << 30))
    assert not direct.convolution_fits(replace(plane, padding=far))
