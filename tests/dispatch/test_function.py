"""Exponential, logarithm, root and error function against mpmath, on each backend."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartvm.dispatch import Backend, available_backends, make_dispatcher
from smartvm.dispatch.functions import Function
from smartvm.dispatch.tensor import Tensor
from smartvm.exceptions import ItemRangeError
from smartvm.words import SIGN_BIT

EXP, LOG, SQRT, ERF = Function
BACKENDS = pytest.mark.parametrize("name", available_backends())
LARGEST_SCALE = (1 << 64) - 1
LEAST, GREATEST = -SIGN_BIT, SIGN_BIT - 1
SCALES = [
    *(1, 2, 3, 7, 10, 255, 1000, 1 << 16, (1 << 24) + 1, (1 << 32) + 7),
    *(1 << 40, (1 << 40) + 1, 1 << 46, (1 << 46) + 1, 1 << 63, LARGEST_SCALE),
]
MPMATH: dict[Function, Callable[[mpmath.mpf], mpmath.mpf]] = {
    EXP: mpmath.exp,
    LOG: mpmath.log,
    SQRT: mpmath.sqrt,
    ERF: mpmath.erf,
}


@pytest.fixture(autouse=True)
def no_floating_point_exception() -> Any:
    with np.errstate(all="raise"):
        yield


def backend(name: str) -> Backend:
    return make_dispatcher(name)


def expected(value: int, scale: int, function: Function) -> int:
    """The nearest integer, by a precision that shows that the value is no tie."""
    exact = scale * MPMATH[function](mpmath.mpf(value) / scale)
    below = int(mpmath.floor(exact))
    assert exact == below or abs(exact - below - 0.5) > mpmath.mpf(2) ** (300 - mpmath.mp.prec)
    return below + int(exact - below > 0.5)


def near(value: mpmath.mpf) -> list[int]:
    """The integers around a number."""
    below = int(mpmath.floor(value))
    return [below - 1, below, below + 1, below + 2]


def hard_inputs(scale: int, function: Function, source: random.Random) -> list[int]:
    """Inputs whose results lie as close to a tie as any integers come: those around f⁻¹(n + ½)."""
    inverse: Callable[[mpmath.mpf], mpmath.mpf] = {
        EXP: mpmath.log,
        LOG: mpmath.exp,
        SQRT: lambda y: y * y,
        ERF: mpmath.erfinv,
    }[function]
    reach = {EXP: 100 * scale, LOG: 20 * scale, SQRT: 1 << 127, ERF: scale}[function]
    results = [source.randrange(reach) + mpmath.mpf(1) / 2 for _ in range(8)]
    return [value for y in results for value in near(scale * inverse(y / scale))]


def typical_inputs(scale: int, function: Function, source: random.Random) -> list[int]:
    if function in (LOG, SQRT):
        spread = [source.randrange(1, 1 << source.randrange(1, 256)) for _ in range(12)]
        return [1, 2, scale - 1, scale, scale + 1, 2 * scale, GREATEST, *spread]
    reach = 8 * scale
    some = [source.randint(-reach, reach) for _ in range(12)]
    edges = [0, 1, -1, scale, 7 * scale - 1, 7 * scale, -7 * scale, LEAST, -(1 << 63)]
    root = round(scale**0.5)  # where s·e^(v/s) leaves s + v
    return [*edges, root, -root, *some, *([44 * scale] if function == EXP else [GREATEST])]


@BACKENDS
@pytest.mark.parametrize("function", Function, ids=lambda function: function.name)
@pytest.mark.parametrize("scale", SCALES)
def test_the_nearest_integer(name: str, scale: int, function: Function) -> None:
    source = random.Random(scale)
    with mpmath.workprec(1200):
        inputs = typical_inputs(scale, function, source) + hard_inputs(scale, function, source)
        if function in (LOG, SQRT):
            inputs = [value for value in inputs if value > 0]
        results = [expected(value, scale, function) for value in inputs]
    found = backend(name).function(Tensor.from_ints(inputs), scale, function)
    assert found.to_ints() == results


@BACKENDS
@pytest.mark.parametrize("function", Function, ids=lambda function: function.name)
def test_every_input_of_the_small_scales(name: str, function: Function) -> None:
    for scale in range(1, 25):
        inputs = range(1 if function in (LOG, SQRT) else -7 * scale, 7 * scale + 1)
        with mpmath.workprec(400):
            results = [expected(value, scale, function) for value in inputs]
        found = backend(name).function(Tensor.from_ints(inputs), scale, function)
        assert found.to_ints() == results


@BACKENDS
@given(root=st.one_of(st.integers(0, 1 << 127), st.integers((1 << 31) - 9, (1 << 31) + 9)))
def test_both_sides_of_a_root_and_a_half(name: str, root: int) -> None:
    """√(r² + r) < r + ½ < √(r² + r + 1): roots of integers come no closer to a tie."""
    x = Tensor.from_ints([root * root + root, root * root + root + 1])
    assert backend(name).function(x, 1, SQRT).to_ints() == [root, root + 1]


@BACKENDS
@pytest.mark.parametrize("root", [1 << 26, (1 << 27) - 1, (1 << 30) + 1, (1 << 31) - 1])
def test_next_to_a_square(name: str, root: int) -> None:
    """Where a float cannot tell the square from its neighbours."""
    items = [root * root + step for step in range(-600, 601, 50)]
    assert backend(name).function(Tensor.from_ints(items), 1, SQRT).to_ints() == [root] * 25


@BACKENDS
def test_exact_values(name: str) -> None:
    for scale in SCALES:
        zero, one = Tensor.from_ints([0]), Tensor.from_ints([scale])
        assert backend(name).function(zero, scale, EXP).to_ints() == [scale]
        assert backend(name).function(one, scale, LOG).to_ints() == [0]
        assert backend(name).function(zero, scale, SQRT).to_ints() == [0]
        assert backend(name).function(zero, scale, ERF).to_ints() == [0]


def largest_exponent(scale: int) -> int:
    """The greatest item whose exponential at the scale rounds to less than 2^255."""
    with mpmath.workprec(1200):
        limit = scale * mpmath.log((mpmath.mpf(2) ** 255 - mpmath.mpf(1) / 2) / scale)
        return int(mpmath.floor(limit))


@BACKENDS
@pytest.mark.parametrize("scale", [1, 10, 1 << 20, 1 << 46, (1 << 46) + 1, LARGEST_SCALE])
def test_the_largest_exponential(name: str, scale: int) -> None:
    greatest = largest_exponent(scale)
    with mpmath.workprec(1200):
        result = expected(greatest, scale, EXP)
    found = backend(name).function(Tensor.from_ints([greatest, 0]), scale, EXP)
    assert found.to_ints() == [result, scale]
    for beyond in (greatest + 1, 178 * scale, GREATEST):
        with pytest.raises(ItemRangeError) as error:
            backend(name).function(Tensor.from_ints([beyond, 0, LEAST]), scale, EXP)
        message = f"item: expected an exponential below 2^255, found {beyond}"
        assert str(error.value) == message


@BACKENDS
@pytest.mark.parametrize("item", [-1, LEAST])
def test_outside_the_domain(name: str, item: int) -> None:
    x = Tensor.from_ints([5, item])
    with pytest.raises(ItemRangeError, match=f"item: expected a number above zero, found {item}"):
        backend(name).function(x, 10, LOG)
    with pytest.raises(ItemRangeError, match=f"item: expected no negative number, found {item}"):
        backend(name).function(x, 10, SQRT)
    with pytest.raises(ItemRangeError, match="item: expected a number above zero, found 0"):
        backend(name).function(Tensor.zeros(1), 10, LOG)
