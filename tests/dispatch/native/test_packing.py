"""The compiled packing gives what numpy's gives, on every instruction set."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartvm.dispatch import packing
from smartvm.dispatch.tensor import Tensor
from smartvm.words import bytes_for

pytestmark = pytest.mark.usefixtures("instruction_set")

ORDERS = ("little", "big")


def both_ways(monkeypatch, function, *arguments):
    """What the compiled kernels give, and what numpy gives."""
    native = function(*arguments)
    with monkeypatch.context() as patch:
        patch.setattr(packing, "kernels", None)
        return native, function(*arguments)


@pytest.mark.parametrize("width", range(1, 33))
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("signed", [True, False])
def test_unpacking_random_bytes_and_small_numbers(monkeypatch, width, order, signed):
    random = np.random.default_rng(width)
    noise = random.bytes(40 * width)
    small = b"".join(value.to_bytes(width, order, signed=True) for value in range(-60, 61))
    for packed in (noise, small, b"\xff" * width, bytes(width)):
        found, expected = both_ways(monkeypatch, packing.unpack_items, packed, width, order, signed)
        assert found == expected
        assert found.bounds == expected.bounds


@given(data=st.data(), order=st.sampled_from(ORDERS))
def test_packing_is_to_bytes(edge_tensors, data, order):
    items = data.draw(edge_tensors(5))
    width = data.draw(st.integers(bytes_for(*items.bounds), 32))
    expected = b"".join(item.to_bytes(width, order, signed=True) for item in items)
    assert packing.pack_items(items, width, order) == expected


@pytest.mark.parametrize("width", [1, 2, 3, 4, 8, 32])
def test_large_runs_are_cut_among_threads(monkeypatch, thread_count, width):
    values = np.random.default_rng(width).integers(-128, 128, 150_000)
    items = Tensor.from_array(values)
    for order in ORDERS:
        packed, expected = both_ways(monkeypatch, packing.pack_items, items, width, order)
        assert packed == expected
        assert packing.unpack_items(packed, width, order) == items


@pytest.mark.parametrize("far", [0, 149_999])
def test_one_item_of_more_than_64_bits_is_seen_by_any_thread(thread_count, far):
    packed = bytearray(150_000 * 9)
    packed[9 * far + 8] = 1
    items = packing.unpack_items(bytes(packed), 9, "little")
    assert items.is_wide
    assert items.bounds == (0, 1 << 64)
