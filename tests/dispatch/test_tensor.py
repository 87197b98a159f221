"""Tensors: one form for the same values, whatever they were made of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartvm.dispatch.tensor import Tensor, form_bytes
from smartvm.words import wrap

LOWEST, HIGHEST = -(1 << 255), (1 << 255) - 1
numbers = st.one_of(
    st.integers(LOWEST, HIGHEST),
    st.builds(
        lambda bits, step, sign: wrap(sign * ((1 << bits) + step)),
        st.sampled_from([0, 15, 16, 31, 32, 63, 64, 127, 191, 254, 255]),
        st.integers(-1, 1),
        st.sampled_from([1, -1]),
    ),
)
runs = st.lists(numbers, min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("value", "item_bytes"),
    [
        (0, 2),
        ((1 << 15) - 1, 2),
        (-(1 << 15), 2),
        (1 << 15, 4),
        (-(1 << 15) - 1, 4),
        (1 << 31, 8),
        (-(1 << 31), 4),
        ((1 << 63) - 1, 8),
        (-(1 << 63), 8),
        (1 << 63, 32),
        (-(1 << 63) - 1, 32),
        (HIGHEST, 32),
        (LOWEST, 32),
    ],
)
def test_the_narrowest_form(value: int, item_bytes: int) -> None:
    tensor = Tensor.from_ints([value, 0])
    assert tensor.item_bytes == item_bytes == form_bytes(tensor.limbs)
    assert tensor.nbytes == 2 * item_bytes
    assert tensor.is_wide is (item_bytes == 32)
    assert Tensor.full(2, value).item_bytes == item_bytes


@given(runs)
def test_round_trips(values: list[int]) -> None:
    tensor = Tensor.from_ints(values)
    assert tensor.to_ints() == values == list(tensor)
    assert len(tensor) == len(values)
    assert Tensor.from_wide(tensor.wide()) == tensor


@given(runs)
def test_bounds_and_what_follows_from_them(values: list[int]) -> None:
    tensor = Tensor.from_wide(Tensor.from_ints([*values, HIGHEST]).wide()[:-1])
    assert tensor.bounds == (min(values), max(values))
    assert tensor.magnitude == max(map(abs, values))
    bits = max((value if value >= 0 else ~value).bit_length() for value in values) + 1
    assert tensor.limbs == -(-bits // 16)
    assert tensor == Tensor.from_ints(values), "the same values take the same form"


@given(runs, st.integers(0, 8), st.integers(0, 8), st.integers(1, 3))
def test_slices_are_as_narrow_as_they_can(
    values: list[int], start: int, stop: int, step: int
) -> None:
    part = values[start:stop:step]
    found = Tensor.from_ints(values)[start:stop:step]
    assert found.to_ints() == part
    assert found == Tensor.from_ints(part)
    assert found.bounds == ((min(part), max(part)) if part else (0, 0))


@given(st.lists(runs, min_size=1, max_size=4))
def test_concatenate(parts: list[list[int]]) -> None:
    whole = [value for part in parts for value in part]
    found = Tensor.concatenate([Tensor.from_ints(part) for part in parts])
    assert found == Tensor.from_ints(whole)
    assert found.bounds == (min(whole), max(whole))


def test_concatenating_one_copies_nothing() -> None:
    tensor = Tensor.from_ints([1, 2])
    assert Tensor.concatenate([tensor]) is tensor


@given(st.integers(1, 5), numbers)
def test_full(length: int, value: int) -> None:
    assert Tensor.full(length, value) == Tensor.from_ints([value] * length)
    assert Tensor.full(length, value).bounds == (value, value)


@pytest.mark.parametrize("dtype", "bBhHiIqQ")
def test_from_an_array_of_any_integers(dtype: str) -> None:
    info = np.iinfo(dtype)
    for order in "<>":
        array = np.array([[info.min, 1], [2, info.max]], dtype=np.dtype(dtype).newbyteorder(order))
        assert Tensor.from_array(array).to_ints() == [info.min, 1, 2, info.max]


def test_a_tensor_never_changes() -> None:
    array = np.array([1 << 40, 2], dtype=np.int64)
    tensor = Tensor.from_array(array)
    array[0] = 7
    assert tensor.to_ints() == [1 << 40, 2]
    with pytest.raises(ValueError, match="read-only"):
        tensor.data[0] = 7


@pytest.mark.parametrize("value", [HIGHEST + 1, LOWEST - 1, 1 << 256])
def test_a_value_beyond_256_bits(value: int) -> None:
    with pytest.raises(OverflowError, match="256 bits"):
        Tensor.from_ints([0, value])


def test_forms_of_more_bytes() -> None:
    tensor = Tensor.from_ints([-2, 3])
    for item_bytes in (2, 4, 8):
        assert tensor.in_form(item_bytes).dtype.itemsize == item_bytes
        assert tensor.in_form(item_bytes).tolist() == [-2, 3]
    assert Tensor.from_wide(tensor.in_form(32)) == tensor


def test_equality_is_of_values() -> None:
    assert Tensor.from_ints([1]) != Tensor.from_ints([2])
    assert Tensor.from_ints([1]) != Tensor.from_ints([1, 1])
    assert Tensor.zeros(3) == Tensor.from_ints([0, 0, 0])
    assert Tensor.zeros(1) != [0]


def test_the_representation_is_short() -> None:
    assert repr(Tensor.from_ints([1, 2])) == "Tensor([1, 2], length=2, item_bytes=2)"
    assert repr(Tensor.zeros(9)).endswith("0, …], length=9, item_bytes=2)")
