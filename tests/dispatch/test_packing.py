"""Packed items against int.from_bytes and int.to_bytes, for every width."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartvm.dispatch.packing import pack_items, unpack_items
from smartvm.dispatch.tensor import Tensor
from smartvm.exceptions import ItemRangeError, OperandError
from smartvm.words import wrap

WIDTHS = range(1, 33)
ORDERS = ("little", "big")


@st.composite
def packed_runs(draw):
    """(bytes, item_bytes): up to six items; the extremes of each width come up often."""
    width = draw(st.integers(1, 32))
    extremes = [bytes(width), b"\xff" * width, b"\x80".rjust(width, b"\0"), b"\x7f" * width]
    item = st.sampled_from(extremes) | st.binary(min_size=width, max_size=width)
    return b"".join(draw(st.lists(item, min_size=1, max_size=6))), width


@given(packed_runs(), st.sampled_from(ORDERS), st.booleans())
def test_items_are_the_integers_of_their_bytes(run, order, signed):
    buffer, width = run
    items = unpack_items(buffer, width, order, signed=signed)
    chunks = [buffer[i : i + width] for i in range(0, len(buffer), width)]
    assert items.to_ints() == [
        wrap(int.from_bytes(chunk, order, signed=signed)) for chunk in chunks
    ]
    assert items == Tensor.from_ints(items.to_ints())  # in the narrowest form


@given(packed_runs(), st.sampled_from(ORDERS))
def test_packing_undoes_unpacking(run, order):
    buffer, width = run
    assert pack_items(unpack_items(buffer, width, order), width, order) == buffer


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("width", WIDTHS)
def test_narrow_items_are_sign_extended(width, order):
    values = [-128, -1, 0, 1, 127]
    packed = pack_items(Tensor.from_ints(values), width, order)
    assert packed == b"".join(value.to_bytes(width, order, signed=True) for value in values)
    assert unpack_items(packed, width, order).to_ints() == values


@pytest.mark.parametrize("width", WIDTHS)
def test_the_extremes_of_a_width_fit_and_the_next_value_does_not(width):
    bound = 1 << 8 * width - 1
    packed = pack_items(Tensor.from_ints([-bound, bound - 1]), width, "little")
    assert unpack_items(packed, width, "little").to_ints() == [-bound, bound - 1]
    if width == 32:
        return
    for value in (bound, -bound - 1):
        with pytest.raises(ItemRangeError) as caught:
            pack_items(Tensor.from_ints([0, value]), width, "little")
        assert (caught.value.operand, caught.value.found) == ("item_bytes", value)


def test_an_unsigned_item_keeps_its_magnitude():
    assert unpack_items(b"\xff" * 3, 3, "big", signed=False).to_ints() == [(1 << 24) - 1]
    assert unpack_items(b"\xff" * 8, 8, "big", signed=False).to_ints() == [(1 << 64) - 1]
    assert unpack_items(b"\xff" * 32, 32, "big", signed=False).to_ints() == [-1]


@pytest.mark.parametrize("width", WIDTHS)
def test_a_slice_with_gaps_is_packed_item_by_item(width):
    items = Tensor.from_ints([1 << 8 * width - 2, 2, -3, 4, -5])[::2]
    expected = [item.to_bytes(width, "little", signed=True) for item in items.to_ints()]
    assert pack_items(items, width, "little") == b"".join(expected)


@pytest.mark.parametrize("width", [2, 4, 8])
def test_an_aligned_buffer_in_the_tensors_own_form_is_shared(width):
    values = np.array([-(1 << 8 * width - 1), 5, 6], f"<i{width}")
    buffer = values.tobytes()
    items = unpack_items(buffer, width, "little")
    assert np.shares_memory(items.data, np.frombuffer(buffer, np.uint8))


@pytest.mark.parametrize("width", [1, 2, 3, 4, 8, 16, 32])
@pytest.mark.parametrize("order", ORDERS)
def test_a_buffer_that_may_change_is_copied(width, order):
    buffer = bytearray(b"\x80" + bytes(range(1, 4 * width)))
    items = unpack_items(memoryview(buffer), width, order)
    before = items.to_ints()
    buffer[:] = bytes(len(buffer))
    assert items.to_ints() == before


@pytest.mark.parametrize("width", [2, 4, 8])
def test_items_are_aligned_whatever_the_buffer(width):
    buffer = bytes([0x5A] * (4 * width + 1))
    items = unpack_items(memoryview(buffer)[1:], width, "little")
    assert items.data.flags.aligned
    assert items.to_ints() == [int.from_bytes(b"\x5a" * width)] * 4


@pytest.mark.parametrize("width", WIDTHS)
def test_no_bytes_are_no_items(width):
    assert unpack_items(b"", width, "little").to_ints() == []
    assert pack_items(Tensor.zeros(0), width, "big") == b""


@pytest.mark.parametrize("width", [-1, 0, 33])
def test_a_width_outside_1_to_32_is_named(width):
    with pytest.raises(OperandError, match="item_bytes: expected 1 to 32"):
        unpack_items(bytes(66), width, "little")
    with pytest.raises(OperandError, match="item_bytes: expected 1 to 32"):
        pack_items(Tensor.zeros(2), width, "little")


@pytest.mark.parametrize("width", WIDTHS[1:])
def test_a_part_of_an_item_is_refused(width):
    with pytest.raises(ValueError):
        unpack_items(bytes(width + 1), width, "little")
