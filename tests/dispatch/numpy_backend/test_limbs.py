"""Vectorised 256-bit integers against Python's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smartvm.dispatch.numpy_backend import limbs
from smartvm.words import wrap

LOWEST, HIGHEST = -(1 << 255), (1 << 255) - 1
numbers = st.one_of(
    st.integers(LOWEST, HIGHEST),
    st.builds(
        lambda bits, step, sign: wrap(sign * ((1 << bits) + step)),
        st.integers(0, 255),
        st.integers(-2, 2),
        st.sampled_from([1, -1]),
    ),
)
thoroughly = settings(max_examples=4 * settings().max_examples)
runs = st.lists(numbers, min_size=1, max_size=5)


def wide(values: list[int]) -> limbs.Limbs:
    """(n, 16) limbs."""
    raw = b"".join(value.to_bytes(32, "little", signed=True) for value in values)
    return np.frombuffer(raw, dtype="<u2").reshape(-1, 16)


def ints(array: limbs.Limbs) -> list[int]:
    raw = np.ascontiguousarray(array).tobytes()
    return [int.from_bytes(raw[i : i + 32], "little", signed=True) for i in range(0, len(raw), 32)]


@given(runs, numbers)
def test_add(values: list[int], other: int) -> None:
    found = limbs.add(wide(values), wide([other]))
    assert ints(found) == [wrap(value + other) for value in values]


def test_a_carry_runs_through_all_words() -> None:
    assert ints(limbs.add(wide([-1, HIGHEST, LOWEST]), wide([1, 1, -1]))) == [0, LOWEST, HIGHEST]


@given(runs)
def test_negate_where_told(values: list[int]) -> None:
    where = np.array([value % 3 == 0 for value in values])
    expected = [wrap(-value) if value % 3 == 0 else value for value in values]
    assert ints(limbs.negate(wide(values), where)) == expected


@given(runs, numbers)
def test_multiply(values: list[int], factor: int) -> None:
    found = limbs.multiply(wide(values), 16, factor)
    assert ints(found) == [wrap(value * factor) for value in values]


@given(st.lists(st.integers(-(1 << 31), (1 << 31) - 1), min_size=1), numbers)
def test_multiply_narrow_numbers(values: list[int], factor: int) -> None:
    found = limbs.multiply(limbs.limb_view(np.array(values, dtype=np.int64)), 2, factor)
    assert ints(found) == [wrap(value * factor) for value in values]


# Long division changes its digits at divisors of 32, 48 and 56 bits.
lengths = st.sampled_from([1, 16, 31, 32, 33, 47, 48, 49, 55, 56, 57, 63, 64])
divisors = lengths.flatmap(lambda bits: st.integers(1 << (bits - 1), (1 << bits) - 1))


def quotient(value: int, divisor: int, nearest: bool) -> int:
    whole, rest = divmod(abs(value), divisor)
    if nearest and (2 * rest > divisor or (2 * rest == divisor and whole % 2)):
        whole += 1
    return -whole if value < 0 else whole


@thoroughly
@given(runs, divisors, st.booleans())
def test_divide(values: list[int], divisor: int, nearest: bool) -> None:
    expected = [quotient(value, divisor, nearest) for value in values]
    assert ints(limbs.divide(wide(values), divisor, nearest)) == expected


@thoroughly
@given(st.lists(st.tuples(numbers, divisors), min_size=1, max_size=5), st.booleans())
def test_divide_by_a_divisor_each(pairs: list[tuple[int, int]], nearest: bool) -> None:
    values, over = zip(*pairs, strict=True)
    found = limbs.divide(wide(list(values)), np.array(over, dtype=np.uint64), nearest)
    assert ints(found) == [quotient(value, divisor, nearest) for value, divisor in pairs]


@given(runs, st.integers(1, 16))
def test_sortable_words_compare_as_the_numbers_do(values: list[int], count: int) -> None:
    fit = [value for value in values if -(1 << 16 * count - 1) <= value < 1 << 16 * count - 1]
    words = limbs.sortable(wide([0, *fit]), count)
    assert ints(limbs.unsorted(words)) == [0, *fit]
    for value, word in zip([0, *fit], words.T, strict=True):
        below = limbs.less(words, word[:, None])
        assert below.tolist() == [other < value for other in [0, *fit]]


@given(st.lists(st.integers(-(1 << 57), 1 << 57), min_size=1, max_size=16))
def test_pack_takes_planes_beyond_a_limb(planes: list[int]) -> None:
    value = sum(plane << (16 * index) for index, plane in enumerate(planes))
    array = np.array(planes, dtype=np.int64)
    assert ints(limbs.pack(array[:, None].copy())) == [wrap(value)]
    carried = array[:, None].copy()
    limbs.carry(carried)
    assert all(0 <= plane < 1 << 16 for plane in carried[:-1, 0].tolist())
    assert ints(limbs.pack(carried)) == [wrap(value)]


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.int64])
def test_limbs_of_narrow_numbers(dtype: type[np.signedinteger]) -> None:
    values = [-1, 5, np.iinfo(dtype).min, np.iinfo(dtype).max]
    view = limbs.limb_view(np.array(values, dtype=dtype))
    count = view.shape[1]
    assert count == np.dtype(dtype).itemsize // 2
    total = sum(limbs.limb(view, i, count).astype(object) << (16 * i) for i in range(count))
    assert total.tolist() == values


def test_chunks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    values = wide([LOWEST, -5, 0, 7, HIGHEST, 1 << 200, -(1 << 64)])
    over = np.arange(1, 8, dtype=np.uint64)
    whole = limbs.multiply(values, 16, 3**99), limbs.divide(values, 7), limbs.divide(values, over)
    monkeypatch.setattr(limbs, "CHUNK", 3)
    parts = limbs.multiply(values, 16, 3**99), limbs.divide(values, 7), limbs.divide(values, over)
    for one, other in zip(whole, parts, strict=True):
        assert np.array_equal(one, other)
