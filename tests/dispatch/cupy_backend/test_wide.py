"""Kernels in 256 bits."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smartvm.dispatch.cupy_backend import wide
from smartvm.dispatch.cupy_backend.calls import Call, Segment
from smartvm.dispatch.tensor import Tensor

LOWEST, HIGHEST = -(1 << 255), (1 << 255) - 1
EDGES = (0, 1, 15, 31, 62, 63, 64, 65, 127, 128, 191, 192, 193, 254, 255)
few = settings(max_examples=25)


def numbers() -> st.SearchStrategy[int]:
    """Numbers next to powers of two, of either sign, and any."""
    near = st.builds(
        lambda edge, step, sign: sign * ((1 << edge) + step),
        st.sampled_from(EDGES),
        st.integers(-1, 1),
        st.sampled_from([1, -1]),
    )
    return (near | st.integers(LOWEST, HIGHEST)).map(lambda n: max(LOWEST, min(HIGHEST, n)))


@st.composite
def tensors(draw: Any, length: int) -> Tensor:
    pool = draw(st.lists(numbers(), min_size=1, max_size=6))
    return Tensor.from_ints(Random(draw(st.integers(0, 99))).choices(pool, k=length))


@few
@given(x=tensors(24), terms=tensors(3), name=st.sampled_from(["add", "multiply_by"]))
def test_terms(agree: Any, x: Tensor, terms: Tensor, name: str) -> None:
    agree(getattr(wide, name), x, terms, 4)


@few
@given(x=tensors(24), drawn=tensors(3), nearest=st.booleans())
def test_divide_by(agree: Any, x: Tensor, drawn: Tensor, nearest: bool) -> None:
    agree(wide.divide_by, x, Tensor.from_ints([n or 3 for n in drawn]), 4, nearest)


@few
@given(x=tensors(9), divisor=st.integers(1, (1 << 64) - 1), nearest=st.booleans())
def test_divide(agree: Any, x: Tensor, divisor: int, nearest: bool) -> None:
    agree(wide.divide, x, divisor, nearest)


@pytest.mark.parametrize("nearest", [False, True])
def test_ties_and_the_least_number(agree: Any, nearest: bool) -> None:
    half = 1 << 200
    x = Tensor.from_ints([n * half + step for n in range(-5, 6) for step in (-1, 0, 1)])
    agree(wide.divide_by, x, Tensor.from_ints([2 * half]), len(x), nearest)
    least = Tensor.from_ints([LOWEST, HIGHEST])
    for divisor in (-1, LOWEST, HIGHEST, 3):
        agree(wide.divide_by, least, Tensor.from_ints([divisor]), 2, nearest)


@few
@given(x=tensors(9), factor=numbers())
def test_multiply(agree: Any, x: Tensor, factor: int) -> None:
    agree(wide.multiply, x, factor)


@few
@given(x=tensors(9), limits=st.tuples(numbers(), numbers()).map(sorted))
def test_clip(agree: Any, x: Tensor, limits: list[int]) -> None:
    agree(wide.clip, x, *limits)


@few
@given(
    x=tensors(9),
    cap=st.integers(0, (1 << 64) - 1),
    numerator=st.integers(0, (1 << 64) - 1),
    denominator=st.integers(1, (1 << 64) - 1),
)
def test_relu(agree: Any, x: Tensor, cap: int, numerator: int, denominator: int) -> None:
    agree(wide.relu, x, cap, (numerator, denominator))


@pytest.mark.parametrize("edge", [0, 14, 15, 31, 63, 64, 254])
def test_finish_finds_the_form_of_many_items(emulators: Any, edge: int) -> None:
    """The extremes lie where the last blocks and threads look."""
    length = 3 * 256 + 7
    for place in (0, 255, 256, length - 1):
        values = [1] * length
        values[place], values[length // 2] = 1 << edge, -(1 << edge)
        expected = Tensor.from_ints(values)
        for device in emulators:
            call = Call(Segment(device))
            found = wide.finish(call, device.upload(np.array(expected.wide())), length)
            assert found.bounds == expected.bounds and found == expected
            assert not call.segment.replayable


def test_finish_of_more_items_than_its_blocks_have_threads(emulators: Any) -> None:
    length = wide.MOST_BLOCKS * 256 + 300
    items = np.zeros((length, 16), "<u2")
    items[-1], items[-299, 0] = 0xFFFF, 7
    device = emulators[0]
    found = wide.finish(Call(Segment(device)), device.upload(items), length)
    assert found.bounds == (-1, 7) and found.item_bytes == 2
