"""The emulator refuses what a card refuses, and finds what a card would leave to chance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smartvm.dispatch.cupy_backend.device import DeviceError, Launch, OutOfDeviceMemory
from smartvm.dispatch.cupy_backend.emulator import EmulatedDevice, build
from smartvm.dispatch.cupy_backend.emulator.device import MOST_SHARED

ORDER = """
#include "common.cuh"

struct OrderArguments {
    i64 *places, *counter;
};

/// When each thread had its turn.
KERNEL(order, OrderArguments) { a.places[threadIdx.x] = atomicAdd(a.counter, 1LL); }
"""
THREADS = 64


@pytest.fixture(scope="module", autouse=True)
def _needs_a_compiler(emulators: list[Any]) -> None:
    pass


def reset(address: int, count: int, **changes: Any) -> Launch:
    """A launch that writes so many slots of 16 bytes."""
    launch = Launch("slots.reset_slots", (1, 1, 1), 256, np.array([address, count], np.int64))
    return launch._replace(**changes)


@pytest.mark.parametrize(
    ("what", "changes"),
    [
        ("blocks", {"grid": (1 << 31, 1, 1)}),
        ("blocks", {"grid": (1, 65_536, 1)}),
        ("blocks", {"grid": (1, 1, 65_536)}),
        ("blocks", {"grid": (1, 0, 1)}),
        ("threads", {"threads": 1056}),
        ("threads", {"threads": 48}),
        ("shared memory", {"shared": MOST_SHARED + 1}),
        ("arguments", {"arguments": np.zeros(3, np.int64)}),
        ("arguments", {"arguments": np.zeros(2, np.int32)}),
    ],
)
def test_what_no_card_takes(what: str, changes: dict[str, Any]) -> None:
    device = EmulatedDevice()
    memory = device.allocate(16)
    with pytest.raises(DeviceError, match=f"no card takes slots.reset_slots with such {what}$"):
        device.launch(reset(memory.address, 1, **changes))


def test_the_most_that_every_card_takes() -> None:
    device = EmulatedDevice()
    memory = device.allocate(16)
    device.launch(reset(memory.address, 1, threads=1024, shared=MOST_SHARED))


@pytest.mark.parametrize("slots", [0, 1, 3])
def test_kernels_that_write_behind_their_memory(slots: int) -> None:
    device = EmulatedDevice()
    memory = device.allocate(16 * slots)
    device.launch(reset(memory.address, slots))
    with pytest.raises(DeviceError, match=f"reset_slots wrote beside its {16 * slots} bytes"):
        device.launch(reset(memory.address, slots + 1))


def test_a_limit_of_memory() -> None:
    device = EmulatedDevice(limit=10)
    assert device.allocate(10).address % 256 == 0
    with pytest.raises(OutOfDeviceMemory, match="11 bytes asked for, at most 10"):
        device.allocate(11)


def test_orders_of_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "turns.cu").write_text(ORDER)
    (tmp_path / "common.cuh").write_text((build.SOURCES / "common.cuh").read_text())
    monkeypatch.setattr(build, "SOURCES", tmp_path)

    def turns(order: int) -> list[int]:
        device = EmulatedDevice(order=order)
        places, counter = device.allocate(8 * THREADS), device.upload(np.zeros(1, np.int64))
        addresses = np.array([places.address, counter.address], np.int64)
        device.launch(Launch("turns.order", (1, 1, 1), THREADS, addresses))
        found = np.empty(THREADS, np.int64)
        device.read(places, found)
        return found.tolist()  # type: ignore[no-any-return]

    numbers = list(range(THREADS))
    assert (turns(0), turns(1)) == (numbers, numbers[::-1])
    assert turns(2) == turns(2) != turns(3)
    assert sorted(turns(2)) == numbers
    assert turns(2) not in (numbers, numbers[::-1])
