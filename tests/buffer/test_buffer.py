"""The Buffer: a stack of maps and the bytes that they take."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartvm.buffer import Buffer
from smartvm.dispatch.tensor import Tensor
from smartvm.exceptions import MapMissing


def tensor(*values: int) -> Tensor:
    return Tensor.from_ints(values)


def contents(buffer: Buffer) -> list[list[int]]:
    return [each.to_ints() for each in buffer.maps]


def test_it_is_empty_at_first():
    buffer = Buffer()
    assert (len(buffer), buffer.maps, buffer.nbytes, buffer.peak, buffer.paid) == (0, (), 0, 0, 0)
    assert not buffer


def test_maps_are_pushed_replaced_and_dropped():
    buffer = Buffer()
    for value in (1, 2, 3):
        buffer.push(tensor(value))
    assert buffer.top.to_ints() == [3]
    assert [buffer.peek(depth, "x").to_ints() for depth in range(3)] == [[3], [2], [1]]
    buffer.replace(tensor(4, 5))
    assert contents(buffer) == [[1], [2], [4, 5]]
    buffer.drop(1)
    assert contents(buffer) == [[1], [4, 5]]
    buffer.drop(0)
    assert contents(buffer) == [[1]]
    buffer.clear()
    assert contents(buffer) == []


def test_a_map_that_is_not_there_is_named():
    buffer = Buffer()
    buffer.push(tensor(1))
    with pytest.raises(MapMissing) as caught:
        buffer.peek(1, "weights")
    assert str(caught.value) == "weights: expected a map 1 below the top, found 1 maps"
    with pytest.raises(MapMissing):
        buffer.peek(2**64 - 1, "weights")


def test_bytes_are_those_of_the_narrowest_form():
    buffer = Buffer()
    buffer.push(tensor(1, 2))  # 2 bytes each
    buffer.push(tensor(2**20))  # 4
    buffer.push(tensor(2**40))  # 8
    buffer.push(tensor(2**64))  # 32
    assert buffer.nbytes == 4 + 4 + 8 + 32
    buffer.replace(tensor(0))
    assert (buffer.nbytes, buffer.peak) == (18, 48)


def test_a_map_that_is_there_twice_counts_twice():
    buffer = Buffer()
    shared = tensor(1, 2, 3)
    buffer.push(shared)
    buffer.push(shared)
    assert buffer.nbytes == 12


values = st.lists(st.integers(-(2**70), 2**70), min_size=1, max_size=4)
steps = st.lists(
    st.tuples(st.sampled_from(["push", "replace", "drop", "clear"]), values, st.integers(0, 3)),
    max_size=20,
)


@given(steps)
def test_it_is_a_list_that_counts_bytes(steps):
    buffer, model, peak = Buffer(), [], 0
    for action, items, depth in steps:
        if action == "push":
            buffer.push(tensor(*items))
            model.append(items)
        elif action == "replace" and model:
            buffer.replace(tensor(*items))
            model[-1] = items
        elif action == "drop" and depth < len(model):
            buffer.drop(depth)
            model.pop(-1 - depth)
        elif action == "clear":
            buffer.clear()
            model.clear()
        held = sum(tensor(*each).nbytes for each in model)
        peak = max(peak, held)
        assert contents(buffer) == model
        assert (buffer.nbytes, buffer.peak) == (held, peak)
