"""Chains: the bounds and items of every result are those of the kernels run one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smartvm.dispatch.cupy_backend import product
from smartvm.dispatch.cupy_backend.calls import Call, Segment
from smartvm.dispatch.cupy_backend.chain import chain
from smartvm.dispatch.cupy_backend.emulator import EmulatedDevice
from smartvm.dispatch.cupy_backend.tensors import Home
from smartvm.dispatch.reference import ReferenceBackend
from smartvm.dispatch.steps import Step
from smartvm.dispatch.tensor import Tensor
from smartvm.shapes import ConvShape, MatmulShape, PoolShape

REFERENCE = ReferenceBackend()
CONVOLUTION = ConvShape(2, 9, 10, 1, (1, 5, 4), (1, 3, 3), padding=((0, 0), (1, 1), (1, 1)))
ROWS = MatmulShape(3, 35, 18, transpose_b=True)
PAIRS = MatmulShape(2, 5, 9, batch=2)


@pytest.fixture(scope="module", autouse=True)
def _small_products_and_parts_too() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(product, "LEAST_MACS", 0)
        patch.setattr(product, "_LEAST_STEPS", 1)
        yield


class Worked(Home):
    """Works intermediate results out by the reference."""

    def run(self, x: Tensor, steps: Sequence[Step]) -> Tensor:
        for step in steps:
            x = getattr(REFERENCE, step.kernel)(x, *step.arguments)
        return x


def noise(length: int, low: int, high: int, seed: int = 0) -> Tensor:
    return Tensor.from_array(np.random.default_rng(seed).integers(low, high + 1, length))


def first(shape: ConvShape | MatmulShape, bits: int = 9) -> tuple[Tensor, Step]:
    """A map and the product that it goes into, by resident weights."""
    limit = (1 << bits) - 1
    if isinstance(shape, MatmulShape):
        kernel, counts = "matmul", (shape.rows * shape.inner, shape.inner * shape.columns)
        sizes = [shape.batch * count for count in counts]
    else:
        kernel, sizes = "convolve", [shape.in_items, shape.weight_items]
    weights = noise(sizes[1], -999, 999, 1)
    weights.memo = {}
    return noise(sizes[0], -limit, limit), Step(kernel, (weights, shape))


def run(device: EmulatedDevice, x: Tensor, steps: list[Step]) -> list[Tensor] | None:
    return chain(Call(Segment(device, Worked(device))), x, steps)


def check(devices: list[Any], x: Tensor, steps: list[Step]) -> None:
    """Every result is the reference's, in values and bounds."""
    expected = [x]
    for step in steps:
        expected.append(getattr(REFERENCE, step.kernel)(expected[-1], *step.arguments))
    for device in devices:
        found = run(device, x, steps)
        assert found is not None
        assert len(found) == len(steps)
        for mine, theirs in zip(found, expected[1:], strict=True):
            assert mine.bounds == theirs.bounds
        assert found[-1] == expected[-1]
        assert found[0] == expected[1]


def layers(shape: ConvShape | MatmulShape) -> st.SearchStrategy[list[Step]]:
    """Steps that may follow a product."""
    matrices = isinstance(shape, MatmulShape)
    channels, plane = (shape.columns, 1) if matrices else (shape.out_channels, prod(shape.out_size))
    edges = st.sampled_from([(1 << bits) + step for bits in (4, 15, 31, 40) for step in (-1, 0)])
    biases = edges.map(lambda high: Step("add", (noise(channels, -high, high, 2), plane)))
    maps = edges.map(lambda high: Step("add", (noise(shape.out_items, -high, high, 3), 1)))
    divisors = st.sampled_from([1, 2, 3, 10, 64, 1000, 1 << 30, (1 << 31) - 1, 1 << 31, 10**12])
    divide = st.builds(lambda *terms: Step("divide", terms), divisors, st.booleans())
    multiply = st.sampled_from([0, 1, -1, 7, -64]).map(lambda by: Step("multiply", (by,)))
    caps = st.sampled_from([0, 1, 6000, (1 << 31) - 1, 1 << 31, (1 << 63) - 1])
    relu = caps.map(lambda cap: Step("relu", (cap, (0, 1))))
    return st.lists(st.one_of(biases, maps, divide, multiply, relu), min_size=1, max_size=8)


@pytest.mark.parametrize("processors", [2, 30])
@pytest.mark.parametrize("shape", [CONVOLUTION, ROWS, PAIRS], ids=str)
@settings(max_examples=15)
@given(data=st.data(), bits=st.sampled_from([6, 9, 15, 29]))
def test_any_chain(
    emulators: list[Any], shape: Any, processors: int, data: st.DataObject, bits: int
) -> None:
    x, product = first(shape, bits)
    for device in emulators:
        device.processors = processors
    try:
        check(emulators, x, [product, *data.draw(layers(shape))])
    finally:
        for device in emulators:
            del device.processors


@pytest.mark.parametrize("bits", [15, 16, 31, 32])
@pytest.mark.parametrize("sign", [1, -1])
def test_results_next_to_the_end_of_a_form(emulators: list[Any], bits: int, sign: int) -> None:
    shape = ConvShape(1, 1, 2, 1, (1, 1, 1), (1, 1, 1))
    for step in (-2, -1, 0, 1):
        bias = Tensor.from_ints([sign * ((1 << bits) + step), 3])
        steps = [Step("convolve", (Tensor.from_ints([1, 1]), shape)), Step("add", (bias, 1))]
        check(emulators, Tensor.from_ints([0]), steps)
        check(emulators, Tensor.from_ints([0]), [*steps, Step("relu", (0, (0, 1)))])
        check(emulators, Tensor.from_ints([0]), [*steps, Step("divide", (2, True))])


@pytest.mark.parametrize("divisor", [2, 6, 64, 999, 1 << 32, (1 << 63) - 1, (1 << 64) - 1])
@pytest.mark.parametrize("nearest", [False, True])
def test_the_dividends_that_a_divisor_finds_hardest(
    emulators: list[Any], divisor: int, nearest: bool
) -> None:
    """Next to multiples and to ties, up to the ends of int64."""
    last = ((1 << 63) - 1) // divisor
    bases = {sign * q * divisor for q in (0, 1, 2, last - 1, last) for sign in (1, -1)}
    near = {base + step for base in bases for step in (-1, 0, 1)}
    ties = {base + divisor // 2 + step for base in bases for step in (-1, 0, 1)}
    values = sorted(v for v in near | ties if -(1 << 63) <= v < 1 << 63)
    shape = ConvShape(1, 1, len(values), 1, (1, 1, 1), (1, 1, 1))
    product = Step("convolve", (Tensor.zeros(len(values)), shape))
    bias = Step("add", (Tensor.from_ints(values), 1))
    check(emulators, Tensor.zeros(1), [product, bias, Step("divide", (divisor, nearest))])


def test_kernels_that_no_stage_has_are_left(emulators: list[Any]) -> None:
    x, product = first(CONVOLUTION)
    divide, pool = (
        Step("divide", (10, True)),
        Step("pool_max", (PoolShape(20, (1, 5, 4), (1, 2, 2), (1, 2, 2)),)),
    )
    found = run(emulators[0], x, [product, divide, pool, Step("multiply", (3,))])
    assert found is not None
    assert len(found) == 2
    check(emulators, x, [product, divide])


def test_what_is_no_chain(emulators: list[Any]) -> None:
    x, product = first(CONVOLUTION)
    relu = Step("relu", (0, (0, 1)))
    assert run(emulators[0], x, [product]) is None
    assert run(emulators[0], x, [product, Step("sigmoid", (1000,))]) is None
    assert run(emulators[0], x, [relu, Step("multiply", (3,))]) is None
