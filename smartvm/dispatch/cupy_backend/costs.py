"""Costs: what kernels take on the device and on the CPU, and copies between them, measured."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from smartvm.dispatch.backend import Backend
from smartvm.dispatch.cupy_backend.device import Device, Launch
from smartvm.dispatch.tensor import Tensor
from smartvm.shapes import ConvShape

__all__ = ["Costs", "Line", "Link", "Side", "measured"]

CHANNELS = 64
"""Of the convolution that the CPU is measured with."""
PRODUCTS_A_PROCESSOR = 2.5e11
"""16-bit products a second of a multiprocessor: four of int8, at an eighth of an H100's peak."""
BYTES_AN_ITEM = 6
"""Read and written by a kernel that takes each item by itself."""
FUNCTION_ITEMS = 16
"""Items that a device copies in the time of one exponential."""


_known: dict[tuple[str, str], Costs] = {}


class Line(NamedTuple):
    """Seconds that a kernel takes: a start, and a time for each unit of work."""

    start: float
    each: float


class Side(NamedTuple):
    """What kernels take on one side: products, items taken by themselves, and functions."""

    product: Line
    item: Line
    function: Line


class Link(NamedTuple):
    """What a copy takes between host and device: a latency, and a time for each byte."""

    latency: float
    byte: float

    def seconds(self, nbytes: float) -> float:
        """Of one copy."""
        return self.latency + nbytes * self.byte


class Costs(NamedTuple):
    """What decides a placement."""

    cpu: Side
    device: Side
    link: Link


def measured(device: Device, cpu: Backend) -> Costs:
    """The costs of this machine, in a few hundredths of a second, once in a process."""
    key = device.name, repr(cpu)
    if key not in _known:
        _known[key] = _measured(device, cpu)
    return _known[key]


def _measured(device: Device, cpu: Backend) -> Costs:
    link, start, item = _device_times(device)
    product = Line(start, 1 / (PRODUCTS_A_PROCESSOR * device.processors))
    side = Side(product, Line(start, item), Line(start, item * FUNCTION_ITEMS))
    return Costs(_cpu_side(cpu), side, link)


def _cpu_side(cpu: Backend) -> Side:
    few, many = _noise(16), _noise(1 << 15)
    return Side(
        _line(_convolution(cpu, 8, 8), _convolution(cpu, CHANNELS, 14)),
        _line((16, lambda: cpu.multiply(few, 3)), (1 << 15, lambda: cpu.multiply(many, 3))),
        _line((16, lambda: cpu.tanh(few, 1000)), (1 << 15, lambda: cpu.tanh(many, 1000))),
    )


def _convolution(cpu: Backend, channels: int, side: int) -> tuple[int, Callable[[], Any]]:
    """The products of a convolution 3 by 3, and what runs it."""
    one = ((0, 0), (1, 1), (1, 1))
    shape = ConvShape(1, channels, channels, 1, (1, side, side), (1, 3, 3), padding=one)
    x, weights = _noise(shape.in_items), _noise(shape.weight_items)
    weights.memo = {}  # as resident ones, they are packed once
    return shape.macs, lambda: cpu.convolve(x, weights, shape)


def _line(few: tuple[int, Callable[[], Any]], many: tuple[int, Callable[[], Any]]) -> Line:
    """The line through a small and a large amount of work."""
    start, long = _least(few[1]), _least(many[1])
    return Line(start, max(long - start, 1e-9) / (many[0] - few[0]))


def _least(run: Callable[[], Any], runs: int = 5) -> float:
    """The least seconds of a few runs, after one that warms up."""
    taken = []
    for _ in range(runs + 1):
        started = perf_counter()
        run()
        taken.append(perf_counter() - started)
    return min(taken[1:])


def _noise(count: int) -> Tensor:
    return Tensor.from_array(np.random.default_rng(count).integers(-1000, 1000, count))


def _device_times(device: Device) -> tuple[Link, float, float]:
    """The link, and seconds of a launch within a graph and of an item taken by itself."""
    many, nbytes = 1 << 14, 1 << 20
    memory, one, items = device.allocate(nbytes), np.empty(16, np.uint8), np.empty(nbytes, np.uint8)

    def replayed(launches: int, slots: int) -> float:
        arguments = np.array([memory.address, slots], np.int64)
        launch = Launch("slots.reset_slots", (max(1, slots // 256), 1, 1), 256, arguments)
        device.launch(launch)  # loads it
        graph = device.graph([launch] * launches)
        return _least(lambda: (device.write(memory, one), graph(), device.read(memory, one)))

    def copied() -> None:
        device.write(memory, items)
        device.read(memory, items)

    single, several = replayed(1, 1), replayed(9, 1)
    start = max((several - single) / 8, 1e-9)
    latency = max(single - start, 1e-9)
    byte = max(_least(copied) - latency, 1e-9) / (2 * nbytes)
    item = max(replayed(9, many) - several, 1e-9) / (8 * many * 16 / BYTES_AN_ITEM)
    return Link(latency / 2, byte), start, item
