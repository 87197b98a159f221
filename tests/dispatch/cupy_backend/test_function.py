"""Exp, log, sqrt and erf on the device: the same roundings, and what is left undecided."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smartvm.dispatch.cupy_backend import activation, function
from smartvm.dispatch.cupy_backend.calls import Call, Segment
from smartvm.dispatch.cupy_backend.emulator import EmulatedDevice
from smartvm.dispatch.functions import Function
from smartvm.dispatch.numpy_backend import function as cpu
from smartvm.dispatch.tensor import Tensor
from smartvm.exceptions import ItemRangeError

EXP, LOG, SQRT, ERF = Function
SCALES = [1, 3, 1000, 1 << 16, (1 << 24) + 1, (1 << 32) + 7, 1 << 40]
LARGEST_SCALE = 1 << 46


def padded(values: list[int], scale: int) -> Tensor:
    """Values among as many copies of the scale and of one, whose results are decided."""
    return Tensor.from_ints(values + [scale, 1] * (len(values) // 2 + 1))


def inputs(scale: int, low: float, high: float) -> list[int]:
    """Items from low·scale to high·scale: at grid points and their neighbours, and anywhere."""
    source = random.Random(scale)
    grid = [source.randrange(int(low * 128), int(high * 128)) * scale // 128 for _ in range(150)]
    anywhere = [source.randint(int(low * scale), int(high * scale)) for _ in range(150)]
    return [item + step for item in grid for step in (0, 1)] + anywhere


@pytest.mark.parametrize("scale", [*SCALES, LARGEST_SCALE])
def test_exponentials(agree: Any, scale: int) -> None:
    """Those beyond 2^50 are never decided in float64."""
    high = (49 - scale.bit_length()) * 0.69 if scale < 1 << 45 else 0
    values = [item for item in inputs(scale, -70, max(high, 1)) if item <= high * scale]
    agree(function.function, Tensor.from_ints([*values, -64 * scale - 1, -(1 << 63)]), scale, EXP)


@pytest.mark.parametrize("scale", SCALES)
def test_logarithms(agree: Any, scale: int) -> None:
    source = random.Random(scale)
    values = [max(item, 1) for item in inputs(scale, 0, 20)]
    values += [source.randrange(1, 1 << source.randrange(1, 64)) for _ in range(200)]
    agree(function.function, Tensor.from_ints([*values, 1, (1 << 63) - 1]), scale, LOG)


@pytest.mark.parametrize("scale", [*SCALES, 1 << 50, (1 << 62) - 1])
def test_roots_next_to_squares(agree: Any, scale: int) -> None:
    source = random.Random(scale)
    most = ((1 << 62) - 1) // scale
    roots = [source.randrange(1 << source.randrange(1, 32)) for _ in range(100)]
    values = [root * root // scale + step for root in roots for step in (-1, 0, 1)]
    half = [(root * root + root) // scale + step for root in roots for step in (-1, 0, 1)]
    inside = [min(max(value, 0), most) for value in [*values, *half, most]]
    agree(function.function, Tensor.from_ints(inside), scale, SQRT)


@pytest.mark.parametrize("scale", [*SCALES, LARGEST_SCALE])
def test_error_functions(agree: Any, scale: int) -> None:
    values = [*inputs(scale, -7, 7), 7 * scale, 7 * scale + 1, -7 * scale, 0, 1, -(1 << 63)]
    agree(function.function, Tensor.from_ints(values), scale, ERF)


@pytest.mark.parametrize("which", list(Function))
@settings(max_examples=15)
@given(data=st.data())
def test_functions_of_any_form(agree: Any, edge_tensors: Any, which: Function, data: Any) -> None:
    """Items that no kernel takes may be a half of the map, if the greatest is within its limit."""
    scale = data.draw(st.integers(1, 30).flatmap(lambda bits: st.integers(1, 1 << bits)))
    values = data.draw(edge_tensors(data.draw(st.integers(1, 300)), 63)).to_ints()
    most = {EXP: scale * (30 - scale.bit_length()) // 2, SQRT: ((1 << 62) - 1) // scale}
    least = {LOG: 1, SQRT: 0}.get(which, -(1 << 63))
    inside = [max(least, min(value, most.get(which, (1 << 63) - 1))) for value in values]
    agree(function.function, padded(inside, scale), scale, which)


def test_items_of_256_bits_are_cut(agree: Any) -> None:
    low = [-(1 << 255), -(1 << 64) + 3, -(1 << 192) + 3, -5]
    agree(function.function, padded([*low, 40], 10), 10, EXP)
    high = [(1 << 255) - 1, (1 << 64) + 3, (1 << 128) - 3, 1 << 63]
    agree(function.function, padded([*low, *high], 10), 10, ERF)


UNDECIDED = [
    ([-(1 << 23)], LARGEST_SCALE, EXP),  # s·e^(v/s) is s + v + ½ and a little
    ([11, 17, 66], 1 << 40, LOG),
    ([4, -35, 43], LARGEST_SCALE, ERF),
]


def among_decided(values: list[int], scale: int, which: Function) -> Tensor:
    """Twice as many items whose results are exact in float64 follow."""
    return Tensor.from_ints(values + [scale if which == LOG else 0] * (2 * len(values)))


@pytest.mark.parametrize(("values", "scale", "which"), UNDECIDED)
def test_undecided_items_are_settled(
    agree: Any, emulators: list[EmulatedDevice], values: list[int], scale: int, which: Function
) -> None:
    x = among_decided(values, scale, which)
    agree(function.function, x, scale, which)
    call = Call(Segment(emulators[0]))
    function.function(call, x, scale, which)
    assert not call.segment.replayable


@pytest.mark.parametrize(("which", "estimate"), [(EXP, cpu._exp), (LOG, cpu._log), (ERF, cpu._erf)])
def test_the_device_doubts_what_numpy_doubts(
    emulators: list[EmulatedDevice], monkeypatch: pytest.MonkeyPatch, which: Function, estimate: Any
) -> None:
    """The same operations in the same order."""
    scale = 1 << 40
    x = np.random.default_rng(int(which)).integers(1, 7 * scale, 20_000)
    estimates, errors = estimate(x, scale)
    expected = np.abs(estimates - np.rint(estimates)) + errors >= 0.5
    found: list[np.ndarray] = []
    monkeypatch.setattr(activation, "_settled", lambda *arguments: found.append(arguments[3]))
    function.function(Call(Segment(emulators[0])), Tensor.from_array(x), scale, which)
    assert expected.any()
    assert np.array_equal(found[0], expected)


@pytest.mark.parametrize(
    ("which", "item"), [(LOG, 0), (LOG, -(1 << 63)), (SQRT, -1), (SQRT, 1 << 62), (EXP, 1 << 62)]
)
def test_launches_on_another_map_show_an_item_that_no_kernel_takes(
    emulators: list[EmulatedDevice], which: Function, item: int
) -> None:
    for device in emulators:
        call = Call(segment := Segment(device))
        first = Tensor.from_ints([1, -(1 << 40) if which == EXP else 1 << 40])
        function.function(call, first, 1000, which)
        [(number, values)] = call.expectations
        assert segment.measured()[number] == values == (0, 0)
        device.launch(segment.reset(0, segment.used))
        device.write(call.operand(first).memory, np.array([1, item]))
        device.graph(segment.launches)()
        assert segment.measured()[number] == (1, 1)


@pytest.mark.parametrize(
    ("which", "values", "scale"),
    [
        (EXP, [1], LARGEST_SCALE + 1),
        (EXP, [641, *[0] * 9], 10),
        (EXP, [400, *[0] * 9], 10),  # in more bytes than the others need
        (LOG, [1], (1 << 40) + 1),
        (LOG, [1 << 63, 1], 10),
        (SQRT, [1 << 61, 1], 2),
        (SQRT, [0], 1 << 62),
        (ERF, [1], LARGEST_SCALE + 1),
        (ERF, [4], LARGEST_SCALE),
    ],
)
def test_what_the_cpu_does_better_is_declined(
    emulators: list[EmulatedDevice], which: Function, values: list[int], scale: int
) -> None:
    """Great scales and items, and maps that are undecided for the most part."""
    x = Tensor.from_ints(values)
    assert function.function(Call(Segment(emulators[0])), x, scale, which) is None


@pytest.mark.parametrize(("which", "item"), [(LOG, 0), (SQRT, -1), (EXP, 1771)])
def test_an_item_outside_the_domain_is_an_error(
    emulators: list[EmulatedDevice], which: Function, item: int
) -> None:
    x = Tensor.from_ints([5, item])
    with pytest.raises(ItemRangeError, match=f"found {item}"):
        function.function(Call(Segment(emulators[0])), x, 10, which)
