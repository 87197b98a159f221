"""Chains: the bounds and items of every step are those of the kernels run one by one."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartvm.dispatch.native import NativeBackend
from smartvm.dispatch.native.convolution import plan_for
from smartvm.dispatch.reference import ReferenceBackend
from smartvm.dispatch.steps import Step
from smartvm.dispatch.tensor import Deferred, Tensor
from smartvm.shapes import ConvShape, MatmulShape, PoolShape

pytestmark = pytest.mark.usefixtures("instruction_set")

NATIVE, REFERENCE = NativeBackend(), ReferenceBackend()
CONVOLUTION = ConvShape(1, 3, 5, 1, (1, 6, 7), (1, 3, 3), padding=((0, 0), (1, 1), (1, 1)))
DEPTHWISE = ConvShape(1, 5, 5, 5, (1, 6, 7), (1, 3, 3), padding=((0, 0), (1, 1), (1, 1)))
BATCH = ConvShape(2, 3, 5, 1, (1, 3, 7), (1, 1, 1))
FULL = MatmulShape(1, 40, 23, transpose_b=True)
ROWS = MatmulShape(2, 7, 35, transpose_b=True)


def noise(length: int, low: int, high: int, seed: int = 0) -> Tensor:
    return Tensor.from_array(np.random.default_rng(seed).integers(low, high + 1, length))


def first(shape: ConvShape | MatmulShape, bits: int = 9) -> tuple[Tensor, Step]:
    """A map and the product that it goes into."""
    limit = (1 << bits) - 1
    if isinstance(shape, MatmulShape):
        x, weights = shape.rows * shape.inner, shape.inner * shape.columns
        return noise(x, -limit, limit), Step("matmul", (noise(weights, -99, 99, 1), shape))
    weights = noise(shape.weight_items, -99, 99, 1)
    return noise(shape.in_items, -limit, limit), Step("convolve", (weights, shape))


def check(x: Tensor, steps: list[Step]) -> None:
    """Every result is the reference's, in values, form and bounds."""
    results = NATIVE.chain(x, steps)
    assert results is not None
    assert len(results) == len(steps)
    expected = x
    for step, found in zip(steps, results, strict=True):
        expected = getattr(REFERENCE, step.kernel)(expected, *step.arguments)
        assert found.bounds == expected.bounds
        assert found == expected


def layers(shape: ConvShape | MatmulShape) -> st.SearchStrategy[list[Step]]:
    """Steps that may follow a product."""
    cells, channels = shape.out_items, 5 if isinstance(shape, ConvShape) else shape.columns
    batch = shape.batch if isinstance(shape, ConvShape) else shape.rows
    plane = cells // channels // batch
    edges = [
        sign * ((1 << bits) + step) for bits in (4, 15, 31) for step in (-1, 0) for sign in (1, -1)
    ]
    limit = st.sampled_from(edges).map(abs)
    biases = limit.map(lambda high: Step("add", (noise(channels, -high, high, 2), plane)))
    maps = limit.map(lambda high: Step("add", (noise(cells, -high, high, 3), 1)))
    divisors = st.sampled_from([1, 2, 3, 10, 64, 1000, 1 << 15, 1 << 30, (1 << 31) - 1, 1 << 31])
    divide = st.builds(lambda *terms: Step("divide", terms), divisors, st.booleans())
    multiply = st.sampled_from([0, 1, -1, 7, -1000, 1 << 20]).map(
        lambda by: Step("multiply", (by,))
    )
    caps = st.sampled_from([0, 1, 6000, (1 << 31) - 1, 1 << 31])
    relu = caps.map(lambda cap: Step("relu", (cap, (0, 1))))
    return st.lists(st.one_of(biases, maps, divide, multiply, relu), min_size=1, max_size=9)


@pytest.mark.parametrize("shape", [CONVOLUTION, DEPTHWISE, BATCH, FULL, ROWS], ids=str)
@given(data=st.data(), bits=st.sampled_from([9, 15, 16, 17, 29]))
def test_any_chain(shape, data, bits):
    x, product = first(shape, bits)
    steps = [product, *data.draw(layers(shape))]
    factors = [abs(s.arguments[0]) or 1 for s in steps if s.kernel == "multiply"]
    fused = NATIVE.chain(x, steps) is not None
    if steps[1].arguments[0] == 1 << 31 and steps[1].kernel == "divide":
        assert not fused  # no stage has such a divisor
    elif prod(factors) < 1 << 12 or fused:  # more might leave 64 bits
        check(x, steps)


@pytest.mark.parametrize("divisor", [2, 6, 64, 1000, 999, (1 << 31) - 2])
@pytest.mark.parametrize("nearest", [False, True])
def test_the_dividends_that_a_divisor_finds_hardest(divisor, nearest):
    """Next to multiples and to ties, up to the ends of int32."""
    last = ((1 << 31) - 1) // divisor
    bases = {sign * q * divisor for q in (0, 1, 2, last - 1, last) for sign in (1, -1)}
    near = {base + step for base in bases for step in (-1, 0, 1)}
    ties = {base + divisor // 2 + step for base in bases for step in (-1, 0, 1)}
    values = sorted(v for v in near | ties if -(1 << 31) <= v < 1 << 31)
    # A convolution of zeros, to which each value is added: in int32 all the same.
    shape = ConvShape(1, 1, len(values), 1, (1, 1, 1), (1, 1, 1))
    x, weights = Tensor.zeros(1), Tensor.zeros(len(values))
    steps = [Step("convolve", (weights, shape)), Step("add", (Tensor.from_ints(values), 1)),
             Step("divide", (divisor, nearest))]  # fmt: skip
    check(x, steps)


@pytest.mark.parametrize("bits", [15, 16, 31, 32])
@pytest.mark.parametrize("sign", [1, -1])
def test_results_next_to_the_end_of_a_form(bits, sign):
    """Also where the run before has shown a narrower form, or a wider one."""
    shape = ConvShape(1, 1, 2, 1, (1, 1, 1), (1, 1, 1))
    weights = Tensor.from_ints([1, 1])
    weights.memo = {}
    for step in (-2, 0, -1, -2, 1):
        bias = Tensor.from_ints([sign * ((1 << bits) + step), 3])
        steps = [
            Step("convolve", (weights, shape)),
            Step("add", (bias, 1)),
            Step("relu", (0, (0, 1))),
        ]
        check(Tensor.from_ints([0]), steps[:2])
        check(Tensor.from_ints([0]), steps)


def test_results_on_the_way_are_deferred_and_the_last_is_not():
    x, product = first(CONVOLUTION)
    results = NATIVE.chain(x, [product, Step("divide", (10, True)), Step("relu", (0, (0, 1)))])
    assert [isinstance(result, Deferred) for result in results] == [True, True, False]


def test_kernels_that_no_stage_has_follow_one_by_one():
    x, product = first(CONVOLUTION)
    pool = PoolShape(5, (1, 6, 7), (1, 2, 2), (1, 2, 2))
    check(
        x, [product, Step("divide", (10, True)), Step("pool_max", (pool,)), Step("multiply", (3,))]
    )
    check(
        x, [product, Step("divide", (10, True)), Step("relu", (0, (1, 3))), Step("multiply", (3,))]
    )


def test_what_is_no_chain():
    x, product = first(CONVOLUTION)
    pool = Step("pool_max", (PoolShape(5, (1, 6, 7), (1, 2, 2), (1, 2, 2)),))
    assert NATIVE.chain(x, [product]) is None
    assert NATIVE.chain(x, [product, pool]) is None
    assert NATIVE.chain(x, [Step("relu", (0, (0, 1))), Step("multiply", (3,))]) is None
    wide = Step("convolve", (Tensor.from_ints([1 << 40] * len(product.arguments[0])), CONVOLUTION))
    assert NATIVE.chain(x, [wide, Step("relu", (0, (0, 1)))]) is None


def test_a_plan_holds_on_to_no_map():
    x, product = first(CONVOLUTION)
    weights = product.arguments[0]
    weights.memo = {}
    residual = noise(CONVOLUTION.out_items, -9, 9)
    relu = Step("relu", (0, (0, 1)))
    NATIVE.chain(x, [product, Step("add", (residual, 1)), relu])
    assert not plan_for(weights, CONVOLUTION).epilogue[0]
    NATIVE.chain(x, [product, relu])
    assert plan_for(weights, CONVOLUTION).epilogue[0][0] is relu


def test_a_chain_on_two_threads(thread_count):
    shape = ConvShape(1, 64, 96, 1, (1, 28, 28), (1, 3, 3), padding=((0, 0), (1, 1), (1, 1)))
    x, product = first(shape)
    bias = Step("add", (noise(96, -99_999, 99_999), 784))
    residual = Step("add", (noise(shape.out_items, -999, 999), 1))
    steps = [product, bias, Step("divide", (1000, True)), residual, Step("relu", (0, (0, 1)))]
    fused = NATIVE.chain(x, steps)
    result = x
    for step, found in zip(steps, fused, strict=True):
        result = getattr(NATIVE, step.kernel)(result, *step.arguments)
        assert found.bounds == result.bounds
    assert fused[-1] == result
