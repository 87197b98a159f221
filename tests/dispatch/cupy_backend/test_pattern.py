"""Calls are told apart by all but their maps, and found alike by the very same resident tensors."""

from __future__ import annotations

from typing import Any

import pytest

from smartvm.dispatch.cupy_backend.pattern import is_alike, maps_in, parted
from smartvm.dispatch.steps import Step
from smartvm.dispatch.tensor import Tensor


def resident(*values: int) -> Tensor:
    found = Tensor.from_ints(values)
    found.memo = {}
    return found


X, Y = Tensor.from_ints([1, 2]), Tensor.from_ints([3, 4])
WEIGHTS, OTHERS = resident(5, 6), resident(5, 6)
RELU = Step("relu", (0, (0, 1)))


def chain(x: Tensor, weights: Tensor = WEIGHTS, addend: Tensor = Y, cap: int = 0) -> Any:
    relu = RELU if cap == 0 else Step("relu", (cap, (0, 1)))
    return x, [Step("convolve", (weights, "shape")), Step("add", (addend, 1)), relu]


CALLS = [
    chain(X),
    chain(X, OTHERS),
    chain(X, cap=6),
    chain(X, addend=WEIGHTS),
    chain(WEIGHTS),
    chain(X)[:1],
    (X, chain(X)[1][:2]),
    (X, [*chain(X)[1], RELU]),
    ([X, Y, WEIGHTS], 3),
    ([X, Y, Y], 3),
    ([X, Y], 3),
    (X, 3),
    (X, (1, 2)),
    (X, (1, 3)),
    (X, 0, [1], [2, 3]),
    (X, 0, [1, 2], [3]),
    (X, X),
]


@pytest.mark.parametrize("one", range(len(CALLS)))
def test_only_calls_of_the_same_pattern_are_alike(one: int) -> None:
    pattern, maps = parted(CALLS[one])
    for other, call in enumerate(CALLS):
        found = maps_in(pattern, call)
        assert is_alike(pattern, parted(call)[0]) == (one == other) == (found is not None)
        if found is not None:
            assert list(map(id, found)) == list(map(id, maps))


def test_other_maps_and_equal_values_are_of_the_same_pattern() -> None:
    pattern, _ = parted(chain(X, cap=1 << 40))
    found = maps_in(pattern, chain(Y, addend=X, cap=1 << 40))
    assert found is not None and list(map(id, found)) == [id(Y), id(X)]


def test_a_pattern_keeps_no_map_and_does_not_change_with_the_arguments() -> None:
    call = chain(X)
    pattern, _ = parted(call)
    call[1].append(RELU)
    assert maps_in(pattern, call) is None
    assert "1, 2" not in repr(pattern) and "3, 4" not in repr(pattern)
