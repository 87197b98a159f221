"""A device that is watched: what it is asked for, how long that takes, and what a launch takes.

Times are those of the host, around work that it waits for, so that the same code runs on a card
and on the emulator.
"""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import Any

import numpy as np

from smartvm.dispatch.cupy_backend.device import Device, Launch, Memory


class Watched(Device):
    """Another device, and what it was asked for.

    Attributes:
        seconds: within each method, the replays of graphs as `replay`.
        calls: of each method.
        launches: since `watch` began, in order; those of a graph when it is replayed.
        live: bytes of memory that somebody refers to.
        peak: the most that there were.
    """

    def __init__(self, device: Device) -> None:
        self.inner = device
        self.name, self.processors = device.name, device.processors
        self.live = self.peak = 0
        self._keeps = False
        self._kept: list[Memory] = []
        self._forget()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def _forget(self) -> None:
        self.seconds: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self.launches: list[Launch] = []

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Begin anew, and keep what is launched, and its memory, within."""
        self._forget()
        self._keeps = True
        try:
            yield
        finally:
            self._keeps = False

    def allocate(self, nbytes: int) -> Memory:
        """See `Device.allocate`."""
        with self._timed("allocate"):
            memory = self.inner.allocate(nbytes)
        self.live += nbytes
        self.peak = max(self.peak, self.live)
        weakref.finalize(memory, self._freed, nbytes)
        if self._keeps:
            self._kept.append(memory)
        return memory

    def write(self, memory: Memory, items: np.ndarray) -> None:
        """See `Device.write`."""
        with self._timed("write"):
            self.inner.write(memory, items)

    def read(self, memory: Memory, items: np.ndarray) -> None:
        """See `Device.read`."""
        with self._timed("read"):
            self.inner.read(memory, items)

    def launch(self, launch: Launch) -> None:
        """See `Device.launch`."""
        self.launches += [launch] if self._keeps else []
        with self._timed("launch"):
            self.inner.launch(launch)

    def graph(self, launches: Sequence[Launch]) -> Callable[[], None]:
        """See `Device.graph`."""
        with self._timed("graph"):
            start = self.inner.graph(launches)

        def replay() -> None:
            self.launches += launches if self._keeps else []
            with self._timed("replay"):
                start()

        return replay

    def _freed(self, nbytes: int) -> None:
        self.live -= nbytes

    @contextmanager
    def _timed(self, method: str) -> Iterator[None]:
        started = perf_counter()
        yield
        self.seconds[method] += perf_counter() - started
        self.calls[method] += 1


def seconds_of(device: Device, launches: Sequence[Launch], repeats: int) -> float:
    """What the launches take in a row, one after the other, as a part of a graph."""
    few, many = (_replayed(device, [*launches] * count) for count in (1, 1 + repeats))
    return max(many - few, 0.0) / repeats


def _replayed(device: Device, launches: Sequence[Launch], runs: int = 5) -> float:
    """The least seconds of a graph until its end was waited for."""
    start, memory, item = device.graph(launches), device.allocate(1), np.empty(1, np.uint8)
    taken = []
    for _ in range(runs):
        started = perf_counter()
        start()
        device.read(memory, item)
        taken.append(perf_counter() - started)
    return min(taken)


def kernel_table(device: Device, launches: Sequence[Launch], repeats: int) -> list[dict[str, Any]]:
    """By kernel: launches, seconds of all together, blocks of all; the longest first.

    Each launch is repeated by itself, so its memory may lie in the card's cache.
    """
    seconds: Counter[str] = Counter()
    blocks: Counter[str] = Counter()
    for launch in launches:
        seconds[launch.kernel] += seconds_of(device, [launch], repeats)
        blocks[launch.kernel] += int(np.prod(launch.grid))
    counts = Counter(launch.kernel for launch in launches)
    return [
        {"kernel": name, "launches": counts[name], "blocks": blocks[name], "seconds": taken}
        for name, taken in seconds.most_common()
    ]
