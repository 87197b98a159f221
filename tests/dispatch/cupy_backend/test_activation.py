"""Softmax, sigmoid and tanh on the device: the same roundings, and what is left undecided."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smartvm.dispatch.cupy_backend import activation
from smartvm.dispatch.cupy_backend.calls import Call, Segment
from smartvm.dispatch.cupy_backend.emulator import EmulatedDevice
from smartvm.dispatch.numpy_backend import activation as cpu
from smartvm.dispatch.tensor import Tensor

LOGISTIC = pytest.mark.parametrize("function", [activation.sigmoid, activation.tanh])
SCALES = [
    1,
    2,
    3,
    1000,
    1001,
    1 << 15,
    1 << 16,
    (1 << 24) + 1,
    (1 << 32) + 7,
    (1 << 46) - 1,
    1 << 46,
]
GROUPS = [1, 2, 3, 31, 32, 33, 128, 129, 300, 1000]


def padded(values: list[int], group: int = 1) -> Tensor:
    """Values followed by as many zeros, of which none is undecided: the device has its part."""
    rows = -(-len(values) // group)
    return Tensor.from_ints(values + [0] * (2 * rows * group - len(values)))


def doubts(call: Call) -> tuple[int, int]:
    """What the slot holds that a replay demands to be empty."""
    [(number, values)] = call.expectations
    assert values == (0, 0)
    return call.segment.measured()[number]


@LOGISTIC
@pytest.mark.parametrize("scale", SCALES)
def test_logistic_functions_of_chosen_items(agree: Any, function: Any, scale: int) -> None:
    """Both sides of zero, of the saturation and of the cutoff, typical and far items."""
    source = random.Random(scale)
    steps = (-1, 0, 1)
    near = [multiple * scale // 2 for multiple in (1, 2, 7, 32, 64, 128)]
    magnitudes = [item + step for item in [scale.bit_length() * scale, *near] for step in steps]
    magnitudes += [source.randint(0, 8 * scale) for _ in range(300)]
    magnitudes += [(1 << bits) - 1 for bits in (15, 31, 63)]
    x = padded([*magnitudes, *(-item for item in magnitudes), -(1 << 63)])
    agree(function, x, scale)


@LOGISTIC
@settings(max_examples=20)
@given(data=st.data())
def test_logistic_functions_of_any_form(
    agree: Any, edge_tensors: Callable[..., Any], function: Any, data: st.DataObject
) -> None:
    bits = data.draw(st.sampled_from([15, 31, 63, 64]))
    x = data.draw(edge_tensors(data.draw(st.integers(1, 300)), bits))
    scale = data.draw(st.integers(1, 46).flatmap(lambda bits: st.integers(1, 1 << bits)))
    agree(function, padded(x.to_ints()), scale)


@LOGISTIC
def test_items_of_256_bits_are_cut(agree: Any, function: Any) -> None:
    values = [5, -5, 1 << 63, -(1 << 63) - 1, 1 << 64, (1 << 255) - 1, -(1 << 255)]
    values += [(1 << 64) + 3, -(1 << 64) + 3, (1 << 128) + 3, -(1 << 192) + 3]
    agree(function, padded(values), 1001)


@LOGISTIC
@pytest.mark.parametrize("scale", [1, 3, 4, 999, (1 << 46) - 1])
def test_the_tie_at_zero_is_no_doubt(
    emulators: list[EmulatedDevice], function: Any, scale: int
) -> None:
    call = Call(Segment(emulators[0]))
    exact = {activation.sigmoid: (scale + 1) // 4 * 2 if scale % 2 else scale // 2}
    assert set(function(call, Tensor.zeros(9), scale)) == {exact.get(function, 0)}
    assert doubts(call) == (0, 0)


@pytest.mark.parametrize("scale", SCALES)
def test_softmax_of_any_group(agree: Any, scale: int) -> None:
    source = random.Random(scale)
    for group in GROUPS:
        spread = source.choice([1, scale, 10 * scale, 70 * scale])
        row = [source.randint(-spread, spread) for _ in range(group)]
        agree(activation.softmax, padded([*row, *reversed(row)], group), scale, group)


@settings(max_examples=30)
@given(data=st.data())
def test_softmax_of_any_form(
    agree: Any, edge_tensors: Callable[..., Any], data: st.DataObject
) -> None:
    group, rows = data.draw(st.sampled_from(GROUPS)), data.draw(st.integers(1, 3))
    x = data.draw(edge_tensors(group * rows, data.draw(st.sampled_from([15, 31, 62]))))
    scale = data.draw(st.sampled_from(SCALES))
    agree(activation.softmax, padded(x.to_ints(), group), scale, group)


def test_softmax_of_the_farthest_items(agree: Any) -> None:
    agree(activation.softmax, padded([-(1 << 63), (1 << 63) - 1, (1 << 63) - 2], 3), 7, 3)


@pytest.mark.parametrize("group", [1, 2, 6, 100, 200])
def test_softmax_of_equal_items_is_no_doubt(
    agree: Any, emulators: list[EmulatedDevice], group: int
) -> None:
    x = Tensor.full(3 * group, -12)
    agree(activation.softmax, x, 1001, group)
    call = Call(Segment(emulators[0]))
    activation.softmax(call, x, 1001, group)
    assert doubts(call) == (0, 0)


def test_one_item_beside_many_equal_ones_is_no_equal_row(agree: Any) -> None:
    """The sum of the powers rounds to the group's length, and the share is more than its tie."""
    scale = 300 * ((1 << 46) // 600 * 2 - 2) + 150  # 300 equal shares: a tie above an even number
    agree(activation.softmax, padded([5] * 299 + [4], 300), scale, 300)


UNDECIDED = [
    (activation.sigmoid, [1 << 13, -(1 << 13)], ((1 << 46) - 1,)),
    (activation.tanh, [1951118380, -1951118380], (1 << 46,)),
    (activation.softmax, [0, 0, -(10**9)], (1001, 3)),
    (activation.softmax, [0, 0, *[-(10**9)] * 198], (1001, 200)),
]


@pytest.mark.parametrize(("function", "values", "arguments"), UNDECIDED)
def test_undecided_items_are_settled(
    agree: Any, emulators: list[EmulatedDevice], function: Any, values: list[int], arguments: Any
) -> None:
    x = padded(values, len(values))
    agree(function, x, *arguments)
    call = Call(Segment(emulators[0]))
    function(call, x, *arguments)
    assert doubts(call) == (1, 1)
    assert not call.segment.replayable


@pytest.mark.parametrize(("function", "values", "arguments"), UNDECIDED)
def test_launches_on_another_map_show_its_doubts(
    emulators: list[EmulatedDevice], function: Any, values: list[int], arguments: Any
) -> None:
    for device in emulators:
        segment = Segment(device)
        call = Call(segment)
        first = Tensor.from_ints([10**9 + 1] * len(values))
        function(call, first, *arguments)
        assert doubts(call) == (0, 0) and segment.replayable
        device.launch(segment.reset(0, segment.used))
        device.write(call.operand(first).memory, Tensor.from_ints(values).in_form(4))
        device.graph(segment.launches)()
        assert doubts(call) == (1, 1)


def estimates(function: Any, items: np.ndarray, scale: int) -> tuple[np.ndarray, float]:
    """What numpy computes in float64, and its relative error; softmax of pairs of items."""
    if function is activation.softmax:
        pairs = items.reshape(-1, 2)
        powers = cpu.exponentials(pairs.max(axis=1, keepdims=True) - pairs, scale)
        return (powers * scale / powers.sum(axis=1, keepdims=True)).reshape(-1), 10 * cpu.ROUNDING
    factor = 2 if function is activation.tanh else 1
    powers = cpu.exponentials(factor * items, scale)
    return factor * scale * powers / (1 + powers), 8 * cpu.ROUNDING


@pytest.mark.parametrize(
    ("function", "group"),
    [(activation.sigmoid, ()), (activation.tanh, ()), (activation.softmax, (2,))],
)
def test_the_device_doubts_what_numpy_doubts(
    emulators: list[EmulatedDevice], monkeypatch: pytest.MonkeyPatch, function: Any, group: Any
) -> None:
    """The same operations in the same order; of two terms, any order of a sum is the same."""
    scale = (1 << 46) - 1
    items = np.random.default_rng(1).integers(1, 1 << 48, 1000)
    expected = cpu._round(*estimates(function, items, scale))[1]
    found: list[np.ndarray] = []
    monkeypatch.setattr(activation, "_settled", lambda *arguments: found.append(arguments[3]))
    function(Call(Segment(emulators[0])), Tensor.from_array(items), scale, *group)
    assert 10 < expected.sum() < 500
    assert np.array_equal(found[0], expected)


@pytest.mark.parametrize(
    ("function", "values", "arguments"),
    [
        (activation.sigmoid, [1], ((1 << 46) + 1,)),
        (activation.tanh, [1], ((1 << 46) + 1,)),
        (activation.softmax, [1, 2], ((1 << 46) + 1, 2)),
        (activation.softmax, [1, 1 << 63], (10, 2)),
        *UNDECIDED,
    ],
)
def test_what_the_cpu_does_better_is_declined(
    emulators: list[EmulatedDevice], function: Any, values: list[int], arguments: Any
) -> None:
    """Great scales, wide groups and maps that are undecided for the most part."""
    assert function(Call(Segment(emulators[0])), Tensor.from_ints(values), *arguments) is None


def test_a_table_is_uploaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    device = EmulatedDevice()
    uploads: list[int] = []
    monkeypatch.setattr(
        device, "upload", lambda items: uploads.append(1) or EmulatedDevice.upload(device, items)
    )
    addresses = {activation.table(device, cpu.exponential_table) for _ in range(2)}
    assert len(addresses) == len(uploads) == 1
    assert activation.table(EmulatedDevice(), cpu.exponential_table) not in addresses
