"""Sums beyond int32: maps in two halves, doubles, and the bounds at which either is left."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartvm.dispatch.native import NativeBackend, bounds
from smartvm.dispatch.native.products import Plan
from smartvm.dispatch.numpy_backend import NumpyBackend
from smartvm.dispatch.steps import Step
from smartvm.dispatch.tensor import Tensor
from smartvm.shapes import ConvShape, MatmulShape

pytestmark = pytest.mark.usefixtures("instruction_set")

NATIVE, NUMPY = NativeBackend(), NumpyBackend()
AROUND = ((0, 0), (1, 1), (1, 1))
DENSE = ConvShape(1, 9, 35, 1, (1, 10, 17), (1, 3, 3), (1, 1, 2), AROUND)
GROUPS = ConvShape(2, 6, 8, 2, (1, 13, 9), (1, 3, 2), dilation=(1, 2, 1))
POINTS = ConvShape(1, 40, 33, 1, (1, 12, 12), (1, 1, 1))
DEPTHWISE = ConvShape(2, 6, 12, 6, (1, 9, 20), (1, 3, 3), (1, 2, 2), AROUND)
VOLUME = ConvShape(1, 3, 3, 3, (4, 5, 6), (2, 3, 2), padding=((1, 0), (2, -1), (0, 3)))
FULL = MatmulShape(1, 75, 23, transpose_b=True)
ROWS = MatmulShape(3, 32, 131, transpose_b=True)
SHAPES = [DENSE, GROUPS, POINTS, DEPTHWISE, VOLUME, FULL, ROWS]
LIMIT = bounds.DOUBLE_LIMIT


@pytest.fixture
def paths(monkeypatch) -> list[str]:
    """The arithmetic that each product has been taken to, in order."""
    taken: list[str] = []

    def watch(name: str) -> None:
        run = getattr(Plan, name)

        def spy(*terms):
            result = run(*terms)
            if result is not None:
                taken.append(name)
            return result

        monkeypatch.setattr(Plan, name, spy)

    for name in ("_narrow", "_doubles", "_wide"):
        watch(name)
    return taken


def noise(length: int, low: int, high: int, seed: int = 0) -> Tensor:
    return Tensor.from_array(np.random.default_rng(seed).integers(low, high + 1, length))


def operands(shape: ConvShape | MatmulShape, bits: int, weight: int) -> tuple[Tensor, Step]:
    """A map of so many bits, and the product that it goes into."""
    limit = (1 << bits) - 1
    if isinstance(shape, MatmulShape):
        items, weights, kernel = shape.rows * shape.inner, shape.inner * shape.columns, "matmul"
    else:
        items, weights, kernel = shape.in_items, shape.weight_items, "convolve"
    return noise(items, -limit, limit), Step(kernel, (noise(weights, -weight, weight, 1), shape))


def check(x: Tensor, steps: list[Step]) -> None:
    """The values and bounds of every step are those of numpy."""
    results = NATIVE.chain(x, steps)
    assert results is not None
    for step, found in zip(steps, results, strict=True):
        x = getattr(NUMPY, step.kernel)(x, *step.arguments)
        assert found.bounds == x.bounds
        assert found == x


@pytest.mark.parametrize("nearest", [False, True])
@pytest.mark.parametrize("divisor", [64, 10_000])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_layer_of_a_wide_map(paths, thread_count, shape, divisor, nearest):
    x, product = operands(shape, 18, 9999)
    is_matrix = isinstance(shape, MatmulShape)
    length = shape.out_items
    channels = shape.columns if is_matrix else shape.out_channels
    plane = length // channels // (shape.rows if is_matrix else shape.batch)
    bias = Step("add", (noise(channels, -(1 << 33), 1 << 33, 2), plane))
    residual = Step("add", (noise(length, -(1 << 17), 1 << 17, 3), 1))
    divide = Step("divide", (divisor, nearest))
    check(x, [product, bias, divide, residual, Step("relu", (0, (0, 1)))])
    check(x, [product, Step("multiply", (-3,)), divide, Step("relu", (12_345, (0, 1)))])
    check(x, [product, divide, Step("divide", (1 << 20, nearest))])
    assert paths == ["_doubles"] * len(paths) != []


@given(shape=st.sampled_from(SHAPES), bits=st.integers(14, 31), weight=st.integers(1, 40_000))
def test_any_width(agree, shape, bits, weight):
    x, product = operands(shape, bits, weight)
    agree(product.kernel, x, *product.arguments, by="numpy")


def halves_of(low: int, high: int, weights: int) -> int:
    """`half_bits` of a map within bounds for weights that are all positive."""
    return bounds.half_bits((low, high), weights, 0)


def test_halves_are_as_wide_as_each_other():
    assert [halves_of(0, (1 << bits) - 1, 1) for bits in (1, 2, 16, 17, 18, 29)] == [
        1, 1, 8, 9, 9, 15,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "sign, total, path",
    [
        (1, (1 << 21) - 1, "_doubles"),  # 2^31 − 2^10
        (1, 1 << 21, "_wide"),
        (-1, 1 << 21, "_doubles"),  # −2^31, which int32 has
        (-1, (1 << 21) + 1, "_wide"),
    ],
)
@pytest.mark.parametrize("shape", [ConvShape(1, 65, 1, 1, (1, 1, 1), (1, 1, 1)),
                                   MatmulShape(1, 65, 1, transpose_b=True)], ids=str)  # fmt: skip
def test_the_sums_of_a_half_next_to_int32(agree, paths, shape, sign, total, path):
    """A map of 20 bits, whose high half reaches 2^10 and whose low one −2^9."""
    x = Tensor.from_ints([(1 << 20) - 1, (1 << 19) + 511, 512, 511] * 16 + [(1 << 20) - 1])
    weights = [sign * 32_767] * 64 + [sign * (total - 64 * 32_767)]
    kernel = "convolve" if isinstance(shape, ConvShape) else "matmul"
    agree(kernel, x, Tensor.from_ints(weights), shape)
    assert paths == [path]


@pytest.mark.parametrize("depthwise", [True, False])
@pytest.mark.parametrize("step, path", [(-1, "_doubles"), (0, "_wide")])
def test_sums_next_to_what_doubles_are_proved_for(paths, depthwise, step, path):
    """Sums of 2^51 − 1, and of 2^51."""
    channels = 1 if depthwise else 4
    shape = ConvShape(1, channels, 1, 1, (1, 1, 1), (1, 1, 1))
    x, weights = Tensor.from_ints([1 << 17] * channels), Tensor.from_ints([30_000] * channels)
    total = (30_000 << 17) * channels
    bias = Tensor.from_ints([LIMIT + step - total])
    check(x, [Step("convolve", (weights, shape)), Step("add", (bias, 1))])
    assert paths[0] == path


@pytest.mark.parametrize("divisor", [1, 2, 3, 1000, 10_000, 999_983, (1 << 31) - 2, (1 << 31) - 1])
@pytest.mark.parametrize("nearest", [False, True])
def test_the_dividends_that_a_divisor_finds_hardest(paths, divisor, nearest):
    """Next to multiples and to ties, up to the ends of what doubles are proved for."""
    last = LIMIT // 2 // divisor
    bases = [sign * q * divisor for q in (0, 1, 2, last // 3, last - 1, last) for sign in (1, -1)]
    ties = [base + divisor // 2 for base in bases]
    values = sorted({base + step for base in bases + ties for step in (-1, 0, 1)})
    shape = ConvShape(1, 2, len(values), 1, (1, 1, 1), (1, 1, 1))
    x, weights = Tensor.from_ints([1 << 16, 1]), Tensor.from_ints([32_767, 0] * len(values))
    addends = Tensor.from_ints([value - (32_767 << 16) for value in values])
    product = Step("convolve", (weights, shape))
    check(x, [product, Step("multiply", (1 << 10,)), Step("divide", (1 << 10, nearest)),
              Step("add", (addends, 1)), Step("divide", (divisor, nearest))])  # fmt: skip
    assert paths[0] == "_doubles"
