"""What interrupts a call, or is not what it should be, changes no bit of what comes after."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest

from smartvm.dispatch import cupy_backend
from smartvm.dispatch.backend import Backend
from smartvm.dispatch.cupy_backend import CupyBackend
from smartvm.dispatch.cupy_backend.tensors import OnDevice
from smartvm.dispatch.reference import ReferenceBackend
from smartvm.dispatch.tensor import Tensor

REFERENCE = ReferenceBackend()
PACKAGE = str(Path(cupy_backend.__file__).parent)
Make = Callable[..., CupyBackend]
BIAS = Tensor.from_ints([4, 1 << 33])
BIAS.memo = {}


@contextmanager
def interrupted_at(number: int) -> Iterator[list[int]]:
    """A KeyboardInterrupt at a line of the host's side, counted from 1; gives the lines so far."""
    lines = [0]

    def line(frame: FrameType, event: str, argument: Any) -> Any:
        lines[0] += event == "line"
        if lines[0] == number and event == "line":
            raise KeyboardInterrupt
        return line

    def enter(frame: FrameType, event: str, argument: Any) -> Any:
        name = frame.f_code.co_filename
        return line if name.startswith(PACKAGE) and "emulator" not in name else None

    before = sys.gettrace()
    sys.settrace(enter)
    try:
        yield lines
    finally:
        sys.settrace(before)


def network(k: Backend, x: Tensor, maps: list[Tensor], low: int = -3) -> list[Tensor]:
    """The maps of a network; goes on from those that there are."""
    ways: list[Callable[[], Tensor]] = [
        lambda: k.add(x, BIAS, 2),
        lambda: k.clip(maps[0], low, 1 << 40),
        lambda: k.add(maps[1], Tensor.from_ints([1, x.bounds[1], 2, 3]), 1),
        lambda: k.clip(k.add(maps[2], maps[0], 1), -100, 1 << 50),
    ]
    for way in ways[len(maps) :]:
        maps.append(way())
    return maps


def x_of(value: int) -> Tensor:
    return Tensor.from_ints([value, -2, 3, 70_000])


@pytest.mark.parametrize(("runs", "low", "step"), [(0, -3, 19), (2, -3, 7), (3, -4, 11)])
def test_an_interruption_at_any_line(
    make_device: Any, make_backend: Make, runs: int, low: int, step: int
) -> None:
    number, reached = 1, True
    while reached:
        kernels, x, maps = make_backend(make_device()), x_of(7), []
        for value in range(runs):
            network(kernels, x_of(value), [])
        with suppress(KeyboardInterrupt), interrupted_at(number) as lines:
            network(kernels, x, maps, low)
        reached, number = lines[0] == number, number + step
        assert network(kernels, x, maps, low) == network(REFERENCE, x, [], low)
        for value in (3, 1 << 30):
            assert network(kernels, x_of(value), []) == network(REFERENCE, x_of(value), [])
        assert kernels.failure is None


def test_items_that_are_not_what_was_measured(device: Any, make_backend: Make) -> None:
    kernels = make_backend(device)
    last = network(kernels, x_of(1), [])[-1]
    assert isinstance(last, OnDevice) and last.operand is not None
    device.write(last.operand.memory, np.zeros(len(last), np.int64))
    with pytest.warns(RuntimeWarning, match="came back in"):
        assert last == network(REFERENCE, x_of(1), [])[-1]
