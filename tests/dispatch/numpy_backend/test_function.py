"""The float64 path: its error bounds against mpmath, and what becomes of undecided items."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

from smartvm.dispatch.functions import Function
from smartvm.dispatch.numpy_backend import function as fast
from smartvm.dispatch.reference import function as reference
from smartvm.dispatch.tensor import Tensor
from smartvm.exceptions import ItemRangeError

EXP, LOG, SQRT, ERF = Function
SCALES = [1, 10, 1000, 1 << 16, (1 << 24) + 1, 1 << 32, 1 << 40, 1 << 46]


@pytest.fixture(autouse=True)
def no_floating_point_exception() -> Any:
    with np.errstate(all="raise"):
        yield


def worst_error(
    estimate: Callable[[Any, int], Any], exact: Callable[[Any], Any], items: list[int], scale: int
) -> float:
    """The greatest ratio of an error to its bound."""
    found, bounds = estimate(np.array(items), scale)
    bounds = np.broadcast_to(bounds, found.shape)
    ratios = []
    with mpmath.workprec(200):
        for item, estimated, bound in zip(items, found.tolist(), bounds.tolist(), strict=True):
            error = abs(estimated - scale * exact(mpmath.mpf(item) / scale))
            ratios.append(float(error / bound))
    return max(ratios)


def inputs(scale: int, low: float, high: float) -> list[int]:
    """Items from low·scale to high·scale: at grid points, between them, and anywhere."""
    source = random.Random(scale)
    grid = [source.randrange(int(low * 128), int(high * 128)) * scale // 128 for _ in range(200)]
    anywhere = [source.randint(int(low * scale), int(high * scale)) for _ in range(200)]
    return [item + step for item in grid for step in (0, 1)] + anywhere


@pytest.mark.parametrize("scale", SCALES)
def test_the_error_of_exp(scale: int) -> None:
    items = inputs(scale, -30, 8)
    assert 0.01 < worst_error(fast._exp, mpmath.exp, [*items, 3 * scale], scale) < 0.9


@pytest.mark.parametrize("scale", [scale for scale in SCALES if scale <= fast.LARGEST_LOG_SCALE])
def test_the_error_of_log(scale: int) -> None:
    source = random.Random(scale)
    items = [item for item in inputs(scale, 0, 20) if item > 0]
    items += [source.randrange(1, 1 << source.randrange(1, 64)) for _ in range(200)]
    items += [1, (1 << 63) - 1]
    assert 0.005 < worst_error(fast._log, mpmath.log, items, scale) < 0.9


@pytest.mark.parametrize("scale", SCALES)
def test_the_error_of_erf(scale: int) -> None:
    assert 0.01 < worst_error(fast._erf, mpmath.erf, inputs(scale, -7, 7), scale) < 0.9


@pytest.fixture
def settled_exactly(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The items that go to integer arithmetic."""
    seen: list[int] = []
    exact = reference.function_items

    def record(values: Any, scale: int, function: int) -> dict[int, int]:
        values = set(values)
        seen.extend(values)
        return exact(values, scale, function)

    fast.logarithm_table(), fast.error_function_table()
    monkeypatch.setattr(reference, "function_items", record)
    return seen


@pytest.mark.parametrize("function", [EXP, LOG, ERF], ids=lambda function: function.name)
def test_small_scales_need_no_integers(settled_exactly: list[int], function: Function) -> None:
    start = 1 if function == LOG else -8_000
    fast.function(Tensor.from_array(np.arange(start, start + 16_000)), 1000, function)
    assert settled_exactly == []


@pytest.mark.parametrize(
    ("function", "scale", "item"),
    [
        (EXP, 1 << 46, 1 << 23),  # s·e^(v/s) is s + v + ½ and a little
        (EXP, 10, 500),
        (LOG, 1 << 20, 1 << 70),
        (ERF, (1 << 46) + 1, 3),
    ],
)
def test_equal_items_are_settled_once(
    settled_exactly: list[int], function: Function, scale: int, item: int
) -> None:
    found = fast.function(Tensor.full(500, item), scale, function)
    assert settled_exactly == [item]
    assert len(set(found.to_ints())) == 1


def test_exact_items_may_be_wider_than_64_bits() -> None:
    x = Tensor.from_ints([0, 1500, 10, 1500, -5])
    assert fast.function(x, 10, EXP) == reference.function(x, 10, EXP)
    assert fast.function(x, 10, EXP).is_wide


def test_blocks_of_a_long_map() -> None:
    x = Tensor.from_array(np.arange(-40_000, 40_000))
    found = fast.function(x, 5000, ERF).to_ints()
    assert found[1:40_000] == [-item for item in found[:40_000:-1]]
    some = range(0, 80_000, 7919)
    exact = reference.function(Tensor.from_ints(i - 40_000 for i in some), 5000, ERF)
    assert [found[i] for i in some] == exact.to_ints()


@pytest.mark.parametrize("item", [-(1 << 200), 1 << 200])
def test_an_item_beyond_64_bits_among_others(item: int) -> None:
    x = Tensor.from_ints([item, 5, -7, 0, 1 << 40])
    assert fast.function(x, 10, ERF).to_ints() == [10 if item > 0 else -10, 5, -7, 0, 10]
    if item < 0:
        x = Tensor.from_ints([item, 5, -7, 0])
        assert fast.function(x, 10, EXP).to_ints() == [0, 16, 5, 10]
    else:
        assert fast.function(Tensor.from_ints([item, 27]), 10, LOG).to_ints() == [1363, 10]


def test_an_overflow_names_the_greatest_item_of_all_blocks() -> None:
    x = Tensor.from_ints([1766] * (1 << 14) + [1767])
    with pytest.raises(ItemRangeError, match="found 1767"):
        fast.function(x, 10, EXP)
